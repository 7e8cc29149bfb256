"""Perturbation: rows as they might have come: with noise on the numbers, or with values that did not come at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

# A normal distribution has so many interquartile ranges in its standard deviation.
NORMAL_RANGE = 1.349


def measure_spread(column: pl.Series) -> float:
    """Return how far a column's numbers lie apart: a standard deviation that a few huge values do not stretch.

    It is the interquartile range as a normal distribution would have it, or the standard deviation where half of the
    values are the same; 0 for texts, truth values and constants.
    """
    if not column.dtype.is_numeric():
        return 0.0
    values = column.drop_nulls().to_numpy().astype(np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0
    low, high = np.quantile(values, (0.25, 0.75))
    return float((high - low) / NORMAL_RANGE) or float(values.std())


def add_noise(frame: pl.DataFrame, spreads: Mapping[str, float], *, noise: float, seed: int) -> pl.DataFrame:
    """Return the frame with normal noise of `noise` spreads on each column of numbers; whole numbers stay whole."""
    import polars as pl

    generator = np.random.default_rng(seed)
    noisy = []
    for name, spread in spreads.items():
        shaken = frame[name].cast(pl.Float64) + pl.Series(generator.normal(0.0, noise, frame.height) * spread)
        if frame[name].dtype.is_integer():
            shaken = shaken.round().clip(lower_bound=0 if _has_no_negatives(frame[name]) else None)
        noisy.append(shaken.cast(frame[name].dtype, strict=False).alias(name))
    return frame.with_columns(noisy)


def lose_values(frame: pl.DataFrame, *, missing: float, seed: int) -> pl.DataFrame:
    """Return the frame in which each value of each column is missing with this probability, whatever the others are."""
    import polars as pl

    generator = np.random.default_rng(seed)
    is_lost = generator.random((frame.width, frame.height)) < missing
    return frame.select(
        pl.when(pl.Series(lost)).then(None).otherwise(frame[name]).alias(name)
        for name, lost in zip(frame.columns, is_lost, strict=True)
    )


def _has_no_negatives(column: pl.Series) -> bool:
    return not bool((column < 0).any())
