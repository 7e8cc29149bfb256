"""Mean: the mean of some values as a figure to show, with its interval where there is enough for one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Measured
from holdtrue.stats import PairedInterval
from holdtrue.validation.contrast import find_lack, measure_contrast


def measure_mean(values: NDArray[np.float64], days: NDArray[np.int64]) -> Measured:
    """Return the mean of some values with its block-robust interval, where there is enough for one."""
    estimate = float(values.mean())
    if find_lack(days) is not None:
        return Measured(estimate=estimate)
    every = np.ones(len(values), dtype=np.bool_)
    return as_measured(measure_contrast(estimate, values - estimate, days=days, held=every))


def as_measured(interval: PairedInterval) -> Measured:
    """Return an interval as a figure to show."""
    return Measured(estimate=interval.estimate, low=interval.low, high=interval.high)
