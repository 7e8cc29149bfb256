"""ONNX files are judged by their bytes, and run by ONNX Runtime alone."""

import subprocess
import sys

import numpy as np
import onnx
import polars as pl
import pytest
from onnx import TensorProto, helper

from holdtrue.domain import ModelFormat, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry import check_model, load_model, name_format
from holdtrue.registry.onnx_format import choose_providers
from registry.conftest import NUMBERS, SCHEMA, make_signature
from registry.mutants import N_MUTANTS, mutate, mutate_numbers, try_mutants

BINARY = make_signature(schema=NUMBERS)
WEIGHTS = np.array([0.02, -0.3, 0.5], dtype=np.float32)


def save(nodes: list[onnx.NodeProto], *, inputs=None, outputs=None, weights=(), **changes: object) -> bytes:
    inputs = inputs or [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 3])]
    outputs = outputs or [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 1])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(weights))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=changes.pop("opsets", opsets), ir_version=8, **changes)
    return model.SerializeToString()


def linear() -> bytes:
    kernel = helper.make_tensor("W", TensorProto.FLOAT, [3, 1], WEIGHTS)
    nodes = [helper.make_node("MatMul", ["X", "W"], ["z"]), helper.make_node("Sigmoid", ["z"], ["probability"])]
    return save(nodes, weights=[kernel])


# Two trees: which of 40 is younger, and which comes often.
TREES: dict[str, list[float]] = {
    "nodes_treeids": [0, 0, 0, 1, 1, 1, 1, 1],
    "nodes_nodeids": [0, 1, 2, 0, 1, 2, 3, 4],
    "nodes_featureids": [0, 0, 0, 1, 0, 2, 0, 0],
    "nodes_values": [40.0, 0.0, 0.0, 4.0, 0.0, 0.5, 0.0, 0.0],
    "nodes_truenodeids": [1, 0, 0, 1, 0, 3, 0, 0],
    "nodes_falsenodeids": [2, 0, 0, 2, 0, 4, 0, 0],
    "target_treeids": [0, 0, 1, 1, 1],
    "target_nodeids": [1, 2, 1, 3, 4],
    "target_ids": [0, 0, 0, 0, 0],
    "target_weights": [5.0, 9.0, 0.0, 0.0, 0.0],
}
MODES = ["BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"]


def trees(**changes: object) -> bytes:
    said: dict[str, object] = {**TREES, "nodes_modes": MODES, "n_targets": 1, **changes}
    node = helper.make_node("TreeEnsembleRegressor", ["X"], ["y"], domain="ai.onnx.ml", **said)
    return save([node], outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])])


def test_a_column_of_probabilities_is_that_of_the_second_class(numbers: pl.DataFrame) -> None:
    answers = load_model(linear(), ModelFormat.ONNX, BINARY).score(numbers)
    expected = 1 / (1 + np.exp(-(numbers.to_numpy().astype(np.float32) @ WEIGHTS)))
    assert np.abs(answers[:, 1] - expected).max() < 1e-6
    assert name_format(linear()) is check_model(linear()) is ModelFormat.ONNX


def test_trees_answer_numbers_and_rows_and_frame_agree(numbers: pl.DataFrame) -> None:
    scorer = load_model(trees(), ModelFormat.ONNX, make_signature(task=Task.REGRESSION, schema=NUMBERS))
    answers = scorer.score(numbers)
    assert set(answers) == {5.0, 9.0}
    assert (answers == scorer.score_rows(numbers.rows()).answers).all()


