"""OnnxStructure: what an ONNX file would run, judged from its bytes before ONNX Runtime sees it."""

import math
from collections.abc import Mapping, Sequence

from holdtrue.errors import FormatRefused
from holdtrue.registry.onnx_trees import FOREST, TREES, check_forest, check_trees
from holdtrue.registry.protobuf import Field, read_fields, read_messages, read_packed, read_text

Message = Mapping[int, Sequence[Field]]

DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
# What models of tables are made of. Left out: control flow, functions, randomness, what makes large arrays of small
# numbers (ConstantOfShape, Expand, Tile, Range, Pad, Resize), and what reads text or files.
OPERATORS = frozenset((
    "Abs", "Add", "And", "ArgMax", "ArgMin", "ArrayFeatureExtractor", "BatchNormalization", "Binarizer", "Cast",
    "CastLike", "CategoryMapper", "Ceil", "Clip", "Concat", "Constant", "DictVectorizer", "Div", "Dropout",
    "Elu", "Equal", "Erf", "Exp", "FeatureVectorizer", "Flatten", "Floor", "Gather", "GatherElements",
    "GatherND", "Gelu", "Gemm", "Greater", "GreaterOrEqual", "HardSigmoid", "Identity", "Imputer", "IsInf",
    "IsNaN", "LabelEncoder", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "LinearClassifier",
    "LinearRegressor", "Log", "LogSoftmax", "MatMul", "Max", "Mean", "Min", "Mod", "Mul", "Neg", "Normalizer",
    "Not", "OneHotEncoder", "Or", "Pow", "PRelu", "Reciprocal", "ReduceMax", "ReduceMean", "ReduceMin",
    "ReduceSum", "ReduceSumSquare", "ReduceL2", "Relu", "Reshape", "Round", "Scaler", "Selu", "Shape",
    "Sigmoid", "Sign", "Slice", "Softmax", "Softplus", "Split", "Sqrt", "Squeeze", "Sub", "Sum",
    "SVMClassifier", "SVMRegressor", "Tanh", "TopK", "Transpose", "TreeEnsemble", "TreeEnsembleClassifier",
    "TreeEnsembleRegressor", "Unsqueeze", "Where", "Xor", "ZipMap",
))  # fmt: skip
_ITEM_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8}
_TEXT = 8


def check_onnx(data: bytes) -> None:
    """Refuse an ONNX file that needs more than its own bytes and the plain operators.

    Raises:
        FormatRefused: it is no whole file, has a domain or an operator that is not allowed, functions, graphs inside
            nodes, data outside the file, an array that declares another size than it has, or a tree that points
            outside itself.
    """
    model = read_fields(data)
    graphs = read_messages(model.get(7, ()))
    if len(graphs) != 1:
        raise _refuse(f"the ONNX file holds {len(graphs)} graphs", "one graph")
    for number, what in ((20, "training steps"), (25, "functions of its own")):
        if model.get(number):
            raise _refuse(f"the ONNX file holds {what}", "a model for inference of plain operators")
    for opset in read_messages(model.get(8, ())):
        _check_domain(read_text(opset.get(1, ())))
    _check_graph(graphs[0])


def _check_graph(graph: Message) -> None:
    if graph.get(15):
        raise _refuse("the ONNX file holds sparse arrays", "dense ones")
    for tensor in read_messages(graph.get(5, ())):
        _check_tensor(tensor)
    nodes = read_messages(graph.get(1, ()))
    if not nodes:
        raise _refuse("the ONNX graph has no node", "a model")
    refused = sorted({read_text(node.get(4, ())) for node in nodes} - OPERATORS)
    if refused:
        raise _refuse(f"the ONNX graph uses {', '.join(refused[:10])}", "operators of models of tables alone")
    for node in nodes:
        _check_domain(read_text(node.get(7, ())))
        attributes = read_messages(node.get(5, ()))
        for attribute in attributes:
            _check_attribute(attribute)
        if read_text(node.get(4, ())) in TREES:
            check_trees(attributes)
        if read_text(node.get(4, ())) == FOREST:
            check_forest(attributes)


def _check_attribute(attribute: Message) -> None:
    for number, what in ((6, "a graph"), (11, "graphs"), (22, "a sparse array"), (23, "sparse arrays")):
        if attribute.get(number):
            raise _refuse(f"a node of the ONNX graph holds {what}", "plain attributes")
    for tensor in read_messages([*attribute.get(5, ()), *attribute.get(10, ())]):
        _check_tensor(tensor)


def _check_domain(domain: str) -> None:
    if domain not in DOMAINS:
        raise _refuse(f"the ONNX file uses the domain {domain!r}", f"one of {list(DOMAINS)}")


def _check_tensor(tensor: Message) -> None:
    if tensor.get(13) or any(tensor.get(14, ())) or tensor.get(3):
        raise _refuse("an array of the ONNX file lies outside it", "all data in the one file")
    kind = read_packed(tensor.get(2, ()))[-1:] or [0]
    declared, found = math.prod(read_packed(tensor.get(1, ()))), 0.0
    if kind[0] == _TEXT:
        found = len(tensor.get(6, ()))
    elif kind[0] not in _ITEM_BYTES:
        raise _refuse(f"an array of the ONNX file is of type {kind[0]}", "numbers, booleans or texts")
    else:
        found = _count_numbers(tensor, _ITEM_BYTES[kind[0]])
    if declared != found:
        raise _refuse(f"an array of the ONNX file declares {declared} values and holds {found}", "as many as it says")


def _count_numbers(tensor: Message, item_bytes: int) -> float:
    raw = tensor.get(9)
    if raw:
        return sum(len(value) for value in raw if isinstance(value, bytes)) / item_bytes
    fixed = sum(
        len(value) / width
        for number, width in ((4, 4), (10, 8))
        for value in tensor.get(number, ())
        if isinstance(value, bytes)
    )
    return fixed + sum(len(read_packed(tensor.get(number, ()))) for number in (5, 7, 11))


def _refuse(found: str, expected: str) -> FormatRefused:
    return FormatRefused(
        found,
        expected=expected,
        remedy="export the model for inference, with all weights in one file and no own operators",
    )
