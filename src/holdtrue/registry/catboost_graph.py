"""CatboostGraph: CatBoost's trees as ONNX, with its own 32-bit comparisons and 64-bit sums.

They are read from CatBoost's own JSON, which its `save_model` writes; its binary file is not kept.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from holdtrue.domain import Signature, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry.estimator import place_classes
from holdtrue.registry.foreign import Foreign, Matrix, give_input, place_columns, refuse_task
from holdtrue.registry.forest import Forest
from holdtrue.registry.onnx_bytes import OnnxGraph, OnnxNode

_NAME = "CatBoost model"
_TOLERANCE = 1e-9
_FLOAT, _DOUBLE = 1, 11  # types of a tensor
_NEVER = -1e30  # the sum for a class that training had none of
_LINKS = {
    Task.BINARY: {"Logloss": "Sigmoid", "CrossEntropy": "Sigmoid"},
    Task.MULTICLASS: {"MultiClass": "Softmax"},
    Task.REGRESSION: {
        **dict.fromkeys(
            ("RMSE", "MAE", "Quantile", "Huber", "MAPE", "LogCosh", "Expectile", "LogLinQuantile", "Lq"), "Identity"
        ),
        "Poisson": "Exp",
        "Tweedie": "Exp",
    },
}
_MOST_NODES = 5_000_000


def convert_catboost(model: Any, signature: Signature) -> Foreign:
    """Return a CatBoostClassifier, CatBoostRegressor or CatBoost as ONNX.

    Raises:
        TrainingFailed: it is not fitted, or answers another question than the task.
        FormatRefused: it splits by categories or texts, or has another loss than those with one plain answer.
    """
    if not hasattr(model, "is_fitted") or not model.is_fitted():
        raise TrainingFailed(
            f"train returned a {type(model).__name__} that is not fitted", expected="call .fit(...) in train"
        )
    told, loss = _read_json(model), str(model.get_all_params().get("loss_function", ""))
    link = _LINKS[signature.task].get(loss.partition(":")[0])
    if link is None:
        raise refuse_task(_NAME, f"of the loss {loss or 'that nobody knows'}", signature)
    names = [each["feature_id"] or str(each["flat_feature_index"]) for each in told["features_info"]["float_features"]]
    if names == [str(place) for place in range(len(signature.schema.columns))]:
        names = list(signature.schema.names)  # it was fitted on a matrix without names
    columns = place_columns(names, signature, name=_NAME)
    outputs, n_outputs = _place_outputs(model, signature)
    data = _write(told, signature, columns, outputs=outputs, n_outputs=n_outputs, link=link)

    def answer(matrix: Matrix) -> Matrix:
        if not signature.task.has_classes:
            return np.asarray(model.predict(matrix, thread_count=1), dtype=np.float64)
        shares = np.zeros((len(matrix), len(signature.classes)))
        places = place_classes(model, signature)
        known = [place for place, column in enumerate(places) if column is not None]
        shares[:, known] = model.predict_proba(matrix, thread_count=1)[:, [p for p in places if p is not None]]
        return shares

    return Foreign(name=_NAME, data=data, columns=columns, answer=answer, tolerance=_TOLERANCE)


def _read_json(model: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        try:
            model.save_model(str(path), format="json")
        except Exception as error:  # CatBoost raises its own kind, which is not imported here
            raise FormatRefused(f"CatBoost cannot write the model ({error})", expected="trees") from error
        told = msgspec.json.decode(path.read_bytes())
    others = [kind for kind in told["features_info"] if kind != "float_features" and told["features_info"][kind]]
    if others:
        raise FormatRefused(
            f"the {_NAME} splits by {', '.join(others).replace('_', ' ')}",
            expected="splits by numbers alone",
            remedy="compute codes or shares of these columns in the table and leave cat_features out",
        )
    return told


def _place_outputs(model: Any, signature: Signature) -> tuple[list[int], int]:
    """Return for each sum of the model its place among the answers, and how many answers there are."""
    if not signature.task.has_classes:
        return [0], 1
    places = place_classes(model, signature)
    if signature.task is Task.BINARY:
        if places != [0, 1]:
            raise TrainingFailed(f"the {_NAME} knows the classes {list(model.classes_)}", expected="both classes")
        return [0], 1
    order = {column: place for place, column in enumerate(places) if column is not None}
    return [order[column] for column in range(len(order))], len(signature.classes)


def _write(
    told: Any, signature: Signature, columns: Sequence[int], *, outputs: list[int], n_outputs: int, link: str
) -> bytes:
    answer = "answer" if link in ("Identity", "Exp") else "probabilities"
    graph = OnnxGraph([], (answer, n_outputs))
    given = give_input(graph.inputs, signature, columns)
    n_given = len(signature.schema.columns) if given is not None else len(columns)
    places = columns if given is not None else range(len(columns))
    if given is None:
        given = "all given"
        graph.add(OnnxNode("Concat", [name for name, _, _ in graph.inputs], given).add_whole("axis", 1))
    # CatBoost keeps what it is given in 32 bits and compares that.
    graph.add(OnnxNode("Cast", [given], "in 32 bits").add_whole("to", _FLOAT))
    graph.add(OnnxNode("Cast", ["in 32 bits"], "in 64 bits").add_whole("to", _DOUBLE))
    scale, bias = told["scale_and_bias"]
    base = np.full(n_outputs, 0.0 if n_outputs == 1 else _NEVER)
    base[outputs] = bias
    graph.add_constant("base", base)
    forest = _plant(told, places, n_given=n_given, outputs=outputs, n_outputs=n_outputs, scale=float(scale))
    graph.add(forest.make_node("in 64 bits", "sums"))
    graph.add(OnnxNode("Add", ["sums", "base"], "raw"))
    node = OnnxNode(link, ["raw"], answer)
    graph.add(node.add_whole("axis", 1) if link == "Softmax" else node)
    return graph.dump()


@dataclass
class _Growth:
    """Trees as they are written down, node after node, each child behind its parent."""

    is_high: dict[int, bool]
    scale: float
    outputs: list[int]
    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    lefts: list[int] = field(default_factory=list)
    rights: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)

    def add_node(self, split: Any) -> int:
        """Add a node without children and return its number."""
        if split["split_type"] != "FloatFeature":
            raise FormatRefused(f"the {_NAME} splits by {split['split_type']}", expected="splits by numbers alone")
        if len(self.features) > _MOST_NODES:
            raise FormatRefused(f"the {_NAME} has more than {_MOST_NODES:,} nodes", expected="a smaller model")
        self.features.append(int(split["float_feature_index"]))
        self.thresholds.append(float(split["border"]))
        self.lefts.append(0)
        self.rights.append(0)
        return len(self.features) - 1

    def add_leaf(self, value: float, place: int) -> int:
        """Add a leaf and return what points at it."""
        self.values.append(self.scale * float(value))
        self.targets.append(self.outputs[place])
        return ~(len(self.values) - 1)

    def grow_oblivious(self, splits: list[Any], values: list[float], place: int) -> int:
        """Add a tree that asks the same at each depth; bit i of a leaf's number is the answer to split i."""

        def grow(depth: int, number: int) -> int:
            if depth < 0:
                return self.add_leaf(values[number * len(self.outputs) + place], place)
            node = self.add_node(splits[depth])
            self.lefts[node] = grow(depth - 1, number)
            self.rights[node] = grow(depth - 1, number | 1 << depth)
            return node

        return grow(len(splits) - 1, 0)

    def grow_plain(self, tree: Any, place: int) -> int:
        """Add a tree of nested nodes."""
        if "split" not in tree:
            value = tree["value"]
            return self.add_leaf(value[place] if isinstance(value, list) else value, place)
        node = self.add_node(tree["split"])
        self.lefts[node] = self.grow_plain(tree["left"], place)
        self.rights[node] = self.grow_plain(tree["right"], place)
        return node

    def plant(self, root: int) -> None:
        """Take a tree that was grown; one that is a leaf asks something, and gives the same either way."""
        if root < 0:
            leaf, root = root, self.add_node({"split_type": "FloatFeature", "float_feature_index": 0, "border": 0.0})
            self.lefts[root] = self.rights[root] = leaf
        self.roots.append(root)


