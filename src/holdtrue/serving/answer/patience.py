"""Patience: how long a request waits for a model; work that nobody waits for any more is let go of."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from holdtrue.errors import HoldtrueError

LAST_GOOD_SHARE = 0.2
"""The part of the time that is kept for the champion before, where that is the fallback."""

_LOOK_SECONDS = 0.1
Look = Callable[[], Awaitable[None]]
_T = TypeVar("_T")


class DeadlinePassed(HoldtrueError):
    """A model did not answer a row within the time that its request gave."""

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(
            f"the time was up after {timeout_seconds * 1_000:.0f} ms", remedy="send fewer rows at once, or give more"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one request waits, from the moment that it came.

    Attributes:
        timeout_seconds: the time in which it wants its answer; None for as long as it takes.
        look: raises when the client has gone; None when nobody can tell.
        started: when the request came, by the monotonic clock.
    """

    timeout_seconds: float | None = None
    look: Look | None = None
    started: float = field(default_factory=time.monotonic)

    def left_seconds(self, *, kept_share: float = 0.0) -> float | None:
        """Return how much time is left when a share of all of it is kept back; None without a deadline."""
        if self.timeout_seconds is None:
            return None
        return max(0.0, self.started + self.timeout_seconds * (1 - kept_share) - time.monotonic())

    async def wait(self, scored: "Sequence[asyncio.Future[_T]]", *, kept_share: float = 0.0) -> list[_T | None]:
        """Wait for answers, or other work; what did not come in time is None, and is taken back from the queues.

        Raises:
            Exception: what `look` raises; everything is taken back then.
        """
        try:
            while True:
                left = self.left_seconds(kept_share=kept_share)
                pause = left if self.look is None else _LOOK_SECONDS if left is None else min(left, _LOOK_SECONDS)
                _, waiting = await asyncio.wait(scored, timeout=pause)
                if not waiting or left == 0.0:
                    return [future.result() if future.done() else None for future in scored]
                if self.look is not None:
                    await self.look()
        finally:
            for future in scored:
                future.cancel()  # does nothing to one that is done
