"""XgboostStructure: whether the trees of an XGBoost model point inside themselves, before native code follows them."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Json
from holdtrue.errors import FormatRefused
from holdtrue.registry.ubjson import read_ubjson

MAX_NODES = 50_000_000
_PER_NODE = (
    "left_children", "right_children", "parents", "split_indices", "split_conditions", "split_type", "default_left",
    "base_weights", "loss_changes", "sum_hessian",
)  # fmt: skip
_CATEGORICAL = ("categories", "categories_nodes", "categories_segments", "categories_sizes")


def read_xgboost(data: bytes) -> Mapping[str, Json]:
    """Return the `learner` of an XGBoost model file, JSON or UBJSON, judged whole.

    Raises:
        FormatRefused: it cannot be read, is no plain tree model, or a tree points outside itself.
    """
    try:
        model = json.loads(data) if data[1:2] in (b'"', b" ", b"\n") else read_ubjson(data)
        learner = _object(model, "learner")
        check_learner(learner)
    except FormatRefused:
        raise
    except Exception as error:  # a mutated file has anything where an object or a number should be
        raise FormatRefused(
            f"the XGBoost model cannot be read ({type(error).__name__}: {error})", expected="an intact model file"
        ) from error
    return learner


def check_learner(learner: Mapping[str, Json]) -> None:
    """Refuse a learner that is no boosted forest of plain trees, or whose parts contradict each other."""
    booster = _object(learner, "gradient_booster")
    if booster.get("name") != "gbtree":
        raise FormatRefused(f"the XGBoost booster is {booster.get('name')!r}", expected="gbtree")
    sizes = _object(learner, "learner_model_param")
    n_features, n_classes = _count(sizes, "num_feature"), max(1, _count(sizes, "num_class"))
    _demand(_count(sizes, "num_target") == 1, "the XGBoost model answers several labels")
    _demand(len(learner.get("feature_names") or []) in (0, n_features), "the feature names are not as many as features")
    model = _object(booster, "model")
    trees, info = model.get("trees"), np.asarray(model.get("tree_info"), dtype=np.int64)
    assert isinstance(trees, list)
    _demand(
        len(trees) == _count(_object(model, "gbtree_model_param"), "num_trees"), "the trees are not as many as said"
    )
    _demand(len(info) == len(trees) > 0, "the trees are not as many as their classes")
    _demand(bool(((info >= 0) & (info < n_classes)).all()), "a tree speaks for a class that is not there")
    steps = np.asarray(model.get("iteration_indptr", [0, len(trees)]), dtype=np.int64)
    is_whole = steps[0] == 0 and steps[-1] == len(trees) and bool((np.diff(steps) >= 0).all())
    _demand(bool(is_whole), "the iterations do not cover the trees")
    encoded = _object(model, "cats").get("enc") if "cats" in model else None
    _demand(not any(_has_values(each) for each in encoded or []), "the XGBoost model has categories of its own")
    for tree in trees:
        _check_tree(tree, n_features)


def _check_tree(tree: Mapping[str, Any], n_features: int) -> None:
    n_nodes = _count(tree["tree_param"], "num_nodes")
    _demand(0 < n_nodes <= MAX_NODES and _count(tree["tree_param"], "size_leaf_vector") <= 1, "a tree has a wrong size")
    _demand(_count(tree["tree_param"], "num_feature") == n_features, "a tree has another number of features")
    _demand(_count(tree["tree_param"], "num_deleted") == 0, "a tree has deleted nodes")
    nodes = {name: np.asarray(tree[name]) for name in _PER_NODE}
    _demand(all(len(values) == n_nodes for values in nodes.values()), "a part of a tree has another length")
    _demand(all(len(tree.get(name, ())) == 0 for name in _CATEGORICAL), "a tree splits by categories")
    _demand(not nodes["split_type"].any(), "a tree splits by categories")
    left, right = _whole(nodes["left_children"]), _whole(nodes["right_children"])
    is_leaf = left == -1
    _demand(bool((is_leaf == (right == -1)).all()), "a node has one child")
    _check_shape(left[~is_leaf], right[~is_leaf], np.flatnonzero(~is_leaf), nodes["parents"], n_nodes)
    splits = _whole(nodes["split_indices"])
    _demand(bool(((splits >= 0) & (splits < n_features)).all()), "a split asks for a feature that is not there")
    _demand(bool(np.isfinite(nodes["split_conditions"].astype(np.float64)[is_leaf]).all()), "a leaf is no number")


def _check_shape(
    left: NDArray[np.int64], right: NDArray[np.int64], inner: NDArray[np.int64], parents: NDArray[Any], n_nodes: int
) -> None:
    """Refuse what is no tree: each node but the root is the child of one, and all hang together."""
    children = np.concatenate((left, right))
    _demand(bool(((children > 0) & (children < n_nodes)).all()), "a child is not in its tree")
    _demand(len(children) == n_nodes - 1 == len(np.unique(children)), "a node has two parents or none")
    _demand(bool((parents[left] == inner).all() and (parents[right] == inner).all()), "a child names another parent")
    # With one parent each, whatever is not reached from the root is a ring.
    depth_of = np.full(n_nodes, -1)
    depth_of[0] = 0
    up = np.zeros(n_nodes, dtype=np.int64)
    up[left], up[right] = inner, inner
    place = np.arange(n_nodes)
    for _ in range(int(n_nodes).bit_length() + 1):
        place, up = up[place], up[up]
    _demand(not place.any(), "a tree holds a ring")


def _object(holder: Any, name: str) -> Mapping[str, Any]:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    if not isinstance(found, Mapping):
        raise FormatRefused(f"the XGBoost model has no {name}", expected="an intact model file")
    return found


def _count(holder: Mapping[str, Any], name: str) -> int:
    found = int(holder.get(name, 0))
    _demand(0 <= found < 2**31, f"{name} is {found}")
    return found


def _whole(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return numbers of nodes or features; JSON may hold anything there."""
    _demand(np.issubdtype(values.dtype, np.integer), "a number of a node or a feature is not whole")
    return values.astype(np.int64)


def _has_values(encoded: Any) -> bool:
    return any(len(values) for values in encoded.values()) if isinstance(encoded, Mapping) else True


def _demand(is_so: bool, found: str) -> None:
    if not is_so:
        raise FormatRefused(
            found,
            expected="a plain gbtree model whose trees point inside themselves",
            remedy="save it again with booster.save_model; text columns go in as numbers that the table has",
        )