def _plant(
    told: Any, places: Sequence[int], *, n_given: int, outputs: list[int], n_outputs: int, scale: float
) -> Forest:
    features = told["features_info"]["float_features"]
    growth = _Growth({i: each["nan_value_treatment"] == "AsTrue" for i, each in enumerate(features)}, scale, outputs)
    for place in range(len(outputs)):  # a leaf of several values is a tree for each of them
        for tree in told.get("oblivious_trees", ()):
            growth.plant(growth.grow_oblivious(tree["splits"] or [], tree["leaf_values"], place))
        for tree in told.get("trees", ()):
            growth.plant(growth.grow_plain(tree, place))
    forest = Forest(
        n_features=n_given,
        n_outputs=n_outputs,
        roots=np.array(growth.roots, dtype=np.int64),
        features=np.array([places[feature] for feature in growth.features], dtype=np.int64),
        thresholds=np.array(growth.thresholds),
        lefts=np.array(growth.lefts, dtype=np.int64),
        rights=np.array(growth.rights, dtype=np.int64),
        is_missing_left=np.array([not growth.is_high[feature] for feature in growth.features], dtype=np.bool_),
        members={},
        leaf_values=np.array(growth.values),
        leaf_outputs=np.array(growth.targets, dtype=np.int64),
    )
    if not forest.is_sound():
        raise FormatRefused(f"the nodes of the {_NAME} form no trees", expected="a model as CatBoost fitted it")
    return forest
