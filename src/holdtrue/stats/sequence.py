"""A confidence sequence: an interval for a bounded mean that may be looked at after every row.

Source: Waudby-Smith and Ramdas, JRSSB 2024 (arXiv 2010.09686): all means that neither the bets on "above" nor those on
"below" have refuted, { m : max(E+(m), E-(m)) / 2 < 1/alpha }. The wealth E+ falls and E- rises with m, so each
end is one search on a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .betting import N_BETS, spread_bets
from .interval import Interval
from .sample import Floats, check_bounded_sample, check_design_effect, check_same_length, check_share
from .wealth import mix_log_wealths, sum_log_wealths

EXACT_ROWS = 4096
N_KNOTS = 513
N_HALVINGS = 50


@dataclass(frozen=True)
class Segment:
    """Rows of one range, as a histogram.

    Attributes:
        low: smallest possible value of a row.
        high: largest possible value of a row.
        values: shape (n_values,).
        counts: rows of each value (may be fractions), shape (n_values,).
    """

    low: float
    high: float
    values: Floats
    counts: Floats

    def mirror(self) -> Segment:
        """Return the segment of the negated rows."""
        return Segment(-self.high, -self.low, -self.values, self.counts)


def confidence_sequence(
    x: npt.ArrayLike,
    *,
    low: float,
    high: float,
    counts: npt.ArrayLike | None = None,
    alpha: float = 0.05,
    design_effect: float = 1.0,
) -> Interval:
    """Return the interval of the mean of x that holds at all times at once with probability at least 1 - alpha.

    Exact for up to 4,096 rows, for few distinct values and for counts; else rows are laid on a fine grid in a way that
    keeps their mean and only ever widens the interval.

    Args:
        x: rows, shape (n_rows,); or distinct values when counts are given.
        low: smallest possible value of a row.
        high: largest possible value of a row.
        counts: number of rows of each value of x.
        alpha: error that is allowed, over both ends and all looks together.
        design_effect: above 1 the log of the evidence is divided by it: a HEURISTIC for rows that depend on each
            other, without a theorem (see `EProcess.crosses`).

    Raises StatisticsError for no rows, NaN, or values outside [low, high].

    >>> found = confidence_sequence([0, 1], counts=[300, 700], low=0, high=1)
    >>> round(found.low, 3), found.estimate, round(found.high, 3)
    (0.65, 0.7, 0.747)
    """
    segment = count_rows(x, low=low, high=high, counts=counts)
    estimate = float(segment.values @ segment.counts / segment.counts.sum())
    return search_interval([segment], estimate=estimate, alpha=alpha, design_effect=design_effect)


def count_rows(x: npt.ArrayLike, *, low: float, high: float, counts: npt.ArrayLike | None = None) -> Segment:
    """Return the rows x as a histogram within [low, high]; raises StatisticsError when there are none."""
    if not (np.isfinite([low, high]).all() and low < high):
        raise StatisticsError(f"low={low!r}, high={high!r}", expected="finite numbers with low < high")
    rows = check_bounded_sample(x, low=low, high=high)
    numbers = np.ones(len(rows)) if counts is None else np.asarray(counts, dtype=np.float64)
    check_same_length(x=rows, counts=numbers)
    if not numbers.sum() > 0 or numbers.min() < 0:
        raise StatisticsError(
            f"{len(rows)} rows",
            expected="at least one row, and counts of at least 0",
            remedy="wait until labels are due",
        )
    if counts is None and len(rows) > EXACT_ROWS:
        rows, numbers = _lay_on_knots(rows)
    return Segment(low, high, rows, numbers)


def search_interval(segments: Sequence[Segment], *, estimate: float, alpha: float, design_effect: float) -> Interval:
    """Return the means that the bets on all segments together have not refuted.

    Bets of the same boldness go on from segment to segment: log-wealths add for each k, then the mean over k is taken.
    """
    threshold = check_design_effect(design_effect) * float(np.log(2 / check_share(alpha, name="alpha")))
    lower = _search_lower_end(segments, threshold)
    upper = -_search_lower_end([segment.mirror() for segment in segments], threshold)
    return Interval(estimate, lower, upper, 1 - alpha)


def _search_lower_end(segments: Sequence[Segment], threshold: float) -> float:
    """Return the smallest mean that the bets on "above" have not refuted (rounded outwards)."""
    refuted, standing = max(s.low for s in segments), min(s.high for s in segments)
    step = (standing - refuted) * 1e-12
    if _find_log_e(segments, refuted + step) < threshold:
        return refuted
    for _ in range(N_HALVINGS):
        middle = (refuted + standing) / 2
        if middle - refuted < step:
            break
        if _find_log_e(segments, middle) < threshold:
            standing = middle
        else:
            refuted = middle
    return refuted


def _find_log_e(segments: Sequence[Segment], mean: float) -> float:
    log_wealths = np.zeros(N_BETS)
    for s in segments:
        bets = spread_bets(low=s.low, high=s.high, mean=mean, side="above", n_bets=N_BETS)
        log_wealths += sum_log_wealths(s.values - mean, s.counts, bets=bets)
    return mix_log_wealths(log_wealths)


def _lay_on_knots(rows: Floats) -> tuple[Floats, Floats]:
    """Return knots and the (fractional) number of rows on each.

    A row between two knots is shared between them so that its mean stays. The logarithm is concave, so this can only
    lower the wealth, and the interval can only grow. Knots are taken from the rows themselves (so few distinct values
    are met exactly) and from an even grid.
    """
    sampled = rows[:: -(-len(rows) // EXACT_ROWS)]
    knots = np.unique(np.concatenate([sampled, np.linspace(rows.min(), rows.max(), N_KNOTS)]))
    if len(knots) == 1:
        return knots, np.array([float(len(rows))])
    right = np.clip(np.searchsorted(knots, rows), 1, len(knots) - 1)
    share = (rows - knots[right - 1]) / (knots[right] - knots[right - 1])
    counts = np.bincount(right, weights=share, minlength=len(knots))
    counts += np.bincount(right - 1, weights=1 - share, minlength=len(knots))
    used = counts > 0
    return knots[used], counts[used].astype(np.float64)
