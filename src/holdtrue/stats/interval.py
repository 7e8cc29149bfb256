"""An interval says between which values a quantity lies, and how sure we are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An estimate with the range that the truth lies in at the stated level.

    Attributes:
        estimate: the best single value, in the unit of the data.
        low: lower end.
        high: upper end.
        level: probability that intervals made in this way hold the truth (.95 = 1 - alpha).

    >>> Interval(0.01, -0.02, 0.04).excludes(0)
    False
    >>> 0.03 in Interval(0.01, -0.02, 0.04)
    True
    """

    estimate: float
    low: float
    high: float
    level: float = 0.95

    @property
    def half_width(self) -> float:
        """Half the distance between the ends, in the unit of the data."""
        return (self.high - self.low) / 2

    def excludes(self, value: float) -> bool:
        """Whether value lies outside, so that it is refuted at 1 - level."""
        return not self.low <= value <= self.high

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high
