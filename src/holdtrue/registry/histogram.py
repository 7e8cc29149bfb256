"""Histogram: histogram gradient boosting, answered without a frame and with all its trees in one call.

scikit-learn walks one tree a call: 100 trees are 100 calls, and the encoder in front of them costs more still.
Here the trees are joined under a small tree that splits on one more column, the number of the tree; a row is laid out
once for each tree, and one call of scikit-learn's own compiled walk answers them all. The sums run in the same order,
so the answers are the same to the last bit; a way that is not shown to agree is not used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Column, Kind, Schema
from holdtrue.registry.scorer import Row, encode_rows

NAN = float("nan")
MAX_CELLS = 4_000_000  # rows x trees x columns that are laid out at once


@dataclass(frozen=True, eq=False)
class JoinedTrees:
    """All trees of a model as one.

    Attributes:
        nodes: the nodes of the guiding tree and then of all trees, in scikit-learn's record dtype.
        bitsets: (n_splits, 8) categories that go left, for all categorical splits.
        known: (n_categorical, 8) categories that training had, for each categorical column.
        known_index: (n_columns + 1,) row of `known` for each column.
        n_trees: how many trees were joined, all classes together.
        baseline: (n_outputs,) where the sums begin.
    """

    nodes: NDArray[Any]
    bitsets: NDArray[np.uint32]
    known: NDArray[np.uint32]
    known_index: NDArray[np.uint32]
    n_trees: int
    baseline: NDArray[np.float64]

    @property
    def n_rows_at_once(self) -> int:
        """Return how many rows one call should take."""
        return max(1, MAX_CELLS // (self.n_trees * len(self.known_index)))

    def predict_raw(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the raw sums (n_rows, n_outputs) of encoded rows (n_rows, n_columns), on one thread."""
        from sklearn.ensemble._hist_gradient_boosting._predictor import _predict_from_raw_data

        n_rows, n_columns = matrix.shape
        n_outputs = len(self.baseline)
        laid = np.empty((self.n_trees, n_rows, n_columns + 1), dtype=np.float64)
        laid[:, :, :n_columns] = matrix
        laid[:, :, n_columns] = np.arange(self.n_trees, dtype=np.float64)[:, None]
        leaves = np.empty(((self.n_trees + n_outputs) * n_rows,), dtype=np.float64)
        leaves[: n_outputs * n_rows] = np.repeat(self.baseline, n_rows)
        _predict_from_raw_data(
            self.nodes,
            laid.reshape(-1, n_columns + 1),
            self.bitsets,
            self.known,
            self.known_index,
            1,
            leaves[n_outputs * n_rows :],
        )
        sums = leaves.reshape(self.n_trees // n_outputs + 1, n_outputs, n_rows)
        added: NDArray[np.float64] = np.add.accumulate(sums, axis=0)[-1]  # one by one, as scikit-learn adds them
        return added.T


def join_trees(model: Any) -> JoinedTrees:
    """Return the trees of a fitted HistGradientBoosting model as one."""
    trees = [tree for iteration in model._predictors for tree in iteration]
    known, known_index = model._bin_mapper.make_known_categories_bitsets()
    roots = np.cumsum([0] + [len(tree.nodes) for tree in trees])
    guide = _make_guide(len(trees), n_columns=len(known_index), dtype=trees[0].nodes.dtype)
    parts = []
    n_splits = 0
    for root, tree in zip(roots, trees, strict=False):
        nodes = tree.nodes.copy()
        nodes["left"] += np.uint32(root + len(guide))
        nodes["right"] += np.uint32(root + len(guide))
        nodes["bitset_idx"] += np.uint32(n_splits)
        n_splits += len(tree.raw_left_cat_bitsets)
        parts.append(nodes)
    _place_roots(guide, roots[:-1] + len(guide), n_trees=len(trees))
    nodes = np.concatenate([guide, *parts]) if len(guide) else parts[0]
    return JoinedTrees(
        nodes=np.ascontiguousarray(nodes),
        bitsets=np.concatenate([tree.raw_left_cat_bitsets for tree in trees]).astype(np.uint32),
        known=known,
        known_index=np.append(known_index, np.uint32(0)).astype(np.uint32),
        n_trees=len(trees),
        baseline=np.asarray(model._baseline_prediction, dtype=np.float64).ravel(),
    )


def _make_guide(n_trees: int, *, n_columns: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return n_trees - 1 inner nodes that send tree number i to slot i; children are slots until roots are placed."""
    guide = np.zeros(n_trees - 1, dtype=dtype)
    waiting = [(0, n_trees, -1, "")]
    n_made = 0
    while waiting:
        low, high, parent, side = waiting.pop()
        if high - low == 1:
            place = -1 - low  # a slot: negative until the roots are known
        else:
            place, n_made = n_made, n_made + 1
            middle = (low + high) // 2
            guide[place]["num_threshold"] = middle - 0.5
            guide[place]["feature_idx"] = n_columns
            waiting += [(middle, high, place, "right"), (low, middle, place, "left")]
        if parent >= 0:
            guide[parent][side] = np.uint32(place & 0xFFFFFFFF)
    return guide


def _place_roots(guide: NDArray[Any], roots: NDArray[Any], *, n_trees: int) -> None:
    slots = 0xFFFFFFFF - np.arange(n_trees, dtype=np.int64)  # -1 - i as uint32
    by_slot = dict(zip(slots.tolist(), roots.tolist(), strict=True))
    for side in ("left", "right"):
        guide[side] = [by_slot.get(int(child), int(child)) for child in guide[side]]


@dataclass(frozen=True, eq=False)
class HistogramPath:
    """The fast way from plain rows to the answers of one HistGradientBoosting model."""

    model: Any
    trees: JoinedTrees
    columns: Sequence[int]
    codes: Sequence[Mapping[Any, float] | None]

    def answer(self, rows: Sequence[Row], *, has_classes: bool) -> NDArray[np.float64]:
        """Return what `predict_proba` or `predict` of the model gives for plain rows in the schema's order."""
        matrix = encode_rows(rows, self.codes)[:, self.columns]
        step = self.trees.n_rows_at_once
        raw = np.concatenate(
            [self.trees.predict_raw(matrix[start : start + step]) for start in range(0, max(1, len(matrix)), step)]
        )
        if has_classes:
            return np.asarray(self.model._loss.predict_proba(raw))
        return np.asarray(self.model._loss.link.inverse(raw.ravel()))


def find_path(model: Any, schema: Schema, names: Sequence[str] | None) -> HistogramPath | None:
    """Return the fast way for a model, or None when it is no histogram boosting or is fed in a way not foreseen."""
    if type(model).__name__ not in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"):
        return None
    inputs = list(schema.names if names is None else names)
    categories = _read_encoder(model, inputs)
    codes: list[dict[Any, float] | None] = []
    for column in schema.columns:
        if column.name in categories:
            codes.append(_code_categories(column, categories[column.name]))
        elif column.kind is not Kind.TEXT:
            codes.append(None)
        elif column.name not in inputs:
            codes.append({None: NAN})  # not taken: any code will do
        else:
            return None
    place = {name: position for position, name in enumerate(schema.names)}
    order = list(categories) + [name for name in inputs if name not in categories]
    return HistogramPath(model, join_trees(model), [place[name] for name in order], codes)


def _read_encoder(model: Any, inputs: Sequence[str]) -> dict[str, list[Any]]:
    """Return the categories of the columns that the model's own encoder takes; these columns come first."""
    if model._preprocessor is None:
        return {}
    encoded = [name for name, is_one in zip(inputs, model.is_categorical_, strict=True) if is_one]
    found = model._preprocessor.named_transformers_["encoder"].categories_
    return {
        name: [level.item() if hasattr(level, "item") else level for level in levels]
        for name, levels in zip(encoded, found, strict=True)
    }


def _code_categories(column: Column, categories: Sequence[Any]) -> dict[Any, float]:
    """Return the code of each value: NaN for a level of the schema that training rows had none of.

    A null counts as one more category where training had it (polars gives None, which the encoder does not take as
    missing), and a level that the schema does not have is taken as null.
    """
    seen = {level: float(code) for code, level in enumerate(categories)}
    if column.kind is not Kind.TEXT:
        return {None: NAN} | seen
    return {level: seen.get(level, NAN) for level in (None, *column.levels)}