def test_an_input_for_each_column_takes_texts_and_a_zipmap_gives_the_classes(frame: pl.DataFrame) -> None:
    inputs = [helper.make_tensor_value_info("place", TensorProto.STRING, [None, 1])]
    nodes = [
        helper.make_node(
            "LabelEncoder", ["place"], ["z"], domain="ai.onnx.ml", keys_strings=["x", "y"], values_floats=[0.9, 0.2],
            default_float=0.5,
        ),
        helper.make_node("Neg", ["z"], ["m"]),
        helper.make_node("Concat", ["m", "z"], ["both"], axis=1),
        helper.make_node("Softmax", ["both"], ["p"], axis=1),
        helper.make_node("ZipMap", ["p"], ["probabilities"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]),
    ]  # fmt: skip
    kind = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    output = helper.make_value_info("probabilities", helper.make_sequence_type_proto(kind))
    scorer = load_model(save(nodes, inputs=inputs, outputs=[output]), ModelFormat.ONNX, make_signature(schema=SCHEMA))
    answers = scorer.score(frame)
    assert np.abs(answers.sum(axis=1) - 1).max() < 1e-6
    by_place = dict(zip(frame["place"].to_list(), answers[:, 1], strict=True))
    assert by_place["x"] == pytest.approx(1 / (1 + np.exp(-1.8)))
    assert by_place[None] == pytest.approx(1 / (1 + np.exp(-1.0)))


def test_whole_numbers_take_no_null(numbers: pl.DataFrame) -> None:
    inputs = [helper.make_tensor_value_info("visits", TensorProto.INT64, [None, 1])]
    nodes = [
        helper.make_node("Cast", ["visits"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Sigmoid", ["f"], ["probability"]),
    ]
    scorer = load_model(save(nodes, inputs=inputs), ModelFormat.ONNX, BINARY)
    assert scorer.score(numbers).shape == (numbers.height, 2)
    with pytest.raises(TrainingFailed, match="missing"):
        scorer.score_rows([[1.0, None, True]])


def test_other_shapes_types_and_names_are_refused() -> None:
    wide = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 4])]
    named = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in ("age", "speed")]
    text = [helper.make_tensor_value_info("age", TensorProto.STRING, [None, 1])]
    encoder = helper.make_node(
        "LabelEncoder", ["age"], ["probability"], domain="ai.onnx.ml", keys_strings=["a"], values_floats=[1.0]
    )
    for inputs, node, word in (
        (wide, helper.make_node("Sigmoid", ["X"], ["probability"]), "shape"),
        (named, helper.make_node("Add", ["age", "speed"], ["probability"]), "speed"),
        (text, encoder, "number"),
    ):
        with pytest.raises(FormatRefused, match=word):
            load_model(save([node], inputs=inputs), ModelFormat.ONNX, BINARY)


def test_what_reaches_outside_or_runs_more_than_plain_operators_is_refused() -> None:
    outside = helper.make_tensor("W", TensorProto.FLOAT, [3, 1], WEIGHTS)
    outside.ClearField("float_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="/etc/passwd")
    bomb = helper.make_tensor("W", TensorProto.FLOAT, [3, 1], WEIGHTS)
    bomb.dims[0] = 1 << 40
    sigmoid = helper.make_node("Sigmoid", ["X"], ["probability"])
    body = helper.make_graph([sigmoid], "b", [], [helper.make_tensor_value_info("p", TensorProto.FLOAT, [])])
    cases = [
        (save([sigmoid], weights=[outside]), "outside"),
        (save([sigmoid], weights=[bomb]), "declares"),
        (save([helper.make_node("Own", ["X"], ["probability"], domain="evil.ops")]), "Own"),
        (save([helper.make_node("Sigmoid", ["X"], ["probability"], domain="evil.ops")]), r"evil\.ops"),
        (save([sigmoid], opsets=[helper.make_opsetid("", 17), helper.make_opsetid("evil.ops", 1)]), r"evil\.ops"),
        (save([helper.make_node("Loop", ["X"], ["probability"], body=body)]), "Loop"),
        (save([helper.make_node("Sigmoid", ["X"], ["probability"], body=body)]), "a graph"),
        (save([helper.make_node("ConstantOfShape", ["X"], ["probability"])]), "ConstantOfShape"),
        (b"\x08\x08", "0 graphs"),
        (linear()[:-40], r"fewer|declares|number"),
    ]
    for data, word in cases:
        with pytest.raises(FormatRefused, match=word):
            check_model(data)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"nodes_truenodeids": [0, 0, 0, 1, 0, 3, 0, 0]}, "own"),
        ({"nodes_truenodeids": [7, 0, 0, 1, 0, 3, 0, 0]}, "not in its tree"),
        ({"nodes_truenodeids": [2, 0, 0, 1, 0, 3, 0, 0]}, "two parents"),
        ({"nodes_featureids": [-1, 0, 0, 1, 0, 2, 0, 0]}, "negative"),
        ({"nodes_nodeids": [0, 1]}, "length"),
        ({"target_weights": [1.0]}, "number"),
    ],
)
def test_a_tree_that_points_outside_itself_is_refused(changes: dict[str, object], word: str) -> None:
    with pytest.raises(FormatRefused, match=word):
        check_model(trees(**changes))


