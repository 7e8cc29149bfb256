"""Clocks that tell business time: real, scaled (a replay) and virtual (a backtest)."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from holdtrue.errors import DeclarationError


class Clock(Protocol):
    """Tells business time as an aware UTC datetime. Reading it twice never goes back."""

    def now(self) -> datetime:
        """Return the business time of this moment."""
        ...


@dataclass(frozen=True)
class RealClock:
    """Business time is the time of day."""

    def now(self) -> datetime:
        """Return the time of day in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class ScaledClock:
    """Business time that starts at `start` when the machine's clock showed `began_unix` and runs `speed` times as fast.

    The pair (start, began_unix) is data, so that every process of a replay reads the same business time.

    >>> clock = ScaledClock(datetime(2013, 9, 1, tzinfo=UTC), began_unix=time.time(), speed=86_400)
    >>> clock.now() >= clock.start
    True
    """

    start: datetime
    began_unix: float
    speed: float

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise DeclarationError(
                f"the start {self.start.isoformat()} has no time zone", expected="an aware datetime such as UTC"
            )
        if not self.speed > 0:
            raise DeclarationError(f"the speed {self.speed} is not positive", expected="a number above 0")

    def now(self) -> datetime:
        """Return the scaled business time; it stands still rather than going back when the machine's clock does."""
        elapsed = max(0.0, time.time() - self.began_unix)
        return self.start.astimezone(UTC) + timedelta(seconds=elapsed * self.speed)

    def seconds_until(self, moment: datetime) -> float:
        """Return the real seconds from now until the business moment; negative when it has passed."""
        return (moment - self.now()).total_seconds() / self.speed


class VirtualClock:
    """Business time that moves only when told to: the clock of a backtest and of tests."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise DeclarationError("a virtual clock needs an aware start", expected="an aware datetime such as UTC")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment that the clock was last moved to."""
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Move the clock forward to `moment`; moving it back raises `DeclarationError`."""
        if moment < self._now:
            raise DeclarationError(
                f"a clock cannot go back from {self._now.isoformat()} to {moment.isoformat()}",
                expected="a later moment",
            )
        self._now = moment.astimezone(UTC)
