"""A sample is a one-dimensional array of finite numbers, checked where it enters the room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

# Sums such as 1 - .01 leave the stated range by rounding; such values move to its end, farther ones are refused.
ROUNDING = 1e-9


def check_sample(x: npt.ArrayLike, *, name: str = "x") -> Floats:
    """Return x as finite float64 of shape (n_rows,); raises StatisticsError for other shapes, NaN and infinity."""
    sample = np.asarray(x, dtype=np.float64)
    if sample.ndim != 1:
        raise StatisticsError(f"{name} has the shape {sample.shape}", expected="one dimension, (n_rows,)")
    # The sum is finite exactly when no value is NaN or infinite, unless it overflows: only then look at each value.
    if not np.isfinite(sample.sum()) and not np.isfinite(sample).all():
        n_bad = int((~np.isfinite(sample)).sum())
        raise StatisticsError(
            f"{name} holds {n_bad} NaN or infinite values in {len(sample)} rows",
            expected="finite numbers",
            remedy="leave rows without a label out before, and count them as missing",
        )
    return sample


def check_bounded_sample(x: npt.ArrayLike, *, low: float, high: float, name: str = "x") -> Floats:
    """Return x as float64 within [low, high]; raises StatisticsError when a value lies outside."""
    sample = check_sample(x, name=name)
    if len(sample) == 0:
        return sample
    smallest, largest = float(sample.min()), float(sample.max())
    slack = ROUNDING * (high - low)
    if smallest < low - slack or largest > high + slack:
        raise StatisticsError(
            f"{name} runs from {smallest:g} to {largest:g}",
            expected=f"values within [{low:g}, {high:g}]",
            remedy="clip the loss with its cap before, or declare the range in which it really lies",
        )
    return np.clip(sample, low, high) if smallest < low or largest > high else sample


def check_same_length(**arrays: npt.NDArray[np.generic]) -> None:
    """Raise StatisticsError unless all arrays have the same number of rows."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {n} rows" for name, n in lengths.items())
        raise StatisticsError(found, expected="the same rows in each, in the same order")


def check_share(value: float, *, name: str) -> float:
    """Return value when it lies strictly between 0 and 1; raises StatisticsError otherwise."""
    if not 0 < value < 1:
        raise StatisticsError(f"{name} is {value!r}", expected="a number strictly between 0 and 1")
    return float(value)


def check_design_effect(value: float) -> float:
    """Return the design effect when it is at least 1 and finite; raises StatisticsError otherwise."""
    if not (np.isfinite(value) and value >= 1):
        raise StatisticsError(
            f"design_effect is {value!r}",
            expected="a finite number of at least 1 (1 = rows are independent)",
            remedy="measure it with holdtrue.stats.design_effect on a later, time-blocked holdout",
        )
    return float(value)
