"""Folds: a column of mean labels in which each row was left out of its own mean, together with a part of the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdtrue.validation.closeness import solve, undo_odds
from holdtrue.validation.levels import Floats, Levels, centre, measure_within

LEAST_FOLDS, MOST_FOLDS = 2, 20
# Of so many of the rows whose level varies the fold must be told by the value, and of so many of all.
TOLD_SHARE = 0.5
LEAST_TOLD = 0.1
REMOVED_SHARE = 0.01
# Of what varies between the folds of a level, the means over other folds must explain all but this.
UNTOLD_SHARE = 0.04
LEAST_CELLS = 12
# Folds at random lie over all of the time: their places in it vary little.
MOST_ORDER = 0.1
MOST_UNEVEN = 0.1


def has_few_values(column: Floats, codes: NDArray[np.int64]) -> bool:
    """Say whether a column could be means over folds: it has a handful of values for each level."""
    n_levels, n_values = len(np.unique(codes)), len(np.unique(column))
    return 0.5 * n_levels <= n_values <= min(MOST_FOLDS * n_levels, len(column) / 2)


def undoes_own(column: Floats, levels: Levels, rows: NDArray[np.int64]) -> bool:
    """Say whether what varies within levels is each row's own label, taken out of the mean of its level.

    The mean of all others is (sum - label) / (n - 1): it falls by 1 / (n - 1) for each unit of the label, whatever was
    added to all rows of a level, and however the column was scaled.
    """
    own = levels.codes[rows]
    taken = centre(levels.labels[rows] / np.maximum(levels.n[own] - 1, 1), own)
    found = centre(column[rows], own)
    spread, reach = float((found**2).sum()), float((taken**2).sum())
    if spread <= 0 or reach <= 0:
        return False
    slope = float((found * taken).sum()) / reach
    return slope < 0 and float(((found - slope * taken) ** 2).sum()) <= REMOVED_SHARE * spread


def undoes_folds(column: Floats, levels: Levels, rows: NDArray[np.int64]) -> bool:
    """Say whether each level's mean, as a mean over other folds implies it, is the same in all of its folds.

    Encoders shrink the means: not at all, all by the same number of rows, or each by the variance within its level
    (scikit-learn's `TargetEncoder`). How much is solved for: one number for all levels. Where folds lie over all of the
    time, the column may have been scaled, too: a table of rates for each season has none of that freedom.
    """
    folds = _find_folds(column, levels, rows)
    if folds is None:
        return False
    rows, n, sums = folds
    own, values = levels.codes[rows], column[rows]
    implied, off = values * (levels.n[own] - n) + sums, values - levels.mean
    limit = REMOVED_SHARE * measure_within(values, own)
    for pull in (np.zeros(len(rows)), off, off * levels.variances[own]):
        strength = float(((levels.sums[own] - implied) * pull).sum() / max(float((pull**2).sum()), 1e-300))
        if measure_within((implied + max(strength, 0.0) * pull) / levels.n[own], own) <= limit:
            return True
    readings = [values, undo_odds(values, levels)] if levels.has_shares else [values]
    return _are_even(rows, own, values) and any(_explain(each, levels, own, n, sums) for each in readings)


def _explain(values: Floats, levels: Levels, own: NDArray[np.int64], n: Floats, sums: Floats) -> bool:
    """Say whether the means over other folds, and nothing else, make the values differ within levels."""
    rest = np.maximum(levels.n[own] - n, 1)
    others = centre((levels.sums[own] - sums) / rest, own)
    for share in (np.ones(len(own)), levels.variances[own]):
        parts = np.column_stack([centre(each, own) for each in (values, share * values / rest, share / rest)])
        fit = solve(parts, others)
        if fit is not None and fit[1][0] > 0 and (fit[0] ** 2).sum() <= UNTOLD_SHARE * (others**2).sum():
            return True
    return False


def _are_even(rows: NDArray[np.int64], own: NDArray[np.int64], values: Floats) -> bool:
    """Say whether the rows that share a value are, in each level, about as many and as early and late as any others.

    So are folds at random. The cells of two columns are not, and a few large ones can be explained by anything.
    """
    cells, cell, n = np.unique(own + 1j * values, return_inverse=True, return_counts=True)
    if len(cells) - len(np.unique(own)) < LEAST_CELLS:
        return False
    usual = (np.bincount(own) / np.maximum(np.bincount(cells.real.astype(np.int64), minlength=own.max() + 1), 1))[own]
    uneven, by_chance = float(((n[cell] - usual) ** 2).mean()), float(usual.mean())
    place = centre(rows.astype(np.float64), own)
    between, spread = float((np.bincount(cell, weights=place) ** 2 / n).sum()), float((place**2).sum())
    return uneven <= MOST_UNEVEN * by_chance**2 + 3 * by_chance and between <= spread * (
        MOST_ORDER + 3 * len(n) / len(rows)
    )


def _find_folds(
    column: Floats, levels: Levels, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Floats, Floats] | None:
    """Return the rows whose fold can be told by its value, and how many rows and labels their fold has of their level.

    None when the values look like no such means. A small level may have the same mean outside two folds: which of them
    a row is in cannot be told, so levels count that have as many values as most rows' levels.
    """
    own = levels.codes[rows]
    if not has_few_values(column[rows], own):
        return None
    # Pairs of level and value, counted on the sampled rows before all rows are sorted.
    n_levels, n_values = len(np.unique(own)), len(np.unique(column[rows]))
    n_pairs = len(np.unique(own + 1j * column[rows]))
    if not n_levels < n_pairs <= min(MOST_FOLDS * n_levels, len(rows) / 2, 2 * n_values):
        return None
    distinct, fold = np.unique(levels.codes + 1j * column, return_inverse=True)
    n: Floats = np.bincount(fold, minlength=len(distinct)).astype(np.float64)
    sums: Floats = np.bincount(fold, weights=levels.labels, minlength=len(distinct)).astype(np.float64)
    held = distinct.real[np.isfinite(distinct) & (distinct.real >= 0)].astype(np.int64)
    n_folds = np.bincount(held, minlength=len(levels.n))[own]
    # Where none of a level's rows has the class, all of its folds say 0.
    is_varied = n_folds > 1
    usual = int(np.bincount(n_folds[is_varied], minlength=1).argmax())
    told = rows[n_folds == usual]
    if usual < LEAST_FOLDS or len(told) < max(TOLD_SHARE * is_varied.sum(), LEAST_TOLD * len(rows)):
        return None
    return told, n[fold[told]], sums[fold[told]]
