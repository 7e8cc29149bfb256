"""OnnxTrees: whether the trees of an ONNX ensemble point inside themselves, as ONNX Runtime takes for granted."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from holdtrue.errors import FormatRefused
from holdtrue.registry.forest import Forest
from holdtrue.registry.protobuf import Field, read_messages, read_packed, read_text

TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")
FOREST = "TreeEnsemble"
LEAF = b"LEAF"
_MOST_FEATURES = 1 << 20


def check_trees(attributes: Sequence[Mapping[int, Sequence[Field]]]) -> None:
    """Refuse the attributes of a tree ensemble whose lists do not fit together, or whose nodes form no trees.

    Raises:
        FormatRefused: it says what does not fit.
    """
    by_name = {read_text(each.get(1, ())): each for each in attributes}
    whole = {name: np.array(read_packed(each.get(8, ())), dtype=np.uint64) for name, each in by_name.items()}
    modes = by_name["nodes_modes"].get(9, ()) if "nodes_modes" in by_name else ()
    trees, nodes = _ints(whole, "nodes_treeids"), _ints(whole, "nodes_nodeids")
    yes, no = _ints(whole, "nodes_truenodeids"), _ints(whole, "nodes_falsenodeids")
    features = _ints(whole, "nodes_featureids")
    n_nodes = len(modes)
    _demand(n_nodes > 0, "a tree ensemble has no nodes")
    _demand(all(len(values) == n_nodes for values in (trees, nodes, yes, no, features)), "its lists differ in length")
    _demand(_n_floats(by_name.get("nodes_values", {})) in (0, n_nodes), "its thresholds are not as many as its nodes")
    _demand(bool((features < _MOST_FEATURES).all()), "a split asks for a feature that is not there")
    kind = "class" if "class_treeids" in by_name else "target"
    _check_leaves(whole, by_name, kind, n_nodes)
    is_leaf = np.array([mode == LEAF for mode in modes])
    _check_shape(trees, nodes, yes, no, is_leaf)


def check_forest(attributes: Sequence[Mapping[int, Sequence[Field]]]) -> None:
    """Refuse the attributes of a `TreeEnsemble` (version 5) whose lists do not fit together, or form no trees.

    Each child must stand behind its parent, as in a tree that is written from its root on.

    Raises:
        FormatRefused: they form no trees.
    """
    by_name = {read_text(each.get(1, ())): each for each in attributes}
    whole = {name: np.array(read_packed(each.get(8, ())), dtype=np.uint64) for name, each in by_name.items()}
    n_outputs = read_packed(by_name.get("n_targets", {}).get(3, ()))[-1:] or [0]
    n_nodes, n_leaves = (_n_values(by_name.get(name, {})) for name in ("nodes_splits", "leaf_weights"))
    lefts, rights = (_read_children(whole, side) for side in ("true", "false"))
    forest = Forest(
        n_features=_MOST_FEATURES,
        n_outputs=n_outputs[0],
        roots=_ints(whole, "tree_roots"),
        features=_ints(whole, "nodes_featureids"),
        thresholds=np.zeros(n_nodes),
        lefts=lefts,
        rights=rights,
        is_missing_left=np.zeros(n_nodes, dtype=np.bool_),
        members={},
        leaf_values=np.zeros(n_leaves),
        leaf_outputs=_ints(whole, "leaf_targetids"),
    )
    n_missing = len(_ints(whole, "nodes_missing_value_tracks_true"))
    _demand(_n_values(by_name.get("nodes_modes", {})) == n_nodes and n_missing in (0, n_nodes), "its lists differ")
    _demand(0 < n_outputs[0] <= 1 << 16 and n_nodes > 0 and forest.is_sound(), "its nodes form no trees")


def _read_children(whole: Mapping[str, NDArray[np.uint64]], side: str) -> NDArray[np.int64]:
    numbers, is_leaf = _ints(whole, f"nodes_{side}nodeids"), _ints(whole, f"nodes_{side}leafs") > 0
    _demand(len(numbers) == len(is_leaf), "its lists differ in length")
    return np.where(is_leaf, ~numbers, numbers)


def _n_values(attribute: Mapping[int, Sequence[Field]]) -> int:
    """Return how many values the tensor of an attribute declares; that it holds them was seen to."""
    tensors = read_messages(attribute.get(5, ()))
    return math.prod(read_packed(tensors[0].get(1, ()))) if tensors else 0


def _check_leaves(
    whole: Mapping[str, NDArray[np.uint64]],
    by_name: Mapping[str, Mapping[int, Sequence[Field]]],
    kind: str,
    n_nodes: int,
) -> None:
    lists = [_ints(whole, f"{kind}_{part}") for part in ("treeids", "nodeids", "ids")]
    n_weights = _n_floats(by_name.get(f"{kind}_weights", {}))
    _demand(all(len(values) == n_weights for values in lists), "the weights of its leaves differ in number")
    _demand(bool((lists[2] < max(n_nodes, 1 << 16)).all()), "a leaf speaks for a class that is not there")


def _check_shape(
    trees: NDArray[np.int64],
    nodes: NDArray[np.int64],
    yes: NDArray[np.int64],
    no: NDArray[np.int64],
    is_leaf: NDArray[np.bool_],
) -> None:
    places = {pair: place for place, pair in enumerate(zip(trees.tolist(), nodes.tolist(), strict=True))}
    _demand(len(places) == len(trees), "two nodes of a tree have one number")
    inner = np.flatnonzero(~is_leaf)
    up = np.arange(len(trees))
    for children in (yes, no):
        found = [places.get((int(trees[place]), int(children[place])), -1) for place in inner]
        _demand(-1 not in found, "a child is not in its tree")
        for child, place in zip(found, inner.tolist(), strict=True):
            _demand(child != place and up[child] == child, "a node has two parents, or is its own")
            up[child] = place
    starts = [0, *(place for place, (a, b) in enumerate(pairwise(trees.tolist()), start=1) if a != b)]
    _demand(len(starts) == len(np.unique(trees)), "the nodes of a tree do not stand together")
    _demand(sorted(np.flatnonzero(up == np.arange(len(up))).tolist()) == starts, "a tree has no root, or two")
    for _ in range(len(up).bit_length() + 1):
        up = up[up]
    _demand(set(np.unique(up).tolist()) == set(starts), "a tree holds a ring")


def _ints(whole: Mapping[str, NDArray[np.uint64]], name: str) -> NDArray[np.int64]:
    values = whole.get(name, np.zeros(0, dtype=np.uint64))
    _demand(bool((values < 2**31).all()), f"a number of {name} is negative or too large")
    return values.astype(np.int64)


def _n_floats(attribute: Mapping[int, Sequence[Field]]) -> int:
    return sum(len(value) // 4 for value in attribute.get(7, ()) if isinstance(value, bytes))


def _demand(is_so: bool, found: str) -> None:
    if not is_so:
        raise FormatRefused(
            f"the ONNX tree ensemble cannot be followed: {found}", expected="trees that point inside themselves"
        )
