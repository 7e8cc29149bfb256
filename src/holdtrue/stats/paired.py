"""Two versions on the same rows: the mean of the difference of their losses, with blocks of rows that move together.

Source: textbook cluster-robust variance (Liang and Zeger 1986; Cameron and Miller, JHR 2015) with Student's t on
n_blocks - 1 degrees of freedom. One look: for looking again and again use EProcess or confidence_sequence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .blocks import measure_spread
from .interval import Interval
from .sample import check_design_effect, check_sample, check_share


@dataclass(frozen=True)
class PairedInterval:
    """The mean difference (challenger - champion; below 0 = challenger better) and how well it is known.

    Attributes:
        estimate: mean of the differences, in the unit of the loss.
        low: lower end of the interval.
        high: upper end of the interval.
        standard_error: of the estimate, block-robust when blocks were given.
        n_rows: number of differences.
        n_blocks: number of blocks (the rows themselves when none were given).
        design_effect: how many times larger the variance is than that of independent rows, at least 1.
        level: 1 - alpha.
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    n_rows: int
    n_blocks: int
    design_effect: float
    level: float = 0.95

    @property
    def interval(self) -> Interval:
        """The estimate with its ends alone."""
        return Interval(self.estimate, self.low, self.high, self.level)

    def test_above(self, value: float) -> float:
        """Return the one-sided p-value of "the mean is at most value": small when it lies above."""
        return _find_tail(self.estimate - value, self.standard_error, self.n_blocks)

    def test_below(self, value: float) -> float:
        """Return the one-sided p-value of "the mean is at least value": small when it lies below."""
        return _find_tail(value - self.estimate, self.standard_error, self.n_blocks)


def paired_interval(
    differences: npt.ArrayLike, *, blocks: npt.ArrayLike | None = None, alpha: float = 0.05
) -> PairedInterval:
    """Return the mean of the differences with its 1 - alpha interval, for one look.

    Args:
        differences: loss of the challenger minus loss of the champion on the same rows, shape (n_rows,).
        blocks: block of each row (day, week, entity), shape (n_rows,); rows of different blocks count as independent.
            None: every row is a block of its own.
        alpha: error that is allowed, both sides together.

    Raises StatisticsError for fewer than 2 blocks. With fewer than about 20 blocks the interval is wide and rough:
    a gate asks for 20 or answers "not enough data".

    >>> found = paired_interval([0.1, -0.2, 0.3, 0.0, 0.1, 0.2], blocks=[1, 1, 2, 2, 3, 3])
    >>> round(found.estimate, 4), found.n_blocks
    (0.0833, 3)
    """
    from scipy.special import stdtrit

    check_share(alpha, name="alpha")
    rows = check_sample(differences, name="differences")
    spread = measure_spread(rows, blocks)
    estimate = float(rows.mean())
    reach = float(stdtrit(spread.n_blocks - 1, 1 - alpha / 2)) * spread.standard_error
    return PairedInterval(
        estimate=estimate,
        low=estimate - reach,
        high=estimate + reach,
        standard_error=spread.standard_error,
        n_rows=len(rows),
        n_blocks=spread.n_blocks,
        design_effect=spread.design_effect,
        level=1 - alpha,
    )


def required_rows(
    *,
    standard_deviation: float,
    margin: float,
    design_effect: float = 1.0,
    effect: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int:
    """Return how many rows put the upper end of `paired_interval` below the margin with the wished power.

    n = design_effect ((z_{1-alpha/2} + z_power) sd / (margin - effect))^2. Divide by the rows a day for "need N days".

    Args:
        standard_deviation: of the differences of single rows.
        margin: largest loss difference that still counts as not worse.
        design_effect: see `design_effect`.
        effect: true mean difference that is assumed (0: equally good).
        alpha: two-sided, as in `paired_interval`.
        power: probability of the proof when the effect is as assumed.

    >>> required_rows(standard_deviation=0.3, margin=0.01)
    7064
    """
    from scipy.special import ndtri

    check_share(alpha, name="alpha")
    check_share(power, name="power")
    check_design_effect(design_effect)
    if not (standard_deviation >= 0 and effect < margin):
        raise StatisticsError(
            f"standard_deviation={standard_deviation!r}, effect={effect!r}, margin={margin!r}",
            expected="a standard deviation of at least 0 and an effect below the margin",
            remedy="no number of rows proves that a challenger beyond the margin is within it",
        )
    quantiles = float(ndtri(1 - alpha / 2) + ndtri(power))
    return max(2, int(np.ceil(design_effect * (quantiles * standard_deviation / (margin - effect)) ** 2)))


def _find_tail(distance: float, standard_error: float, n_blocks: int) -> float:
    from scipy.special import stdtr

    if standard_error == 0:  # all differences alike: certain, unless there is none
        return 0.0 if distance > 0 else 1.0
    return float(stdtr(n_blocks - 1, -distance / standard_error))
