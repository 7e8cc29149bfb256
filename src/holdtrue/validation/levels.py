"""Levels: the rows of each text, code or unit, and what they turned out to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_LEVELS = 5_000
LEAST_LEVELS = 3


@dataclass(frozen=True, kw_only=True)
class Levels:
    """What the rows of each level of one column turned out to be.

    Attributes:
        codes: the level of each row, -1 for none, shape (n_rows,).
        labels: numbers, shape (n_rows,).
        n: rows of each level.
        sums: of their labels.
        mean: of all labels.
        variance: of the labels within levels.
    """

    codes: NDArray[np.int64]
    labels: Floats
    n: Floats
    sums: Floats
    mean: float
    variance: float

    @property
    def means(self) -> Floats:
        """Return the mean label of each level; 0 where it has no row."""
        return self.sums / np.maximum(self.n, 1)

    @cached_property
    def variances(self) -> Floats:
        """The variance of the labels of each level; 0 where it has no row."""
        is_there = self.codes >= 0
        codes, off = self.codes[is_there], self.labels[is_there] - self.means[self.codes[is_there]]
        return np.bincount(codes, weights=off**2, minlength=len(self.n)) / np.maximum(self.n, 1)

    @cached_property
    def has_shares(self) -> bool:
        """Whether the labels are 0 and 1, so that means are shares."""
        return bool(np.isin(self.labels, (0.0, 1.0)).all())


def count_levels(codes: NDArray[np.int64], labels: Floats) -> Levels:
    """Return what the rows of each level turned out to be; rows without a level (-1) belong to none."""
    is_there = codes >= 0
    n = np.bincount(codes[is_there]).astype(np.float64)
    sums: Floats = np.bincount(codes[is_there], weights=labels[is_there]).astype(np.float64)
    within = labels[is_there] - (sums / np.maximum(n, 1))[codes[is_there]]
    variance = float((within**2).sum() / max(1, is_there.sum() - len(n)))
    mean = float(labels.mean()) if len(labels) else 0.0
    return Levels(codes=codes, labels=labels, n=n, sums=sums, mean=mean, variance=variance)


def list_groups(
    columns: dict[str, pl.Series], unit: pl.Series, probes: NDArray[np.int64]
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield columns with levels that repeat, and the level of each row (-1 = none); the unit is one."""
    for name, column in [*columns.items(), ("the unit", unit)]:
        if column.dtype.is_float():
            continue
        if LEAST_LEVELS <= column[probes].n_unique() <= min(MOST_LEVELS, 0.5 * len(probes)):
            codes = column.cast(pl.Categorical) if column.dtype == pl.String else column
            yield name, (codes.to_physical().rank("dense").cast(pl.Int64) - 1).fill_null(-1).to_numpy()


def measure_within(values: Floats, codes: NDArray[np.int64]) -> float:
    """Return the mean squared distance of values from the mean of their level."""
    return float((centre(values, codes) ** 2).mean())


def centre(values: Floats, codes: NDArray[np.int64]) -> Floats:
    """Return how far each value is from the mean of its level."""
    n = np.maximum(np.bincount(codes), 1)
    return np.asarray(values - (np.bincount(codes, weights=values) / n)[codes], dtype=np.float64)
