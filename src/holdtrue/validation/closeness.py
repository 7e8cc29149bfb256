"""Closeness: how near a column comes to the mean labels of levels, in whatever way it was made of them.

Encoders shrink the mean of a level towards that of all: by a number of rows, or by the variance within it; some take
its logarithmic odds (weight of evidence), and a column may be scaled afterwards. All of that is solved for.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from holdtrue.validation.levels import Floats, Levels

MOST_SMOOTHING = 1_000.0
# Levels beyond the numbers that were solved for: fewer fit anything.
LEAST_FREE = 2
# Of so many levels one may be other than the rest, and so many at most.
LEAST_EVEN, MOST_ODD = 5, 3
# A scaled column has more freedom, and rows that come in pairs of seasons are closer than chance has them: it must fit.
EXACT = 0.05
UNTOLD = (1.0, float("inf"))


def measure_closeness(values: Floats, levels: Levels, rows: NDArray[np.int64]) -> list[tuple[float, float]]:
    """Return how likely values from elsewhere, however good, were to come as close to the means of these levels.

    And how far they are from them: the squared distance in units of its expectation, 1 by chance, infinite where there
    are too few levels to tell. Both for each way to read the column, in the same order for the same values.

    Args:
        values: the column, at `rows`.
        levels: what the levels turned out to be.
        rows: which rows are looked at.
    """
    if not len(rows) or levels.variance <= 0:
        return []
    own = levels.codes[rows]
    sampled = np.bincount(own, minlength=len(levels.n))
    present = np.flatnonzero(sampled)
    held = np.bincount(own, weights=values, minlength=len(levels.n))[present] / sampled[present]
    found = list(_read(held, levels, present, towards=levels.mean))
    if levels.has_shares:  # odds are made of counts that are one row higher each: a share is drawn towards one half
        found += _read(undo_odds(held, levels), levels, present, towards=0.5)
    return found


def _read(held: Floats, levels: Levels, present: NDArray[np.int64], *, towards: float) -> Iterator[tuple[float, float]]:
    """Yield the chance and the distance of levels' values as they are, shrunk in two ways, and also scaled in four.

    The variances within levels know the means where labels are 0 or 1, so they only ever weigh the column itself.
    """
    n, sums, variances = levels.n[present], levels.sums[present], levels.variances[present] / levels.variance
    off = held - towards
    for pull in (np.zeros(len(held)), off, off * variances):
        strength = float(((sums - held * n) * pull).sum() / max(float((pull**2).sum()), 1e-300))
        made = held + min(max(strength, 0.0), MOST_SMOOTHING) * pull / n
        yield _weigh(n * (made - sums / n) ** 2 / levels.variance, 0)
    middle = float((n * held).sum() / n.sum())
    for shrunk in ([], [held - middle], [held, np.ones(len(held))], [variances * (held - middle)]):
        fit = solve(np.column_stack([n * held, n, *shrunk]) / np.sqrt(n)[:, None], sums / np.sqrt(n))
        found = UNTOLD if fit is None or fit[1][0] <= 0 else _weigh(fit[0] ** 2 / levels.variance, fit[2])
        yield found if found[1] <= EXACT else UNTOLD


def _weigh(apart: Floats, n_fitted: int) -> tuple[float, float]:
    """Return how unlikely such squared distances are, and their mean; up to three levels may be other than the rest.

    A level of few rows is often encoded in a way of its own.
    """
    from scipy.special import chdtr, comb  # scipy.stats would cost each command most of a second

    kept, n_levels = np.sort(apart), len(apart)
    found = []
    for n_left_out in range(1 + min(MOST_ODD, n_levels // LEAST_EVEN)):
        free = n_levels - n_fitted - n_left_out
        if free >= LEAST_FREE:
            distance = float(kept[: n_levels - n_left_out].sum())
            ways = float(comb(n_levels, n_left_out))
            found.append((min(1.0, ways * float(chdtr(free, distance))), distance / free))
    return min(found, default=UNTOLD)


def undo_odds(values: Floats, levels: Levels) -> Floats:
    """Return the share of which a value is the weight of evidence: the log odds against those of all rows."""
    base = np.log(max(levels.mean, 1e-12) / max(1 - levels.mean, 1e-12))
    return np.asarray(1 / (1 + np.exp(-np.clip(values + base, -500, 500))), dtype=np.float64)


def solve(parts: Floats, wished: Floats) -> tuple[Floats, Floats, int] | None:
    """Return residuals, strengths and rank of least squares, scaled so that no column drowns; None for no fit."""
    size = np.sqrt((parts**2).sum(axis=0))
    if not (np.isfinite(size).all() and size[0] > 0):
        return None
    scaled = parts / np.where(size > 0, size, 1.0)
    strengths, _, rank, _ = np.linalg.lstsq(scaled, wished, rcond=1e-10)
    return wished - scaled @ strengths, np.asarray(strengths, dtype=np.float64), int(rank)
