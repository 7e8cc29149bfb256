"""Encoding: a column that holds the mean label of a level, computed over rows that were not over yet.

A running mean of earlier labels is honest, and so is a table of means from an earlier period: both are as far from the
mean of these rows as chance makes them. A column that comes closer has seen their labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.validation.finding import Finding

if TYPE_CHECKING:
    from holdtrue.data import Dataset

Floats = NDArray[np.float64]
N_PROBES = 20_000
MOST_LEVELS = 5_000
MOST_CLASSES = 10
LEAST_LEVELS = 3
LEAST_FOLDS, MOST_FOLDS = 2, 20
# Of so many rows the fold must be told by the value.
TOLD_SHARE = 0.5
MOST_SMOOTHING = 1_000.0
# How unlikely a column of other rows would come as close to the means of these: named, and refused.
NAMED_CHANCE, SURE_CHANCE = 1e-6, 1e-8
# A mean over all rows is far closer to that mean than to the one of the training rows alone.
CLOSER = 0.1
CONSTANT_SHARE = 1e-6
REMOVED_SHARE = 0.01


@dataclass(frozen=True, kw_only=True)
class _Levels:
    """What the rows of each level of one column turned out to be.

    Attributes:
        codes: the level of each row, -1 for none, shape (n_rows,).
        labels: numbers, shape (n_rows,).
        n: rows of each level.
        sums: of their labels.
        mean: of all labels.
        variance: of the labels within levels.
    """

    codes: NDArray[np.int64]
    labels: Floats
    n: Floats
    sums: Floats
    mean: float
    variance: float

    @property
    def means(self) -> Floats:
        """Return the mean label of each level; 0 where it has no row."""
        return self.sums / np.maximum(self.n, 1)

    @cached_property
    def variances(self) -> Floats:
        """The variance of the labels of each level; 0 where it has no row."""
        is_there = self.codes >= 0
        codes, off = self.codes[is_there], self.labels[is_there] - self.means[self.codes[is_there]]
        return np.bincount(codes, weights=off**2, minlength=len(self.n)) / np.maximum(self.n, 1)


def find_encoding(known: Dataset, names: Sequence[str], *, trained_until: datetime) -> Finding | None:
    """Return the first column that holds mean labels of a text, boolean, code or unit; a sure finding goes first.

    Sure: it is the mean over all rows, later ones included; or the mean of all other rows of the level (leave-one-out),
    or of those outside a fold. Not sure: it is the mean of the training rows alone (later rows judge such a model
    honestly, its own training does not), or there are no later rows.

    Args:
        known: all rows whose label is known now, in order of time.
        names: the features to look at.
        trained_until: the time of the last row to train on.
    """
    columns = {name: known.features[name] for name in names if name in known.features.columns}
    values = {name: _take_numbers(column) for name, column in columns.items() if column.dtype.is_float()}
    if not values:
        return None
    n_old = int((known.time <= trained_until).sum())
    probes = np.linspace(0, known.n_rows - 1, min(known.n_rows, N_PROBES)).astype(np.int64)
    named = None
    for group, codes in _list_groups(columns, known.unit, probes):
        for labels in _list_labels(known):
            both, old = (_count_levels(codes[:n], labels[:n]) for n in (known.n_rows, n_old))
            if both.variance <= 0:
                continue
            for name, column in values.items():
                found = _judge(column, both, old, probes=probes, has_later=n_old < known.n_rows)
                if found is not None:
                    finding = _tell(name, group, *found)
                    if finding.is_sure:
                        return finding
                    named = named or finding
    return named


def _tell(name: str, group: str, what: str, is_sure: bool) -> Finding:
    kind = f"{name} is the mean label of {group} over {what}"
    return Finding(columns=(name,), kind=kind, is_sure=is_sure, evidence={"group": group, "rows": what})


def _judge(
    column: Floats, both: _Levels, old: _Levels, *, probes: NDArray[np.int64], has_later: bool
) -> tuple[str, bool] | None:
    """Return over which rows the column is a mean, and whether that is sure; None when it is none."""
    rows = probes[np.isfinite(column[probes]) & (both.codes[probes] >= 0)]
    if len(rows) < 10 * LEAST_LEVELS or np.ptp(column[rows]) == 0:
        return None
    spread = _measure_within(column[rows], both.codes[rows])
    if spread <= CONSTANT_SHARE * column[rows].var():
        return _judge_constant(column, both, old, rows=rows, has_later=has_later)
    own = both.codes[rows]
    alone = (column[rows] * (both.n[own] - 1) + both.labels[rows]) / both.n[own]
    if _measure_within(alone, own) <= REMOVED_SHARE * spread and _find_chance(alone, both, rows) < SURE_CHANCE:
        return "all other rows, later ones included", True
    if _undoes_folds(column, both, rows):
        return "the rows of other folds, later ones included", has_later
    return None


def _judge_constant(
    column: Floats, both: _Levels, old: _Levels, *, rows: NDArray[np.int64], has_later: bool
) -> tuple[str, bool] | None:
    """Judge a column that is the same in all rows of a level: the mean of which rows is it?"""
    is_old = rows[rows < len(old.codes)]
    chances = [_find_chance(column[of], levels, of) for levels, of in ((both, rows), (old, is_old))]
    apart, apart_old = (_measure_distance(column[of], levels, of) for levels, of in ((both, rows), (old, is_old)))
    if has_later and chances[0] < SURE_CHANCE and apart <= CLOSER * apart_old:
        return "all rows, those after the training included", True
    if min(chances) < NAMED_CHANCE:
        return "the rows that it would be trained on", False
    return None


def _find_chance(values: Floats, levels: _Levels, rows: NDArray[np.int64]) -> float:
    """Return how likely values from elsewhere, however good, were to come as close to the means of these levels."""
    if not len(rows):
        return 1.0
    from scipy.special import chdtr  # scipy.stats would cost each command most of a second

    n_levels = len(np.unique(levels.codes[rows]))
    return float(chdtr(n_levels, _measure_distance(values, levels, rows))) if n_levels >= LEAST_LEVELS else 1.0


def _measure_distance(values: Floats, levels: _Levels, rows: NDArray[np.int64]) -> float:
    """Return the squared distance of the values from the levels' means in units of their sampling variance.

    Encoders shrink the mean of a small level towards the mean of all; how much is solved for, and undone.
    """
    if not len(rows):
        return 0.0
    own = levels.codes[rows]
    present = np.unique(own)
    sampled = np.maximum(np.bincount(own, minlength=len(levels.n)), 1)
    held = np.bincount(own, weights=values, minlength=len(levels.n)) / sampled
    held, n, sums = held[present], levels.n[present], levels.sums[present]
    off = held - levels.mean
    smoothing = float(((sums - held * n) * off).sum() / max(float((off**2).sum()), 1e-300))
    smoothing = min(max(smoothing, 0.0), MOST_SMOOTHING)
    both = [held, held + smoothing / np.maximum(n, 1) * off]
    return min(float((n * (each - sums / np.maximum(n, 1)) ** 2).sum()) for each in both) / levels.variance


def _undoes_folds(column: Floats, levels: _Levels, rows: NDArray[np.int64]) -> bool:
    """Say whether each level's mean, as a mean over other folds implies it, is the same in all of its folds.

    Encoders shrink the means: not at all, all by the same number of rows, or each by the variance within its level
    (scikit-learn's `TargetEncoder`). How much is solved for: one number for all levels.
    """
    folds = _find_folds(column, levels, rows)
    if folds is None:
        return False
    rows, n, sums = folds
    own, values = levels.codes[rows], column[rows]
    implied, off = values * (levels.n[own] - n) + sums, values - levels.mean
    limit = REMOVED_SHARE * _measure_within(values, own)
    for pull in (np.zeros(len(rows)), off, off * levels.variances[own]):
        strength = float(((levels.sums[own] - implied) * pull).sum() / max(float((pull**2).sum()), 1e-300))
        if _measure_within((implied + max(strength, 0.0) * pull) / levels.n[own], own) <= limit:
            return True
    return False


def _find_folds(
    column: Floats, levels: _Levels, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Floats, Floats] | None:
    """Return the rows whose fold can be told by its value, and how many rows and labels their fold has of their level.

    None when the values look like no such means. A small level may have the same mean outside two folds: which of them
    a row is in cannot be told, so levels count that have as many values as most rows' levels.
    """
    own = levels.codes[rows]
    n_levels, n_values = len(np.unique(own)), len(np.unique(column[rows]))
    if not 0.5 * n_levels <= n_values <= min(MOST_FOLDS * n_levels, len(rows) / 3):
        return None
    # Pairs of level and value, counted on the sampled rows before all rows are sorted.
    n_pairs = len(np.unique(own + 1j * column[rows]))
    if not n_levels < n_pairs <= min(MOST_FOLDS * n_levels, len(rows) / 3, 2 * n_values):
        return None
    distinct, fold = np.unique(levels.codes + 1j * column, return_inverse=True)
    n: Floats = np.bincount(fold, minlength=len(distinct)).astype(np.float64)
    sums: Floats = np.bincount(fold, weights=levels.labels, minlength=len(distinct)).astype(np.float64)
    held = distinct.real[np.isfinite(distinct) & (distinct.real >= 0)].astype(np.int64)
    n_folds = np.bincount(held, minlength=len(levels.n))[own]
    usual = int(np.bincount(n_folds).argmax())
    told = rows[n_folds == usual]
    if usual < LEAST_FOLDS or len(told) < TOLD_SHARE * len(rows):
        return None
    return told, n[fold[told]], sums[fold[told]]


def _measure_within(values: Floats, codes: NDArray[np.int64]) -> float:
    """Return the mean squared distance of values from the mean of their level."""
    n = np.maximum(np.bincount(codes), 1)
    means = np.bincount(codes, weights=values) / n
    return float(((values - means[codes]) ** 2).mean())


def _count_levels(codes: NDArray[np.int64], labels: Floats) -> _Levels:
    is_there = codes >= 0
    n = np.bincount(codes[is_there]).astype(np.float64)
    sums: Floats = np.bincount(codes[is_there], weights=labels[is_there]).astype(np.float64)
    within = labels[is_there] - (sums / np.maximum(n, 1))[codes[is_there]]
    variance = float((within**2).sum() / max(1, is_there.sum() - len(n)))
    mean = float(labels.mean()) if len(labels) else 0.0
    return _Levels(codes=codes, labels=labels, n=n, sums=sums, mean=mean, variance=variance)


def _list_groups(
    columns: dict[str, pl.Series], unit: pl.Series, probes: NDArray[np.int64]
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield columns with levels that repeat, and the level of each row (-1 = none); the unit is one."""
    for name, column in [*columns.items(), ("the unit", unit)]:
        if column.dtype.is_float():
            continue
        if LEAST_LEVELS <= column[probes].n_unique() <= min(MOST_LEVELS, 0.5 * len(probes)):
            codes = column.cast(pl.Categorical) if column.dtype == pl.String else column
            yield name, (codes.to_physical().rank("dense").cast(pl.Int64) - 1).fill_null(-1).to_numpy()


def _list_labels(known: Dataset) -> Iterator[Floats]:
    """Yield the labels as numbers: whether they are a class (of two, the second), or what they are."""
    labels = known.encoded_labels()
    if not known.task.has_classes:
        yield labels.astype(np.float64)
        return
    n_classes = len(known.classes)
    for place in [1] if n_classes == 2 else range(min(n_classes, MOST_CLASSES)):
        yield (labels == place).astype(np.float64)


def _take_numbers(column: pl.Series) -> Floats:
    return column.fill_null(float("nan")).to_numpy()
