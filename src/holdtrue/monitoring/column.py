"""One column of the reference and its windows as profiles, and what to say about the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import measure_column
from holdtrue.stats import LevelProfile, NumberProfile, Profile

# Infinite values (or beyond float32) that change by this share are what there is to say of a column.
LEAST_INFINITE = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class ColumnProfiles:
    """A column of the reference and of the windows, in the form in which both are counted.

    Attributes:
        values: the reference's values.
        reference: its profile.
        windows: the profile of each window.
    """

    values: pl.Series
    reference: Profile
    windows: tuple[Profile, ...]

    def missing(self) -> tuple[LevelProfile, tuple[LevelProfile, ...]]:
        """Return missing against present in the reference and in the windows."""
        return self.reference.missing, tuple(window.missing for window in self.windows)

    def measure_blocks(self, blocks: NDArray[np.int64]) -> list[Profile]:
        """Return the profile of each block of the reference's rows."""
        starts = np.flatnonzero(np.diff(blocks, prepend=blocks[:1] - 1))
        ends = np.append(starts[1:], len(blocks))
        return [
            measure_column(self.values.slice(int(first), int(last - first)), like=self.reference)
            for first, last in zip(starts, ends, strict=True)
        ]

    def tell_values(self) -> str:
        """Return how the latest window differs, in words."""
        before, now = self.reference, self.windows[-1]
        if isinstance(before, NumberProfile) and isinstance(now, NumberProfile):
            return _tell_numbers(before, now)
        assert isinstance(before, LevelProfile)
        assert isinstance(now, LevelProfile)
        shares = [np.append(p.counts, p.n_other) / max(p.n_present, 1) for p in (before, now)]
        place = int(np.abs(shares[1] - shares[0]).argmax())
        level = repr(before.levels[place]) if place < len(before.levels) else "a value not seen before"
        return f"{level} went from {shares[0][place]:.1%} to {shares[1][place]:.1%} of its values"

    def tell_missing(self) -> str:
        """Return how the missing share of the latest window differs, in words."""
        shares = [p.n_missing / max(p.n_rows, 1) for p in (self.reference, self.windows[-1])]
        return f"its missing values went from {shares[0]:.1%} to {shares[1]:.1%}"


def _tell_numbers(before: NumberProfile, now: NumberProfile) -> str:
    shares = [profile.n_infinite / max(profile.n_present, 1) for profile in (before, now)]
    if abs(shares[1] - shares[0]) >= LEAST_INFINITE:
        return f"its infinite values went from {shares[0]:.1%} to {shares[1]:.1%}"
    # Moments and amounts far from zero need more digits before their means look different.
    differing = next((n for n in range(2, 16) if f"{before.mean:.{n}g}" != f"{now.mean:.{n}g}"), 2)
    digits = max(4, differing + 2)
    means = f"its mean went from {before.mean:.{digits}g} to {now.mean:.{digits}g}"
    spreads = f"its spread from {before.standard_deviation:.4g} to {now.standard_deviation:.4g}"
    is_spread = abs(now.mean - before.mean) < 0.1 * max(before.standard_deviation, now.standard_deviation)
    return f"{means}, {spreads}" if is_spread else means


def profile_column(reference: pl.Series, *, windows: Sequence[pl.Series]) -> ColumnProfiles:
    """Return the profiles of a column: a bit histogram for numbers, else counted levels."""
    frozen = measure_column(reference)
    return ColumnProfiles(
        values=reference, reference=frozen, windows=tuple(measure_column(each, like=frozen) for each in windows)
    )
