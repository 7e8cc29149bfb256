"""Forest: decision trees as arrays, and what answers them: one TreeEnsemble node in ONNX Runtime.

Thresholds, leaf values and sums are 64-bit floats there too (ai.onnx.ml, version 5), so that the sums are those of the
library that trained the trees, to the last bit. Measured with 100 trees of 31 leaves: 6 us for one row and 1 us a row
in batches, against 26 and 2.6 us in LightGBM itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdtrue.registry.onnx_bytes import TREES, OnnxGraph, OnnxNode

Whole = NDArray[np.int64]
Numbers = NDArray[np.float64]
ScoreMatrix = Callable[[Numbers], Numbers]
"""From rows (n_rows, n_features) to raw sums (n_rows, n_outputs), on the calling thread."""

_AT_MOST, _MEMBER = 0, 6  # modes of a node


@dataclass(frozen=True, kw_only=True, eq=False)
class Forest:
    """Trees of inner nodes and leaves, all trees in one numbering.

    Attributes:
        n_features: columns of a row.
        n_outputs: sums that come out.
        roots: (n_trees,) the inner node where each tree begins.
        features: (n_nodes,) the column that each inner node asks.
        thresholds: (n_nodes,) a value at most this goes left.
        lefts: (n_nodes,) the inner node on the left, or ~leaf.
        rights: (n_nodes,) the inner node on the right, or ~leaf.
        is_missing_left: (n_nodes,) whether NaN goes left.
        members: for the nodes that ask for membership, the whole numbers that go left.
        leaf_values: (n_leaves,) what a leaf adds.
        leaf_outputs: (n_leaves,) the sum that it is added to.
    """

    n_features: int
    n_outputs: int
    roots: Whole
    features: Whole
    thresholds: Numbers
    lefts: Whole
    rights: Whole
    is_missing_left: NDArray[np.bool_]
    members: dict[int, list[int]]
    leaf_values: Numbers
    leaf_outputs: Whole

    def is_sound(self) -> bool:
        """Say whether the nodes form trees and point inside themselves: ONNX Runtime takes that for granted."""
        n_nodes, n_leaves = len(self.features), len(self.leaf_values)
        places = np.arange(n_nodes)
        children = np.concatenate([self.lefts, self.rights])
        parents = np.concatenate([places, places])
        is_inner = children >= 0
        inner = np.concatenate([children[is_inner], self.roots])
        return bool(
            len({n_nodes, len(self.thresholds), len(self.lefts), len(self.rights), len(self.is_missing_left)}) == 1
            and np.array_equal(np.sort(inner), places)
            and (children[is_inner] > parents[is_inner]).all()
            and ((~children[~is_inner] < n_leaves) & (~children[~is_inner] >= 0)).all()
            and ((self.features >= 0) & (self.features < self.n_features)).all()
            and len(self.leaf_outputs) == n_leaves
            and ((self.leaf_outputs >= 0) & (self.leaf_outputs < self.n_outputs)).all()
            and not np.isnan(self.thresholds).any()
        )

    def make_node(self, takes: str, gives: str) -> OnnxNode:
        """Return the forest as a node from rows (n_rows, n_features) to sums (n_rows, n_outputs)."""
        modes = np.full(len(self.features), _AT_MOST, dtype=np.uint8)
        modes[list(self.members)] = _MEMBER
        node = OnnxNode("TreeEnsemble", [takes], gives, family=TREES)
        node.add_whole("n_targets", self.n_outputs)
        node.add_whole("aggregate_function", 1)  # the sum
        node.add_whole("post_transform", 0)
        node.add_wholes("tree_roots", self.roots)
        node.add_wholes("nodes_featureids", self.features)
        node.add_tensor("nodes_modes", modes)
        node.add_tensor("nodes_splits", self.thresholds)
        for side, children in (("true", self.lefts), ("false", self.rights)):
            node.add_wholes(f"nodes_{side}nodeids", np.where(children < 0, ~children, children))
            node.add_wholes(f"nodes_{side}leafs", children < 0)
        node.add_wholes("nodes_missing_value_tracks_true", self.is_missing_left)
        node.add_wholes("leaf_targetids", self.leaf_outputs)
        node.add_tensor("leaf_weights", self.leaf_values)
        if self.members:
            sets = [[*map(float, self.members[place]), float("nan")] for place in sorted(self.members)]
            node.add_tensor("membership_values", np.concatenate([np.array(each) for each in sets]))
        return node

    def open(self) -> ScoreMatrix:
        """Return what answers rows; `ImportError` where ONNX Runtime is not installed."""
        import onnxruntime

        graph = OnnxGraph([("rows", self.n_features, False)], ("sums", self.n_outputs))
        graph.add(self.make_node("rows", "sums"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(graph.dump(), options, providers=["CPUExecutionProvider"])

        def score(matrix: Numbers) -> Numbers:
            (sums,) = session.run(["sums"], {"rows": np.ascontiguousarray(matrix)})
            return np.asarray(sums, dtype=np.float64)

        return score
