"""HistogramGraph: histogram gradient boosting as an ONNX model, from the columns as they come to its answers.

The trees are scikit-learn's own, with 64-bit thresholds and values: skl2onnx rounds them to 32 bits, and does not take
the categories that this library lets the model encode by itself.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Column, Kind, Schema, Task
from holdtrue.registry.forest import Forest
from holdtrue.registry.histogram import HistogramPath
from holdtrue.registry.onnx_bytes import TREES, OnnxGraph, OnnxNode

NULL_TEXT = ""
"""What stands for a null text: see `OnnxScorer`."""


def dump_histogram(path: HistogramPath, schema: Schema, task: Task) -> bytes | None:
    """Return the ONNX model of a histogram gradient boosting; None where it asks for what cannot be said there."""
    forest = plant_histogram(path.model)
    if forest is None or any(NULL_TEXT in column.levels for column in schema.columns):
        return None
    taken = [schema.columns[place] for place in path.columns]
    inputs = [(column.name, 1, column.kind is Kind.TEXT) for column in taken]
    graph = OnnxGraph(inputs, ("probabilities" if task.has_classes else "answer", forest.n_outputs))
    coded = [_encode(graph, column, path.codes[place]) for column, place in zip(taken, path.columns, strict=True)]
    graph.add(OnnxNode("Concat", coded, "rows").add_whole("axis", 1))
    graph.add(forest.make_node("rows", "sums"))
    graph.add_constant("baseline", np.asarray(path.model._baseline_prediction, dtype=np.float64).ravel())
    graph.add(OnnxNode("Add", ["sums", "baseline"], "raw"))
    link = _name_link(path.model, task, forest.n_outputs)
    if link is None:
        return None
    node = OnnxNode(link, ["raw"], graph.output[0])
    graph.add(node.add_whole("axis", 1) if link == "Softmax" else node)
    return graph.dump()


def plant_histogram(model: Any) -> Forest | None:
    """Return the trees of a fitted model as a forest; None where they are not sound."""
    trees = [(tree, output) for iteration in model._predictors for output, tree in enumerate(iteration)]
    nodes = [_ask_once(tree.nodes) for tree, _ in trees]
    leaves = [each["is_leaf"] > 0 for each in nodes]
    # One number for each node, all trees through: inner nodes count up from 0, leaves down from -1.
    is_leaf = np.concatenate(leaves)
    numbers = np.where(is_leaf, 0 - np.cumsum(is_leaf), np.cumsum(~is_leaf) - 1)
    begins = np.cumsum([0, *(len(each) for each in nodes)])[:-1]
    shifts = np.repeat(begins, [len(each) for each in nodes])[~is_leaf]
    joined = np.concatenate(nodes)
    inner = joined[~is_leaf]
    is_member = inner["is_categorical"] > 0
    owners = np.repeat(np.arange(len(trees)), [len(each) for each in nodes])[~is_leaf]
    members = {
        int(place): _list_members(trees[owners[place]][0].raw_left_cat_bitsets[inner[place]["bitset_idx"]])
        for place in np.flatnonzero(is_member)
    }
    forest = Forest(
        n_features=model._n_features,
        n_outputs=model.n_trees_per_iteration_,
        roots=numbers[begins],
        features=inner["feature_idx"].astype(np.int64),
        thresholds=np.where(is_member, 0.0, inner["num_threshold"]),
        lefts=numbers[inner["left"].astype(np.int64) + shifts],
        rights=numbers[inner["right"].astype(np.int64) + shifts],
        is_missing_left=inner["missing_go_to_left"] > 0,
        members=members,
        leaf_values=joined["value"][is_leaf],
        leaf_outputs=np.repeat([output for _, output in trees], [int(each.sum()) for each in leaves]),
    )
    return forest if all(members.values()) and forest.is_sound() else None


def _ask_once(nodes: NDArray[Any]) -> NDArray[Any]:
    """Return a tree that asks something: one of a single leaf asks, and gives the same answer either way."""
    if len(nodes) > 1:
        return nodes
    asking = np.zeros(3, dtype=nodes.dtype)
    asking[1:] = nodes[0]
    asking[0]["left"], asking[0]["right"] = 1, 2
    return asking


def _list_members(words: NDArray[np.uint32]) -> list[int]:
    bits = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), bitorder="little")
    return [int(code) for code in np.flatnonzero(bits)]


def _encode(graph: OnnxGraph, column: Column, codes: Any) -> str:
    """Add what turns a column into the numbers that the trees ask for; return the name of the outcome."""
    if codes is None:
        return column.name
    known = [(value, code) for value, code in codes.items() if value is not None]
    numbers = np.array([code for _, code in known], dtype=np.float64)
    keys: Sequence[str] | NDArray[np.float64] = [value for value, _ in known]
    missing = codes[None]
    if column.kind is Kind.TEXT:
        keys, numbers = [*keys, NULL_TEXT], np.append(numbers, missing)
    else:
        keys = np.array([float(value) for value, _ in known])
    outcome = f"{column.name} as a number"
    node = OnnxNode("LabelEncoder", [column.name], outcome, family=TREES)
    node.add_tensor("keys_tensor", keys).add_tensor("values_tensor", numbers)
    graph.add(node.add_tensor("default_tensor", np.array([missing])))
    return outcome


def _name_link(model: Any, task: Task, n_outputs: int) -> str | None:
    if task.has_classes:
        return "Sigmoid" if n_outputs == 1 else "Softmax"
    link = type(model._loss.link).__name__
    return {"IdentityLink": "Identity", "LogLink": "Exp"}.get(link)
