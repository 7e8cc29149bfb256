"""Encoding: a column that holds the mean label of a level, computed over rows that were not over yet.

A running mean of earlier labels is honest, and so is a table of means from an earlier period: both are as far from the
mean of these rows as chance makes them. A column that comes closer has seen their labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.validation.closeness import measure_closeness
from holdtrue.validation.finding import Finding
from holdtrue.validation.fold import has_few_values, undoes_folds, undoes_own
from holdtrue.validation.label_view import choose_values, count_values, list_views
from holdtrue.validation.levels import LEAST_LEVELS, Floats, Levels, count_levels, list_groups, measure_within

if TYPE_CHECKING:
    from holdtrue.data import Dataset

N_PROBES = 20_000
# How unlikely a column of other rows would come as close to the means of these: named, and refused.
NAMED_CHANCE, SURE_CHANCE = 1e-6, 1e-8
# A mean over all rows is far closer to that mean than to the one of the training rows alone.
CLOSER = 0.1
CONSTANT_SHARE = 1e-6


def find_encoding(known: Dataset, names: Sequence[str], *, trained_until: datetime) -> Finding | None:
    """Return the first column that holds mean labels of a text, boolean, code or unit; a sure finding goes first.

    Sure: it is the mean over all rows, later ones included; or the mean of all other rows of the level (leave-one-out),
    or of those outside a fold. Not sure: it is the mean of the training rows alone (later rows judge such a model
    honestly, its own training does not), or there are no later rows. Means of the label, of its logarithm, of whether
    it is a class or one of the values that repeat; smoothed, scaled, or taken as log odds.

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
    named, views, repeated = None, list(list_views(known)), count_values(known)
    for group, codes in list_groups(columns, known.unit, probes):
        shares = _list_shares(known, values, codes, probes, repeated)
        for looked_at, labels in [*((list(values), view) for view in views), *shares]:
            both, old = (count_levels(codes[:n], labels[:n]) for n in (known.n_rows, n_old))
            if both.variance <= 0:
                continue
            for name in looked_at:
                found = _judge(values[name], both, old, probes=probes, has_later=n_old < known.n_rows)
                if found is not None:
                    finding = _tell(name, group, *found)
                    if finding.is_sure:
                        return finding
                    named = named or finding
    return named


def _list_shares(
    known: Dataset,
    columns: dict[str, Floats],
    codes: NDArray[np.int64],
    probes: NDArray[np.int64],
    repeated: tuple[Floats, NDArray[np.int64]],
) -> Iterator[tuple[list[str], Floats]]:
    """Yield columns that may be shares, each with whether the label is a value that is about as frequent as it says."""
    for name, column in columns.items() if len(repeated[0]) else ():
        seen = probes[np.isfinite(column[probes]) & (codes[probes] >= 0)]
        if not len(seen) or column[seen].min() < 0 or column[seen].max() > 1:
            continue
        chosen = choose_values(float(column[seen].mean()), *repeated, known.n_rows)
        if len(chosen) and has_few_values(column[seen], codes[seen]):
            for value in chosen:
                yield [name], (known.encoded_labels() == value).astype(np.float64)


def _tell(name: str, group: str, what: str, is_sure: bool) -> Finding:
    kind = f"{name} is the mean label of {group} over {what}"
    return Finding(columns=(name,), kind=kind, is_sure=is_sure, evidence={"group": group, "rows": what})


def _judge(
    column: Floats, both: Levels, old: Levels, *, probes: NDArray[np.int64], has_later: bool
) -> tuple[str, bool] | None:
    """Return over which rows the column is a mean, and whether that is sure; None when it is none."""
    rows = probes[np.isfinite(column[probes]) & (both.codes[probes] >= 0)]
    if len(rows) < 10 * LEAST_LEVELS or np.ptp(column[rows]) == 0:
        return None
    if measure_within(column[rows], both.codes[rows]) <= CONSTANT_SHARE * column[rows].var():
        return _judge_constant(column, both, old, rows=rows, has_later=has_later)
    if undoes_own(column, both, rows):
        return "all other rows, later ones included", True
    if undoes_folds(column, both, rows):
        return "the rows of other folds, later ones included", has_later
    return None


def _judge_constant(
    column: Floats, both: Levels, old: Levels, *, rows: NDArray[np.int64], has_later: bool
) -> tuple[str, bool] | None:
    """Judge a column that is the same in all rows of a level: the mean of which rows is it?"""
    is_old = rows[rows < len(old.codes)]
    now, before = measure_closeness(column[rows], both, rows), measure_closeness(column[is_old], old, is_old)
    closer = (one[0] < SURE_CHANCE and one[1] <= CLOSER * other[1] for one, other in zip(now, before, strict=False))
    if has_later and any(closer):
        return "all rows, those after the training included", True
    if min((chance for chance, _ in (*now, *before)), default=1.0) < NAMED_CHANCE:
        return "the rows that it would be trained on", False
    return None


def _take_numbers(column: pl.Series) -> Floats:
    return column.fill_null(float("nan")).to_numpy()
