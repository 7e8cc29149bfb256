"""Jackknife: how well a figure of many rows is known, from what it becomes without each block of them (numpy only).

For figures that are no mean of rows (an area under a curve, a root, a team's own function). Source: Tukey 1958; Efron
and Stein, Annals of Statistics 1981; delete-a-group: Kott, Journal of Official Statistics 2001. One look.
"""

from __future__ import annotations

import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .interval import Interval
from .sample import check_sample, check_share


def jackknife_interval(estimate: float, left_out: npt.ArrayLike, *, alpha: float = 0.05) -> Interval:
    """Return a figure with its 1 - alpha interval, by Student's t on n_blocks - 1 degrees of freedom.

    var = (B-1)/B sum_b (t_b - mean t)^2. Of a mean of rows in blocks of one size it is that of `paired_interval`. The
    figure must be smooth in the rows: for a median, or the most of them, it is wrong.

    Args:
        estimate: the figure of all rows.
        left_out: the figure of all rows but those of one block, for each block, shape (n_blocks,).
        alpha: error that is allowed, both sides together.

    Raises StatisticsError for fewer than 2 blocks.

    >>> found = jackknife_interval(2.0, [2.5, 2.0, 1.5])
    >>> round(found.low, 3), round(found.high, 3)
    (-0.484, 4.484)
    """
    from scipy.special import stdtrit

    check_share(alpha, name="alpha")
    figures = check_sample(left_out, name="left_out")
    n_blocks = len(figures)
    if n_blocks < 2:
        raise StatisticsError(f"{n_blocks} blocks", expected="at least 2")
    variance = float(((figures - figures.mean()) ** 2).sum()) * (n_blocks - 1) / n_blocks
    reach = float(stdtrit(n_blocks - 1, 1 - alpha / 2)) * variance**0.5
    return Interval(estimate, estimate - reach, estimate + reach, 1 - alpha)
