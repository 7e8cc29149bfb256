"""One column of the reference and its windows as profiles, and what to say about the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import measure_column
from holdtrue.stats import LevelProfile, NumberProfile, Profile


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
            return f"its mean went from {before.mean:.4g} to {now.mean:.4g}"
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


def profile_column(reference: pl.Series, *, windows: Sequence[pl.Series]) -> ColumnProfiles:
    """Return the profiles of a column: a bit histogram for numbers, else counted levels."""
    frozen = measure_column(reference)
    return ColumnProfiles(
        values=reference, reference=frozen, windows=tuple(measure_column(each, like=frozen) for each in windows)
    )
