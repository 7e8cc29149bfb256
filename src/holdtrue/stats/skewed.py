"""An upper bound of a mean whose rows are skewed, such as losses: most are small, few are large.

Student's interval is too low on that side: the large rows that the sample lacks are what lifts the mean. Its end is
moved by the second term of the Edgeworth expansion (Johnson, JASA 1978; Hall, JRSSB 1992). One look.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .sample import check_design_effect, check_sample, check_share


@dataclass(frozen=True)
class Shape:
    """How rows lie around their mean: `variance` in the data's unit squared, `skewness` without one (0: evenly)."""

    variance: float
    skewness: float

    def widen(self, other: Shape) -> Shape:
        """Return the larger of both variances and of both skewnesses."""
        return Shape(max(self.variance, other.variance), max(self.skewness, other.skewness))


def measure_shape(x: npt.ArrayLike) -> Shape:
    """Return variance and skewness of at least 2 rows; alike rows have neither."""
    rows = check_sample(x)
    if len(rows) < 2:
        raise StatisticsError(f"{len(rows)} rows", expected="at least 2 rows")
    centred = rows - rows.mean()
    variance = float(centred @ centred) / (len(rows) - 1)
    if variance <= 1e-30 * max(1.0, float(np.abs(rows).max()) ** 2):
        return Shape(0.0, 0.0)
    return Shape(variance, float((centred**3).mean()) / variance**1.5)


def bound_mean(
    x: npt.ArrayLike, *, alpha: float, n_blocks: int, design_effect: float = 1.0, shape: Shape | None = None
) -> float:
    """Return the value that the mean of x lies below, with a chance of 1 - alpha.

    Args:
        x: rows, shape (n_rows,).
        alpha: error that is allowed on this one side.
        n_blocks: blocks (days) that the rows lie in: the degrees of freedom are one less.
        design_effect: by how much fewer independent rows there are than rows.
        shape: of more rows of the kind: few rows may lack the large ones, so that their own shape says too little.

    >>> bound_mean([0.0] * 95 + [1.0] * 5, alpha=0.05, n_blocks=100) > 0.05 + 1.66 * 0.022
    True
    """
    from scipy.special import stdtrit

    check_share(alpha, name="alpha")
    rows, own = check_sample(x), measure_shape(x)
    if n_blocks < 2:
        raise StatisticsError(f"{n_blocks} block", expected="at least 2 blocks", remedy="wait for more days")
    used = own if shape is None else own.widen(shape)
    n_effective = len(rows) / check_design_effect(design_effect)
    quantile = float(stdtrit(n_blocks - 1, 1 - alpha))
    moved = max(used.skewness, 0.0) / (6 * np.sqrt(n_effective)) * (2 * quantile**2 + 1)
    return float(rows.mean() + np.sqrt(used.variance / n_effective) * (quantile + moved))