@pytest.mark.parametrize("kind", ["linear", "trees"])
def test_changed_files_never_end_this_process(kind: str, numbers: pl.DataFrame) -> None:
    task = Task.BINARY if kind == "linear" else Task.REGRESSION
    data = linear() if kind == "linear" else trees()
    counts = try_mutants(mutate(data, seed=2), make_signature(task=task, schema=NUMBERS), numbers.head(4).to_dicts())
    assert sum(counts.values()) == N_MUTANTS
    assert counts["killed_the_child"] == 0
    assert counts["refused_by_structure"] > N_MUTANTS / 4


def test_changed_numbers_of_trees_never_end_this_process(numbers: pl.DataFrame) -> None:
    mutants = (trees(**_whole(changed)) for changed in mutate_numbers(TREES, seed=4))
    counts = try_mutants(mutants, make_signature(task=Task.REGRESSION, schema=NUMBERS), numbers.head(4).to_dicts())
    assert sum(counts.values()) == N_MUTANTS
    assert counts["killed_the_child"] == 0
    assert counts["admitted"] > 0


def _whole(changed: dict[str, list[float]]) -> dict[str, object]:
    """Return lists that ONNX can write: the numbers of a node are whole, but for its values and weights."""
    is_float = ("nodes_values", "target_weights")
    return {
        name: [float(value) if name in is_float else int(max(min(value, 2**62), -(2**62))) for value in values]
        for name, values in changed.items()
    }


def test_answering_with_onnx_imports_no_engine_of_training() -> None:
    code = f"""
import sys
from holdtrue.domain import ModelFormat, Schema, Column, Kind, Signature, Task
from holdtrue.registry import load_model
columns = tuple(Column(name=name, kind=Kind.NUMBER) for name in ("age", "visits", "is_new"))
signature = Signature(schema=Schema(columns), task=Task.BINARY, label="late", classes=(False, True))
scorer = load_model(bytes.fromhex({linear().hex()!r}), ModelFormat.ONNX, signature)
assert scorer.score_rows([[1.0, 2.0, 1.0]]).answers.shape == (1, 2)
print([name for name in ("polars", "sklearn", "skops", "sqlalchemy", "onnx") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_a_gpu_is_asked_first_where_onnx_runtime_has_one_and_the_cpu_always_last() -> None:
    gpus = ["CoreMLExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"]
    asked = choose_providers(["CPUExecutionProvider", "AzureExecutionProvider", *gpus])
    assert asked == [*reversed(gpus), "CPUExecutionProvider"]
    assert choose_providers([]) == ["CPUExecutionProvider"]


def test_a_session_uses_one_thread_unless_the_environment_says_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert count_session_threads() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert count_session_threads() == 3


def count_session_threads() -> int:
    return load_model(linear(), ModelFormat.ONNX, BINARY).session.get_session_options().intra_op_num_threads
