"""Contrasts: means of some rows, or differences of such means, with an error that is robust to time.

A mean over a group, a rate or a difference of rates is a ratio of sums. Its error is that of the mean of its influence
values (the linearised estimate; Cochran 1977, section 6), summed by blocks of days as in every comparison of losses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdtrue.stats import PairedInterval, paired_interval
from holdtrue.validation.comparison import MIN_BLOCKS, MIN_ROWS, choose_block_days

Floats = NDArray[np.float64]


def influence_of_mean(values: Floats, weights: Floats) -> Floats:
    """Return what each row adds to the error of the weighted mean; its own mean is 0. Shape (n_rows,)."""
    mean = float((weights * values).sum() / weights.sum())
    return np.asarray(weights * (values - mean) * (len(values) / weights.sum()), dtype=np.float64)


def measure_contrast(
    estimate: float, influences: Floats, *, days: NDArray[np.int64], held: NDArray[np.bool_], alpha: float = 0.05
) -> PairedInterval:
    """Return an estimate with its interval, from the influence of each row on it.

    Blocks count by the rows that they hold (Kish): a group that lives on a few days has few blocks, whatever the span.

    Args:
        estimate: what was found.
        influences: of each row, mean 0, shape (n_rows,).
        days: day of each row.
        held: the rows of the smallest group that is spoken of; blocks are counted by them.
        alpha: error that is allowed, both sides together.
    """
    from scipy.special import stdtrit

    block_days = choose_block_days(influences, days=days)
    blocks = (days - days.min()) // block_days
    found = paired_interval(influences, blocks=blocks, alpha=alpha)
    n_blocks = count_blocks(blocks[held])
    reach = float(stdtrit(n_blocks - 1, 1 - alpha / 2)) * found.standard_error
    return PairedInterval(
        estimate=estimate,
        low=estimate - reach,
        high=estimate + reach,
        standard_error=found.standard_error,
        n_rows=int(held.sum()),
        n_blocks=n_blocks,
        design_effect=found.design_effect,
        level=1 - alpha,
    )


def count_blocks(blocks: NDArray[np.int64]) -> int:
    """Return how many equal blocks these rows are worth, at least 2: (sum of sizes)^2 / sum of squared sizes.

    >>> count_blocks(np.array([1, 1, 2, 2, 3, 3])), count_blocks(np.array([1, 1, 1, 1, 1, 1, 1, 2, 3]))
    (3, 2)
    """
    sizes = np.unique(blocks, return_counts=True)[1].astype(np.float64)
    return max(2, int(sizes.sum() ** 2 / (sizes**2).sum() + 1e-9)) if len(sizes) else 2


def find_lack(days: NDArray[np.int64], *, least_rows: int = MIN_ROWS) -> str | None:
    """Say what is lacking before anything can be said of these rows; None when nothing is."""
    n_rows, n_days = len(days), len(np.unique(days))
    if n_rows >= least_rows and n_days >= MIN_BLOCKS:
        return None
    found = f"found {n_rows:,} {'row' if n_rows == 1 else 'rows'} of {n_days} {'day' if n_days == 1 else 'days'}"
    return f"not enough data: need at least {least_rows} rows of {MIN_BLOCKS} days, {found}"


def count_required(interval: PairedInterval, *, within: float, sides: int = 1) -> int:
    """Return how many such rows prove, with power .8, that a true 0 lies below `within` (2 sides: and above -`within`).

    Student's t of the blocks that there are goes into it: with few blocks, more rows are needed than with many.
    """
    from scipy.special import ndtri

    if interval.standard_error == 0:
        return interval.n_rows
    reach = (interval.high - interval.low) / 2 + float(ndtri(1 - 0.2 / sides)) * interval.standard_error
    return max(2, int(np.ceil(interval.n_rows * (reach / within) ** 2)))


def count_to_settle(interval: PairedInterval, *, tolerance: float) -> int | None:
    """Return how many such rows would tell on which side of the tolerance a figure lies; None when these do.

    An estimate at the very edge would never be settled, so it is taken to be a quarter of the tolerance away from it.
    """
    if -tolerance <= interval.low and interval.high <= tolerance:
        return None
    distance = max(abs(tolerance - abs(interval.estimate)), tolerance / 4)
    return max(2 * interval.n_rows, count_required(interval, within=distance, sides=2))
