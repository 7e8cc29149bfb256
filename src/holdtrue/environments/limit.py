"""Limits: how long a part of the work may take and how much memory its process may hold; the parent watches them.

The parent, and not the work's own process, ends what goes beyond: native code may never let another thread run.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from holdtrue.errors import TrainingFailed

CHECK_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a part of the work, named as in a sentence ("the step fit"), may take; None is no bound.

    It is told without a bound too: who dies in it is named by it.
    """

    name: str
    seconds: float | None = None
    memory_bytes: int | None = None


class _Process:
    """Holds what tells the parent of a limit; None in a process that nobody watches."""

    tell: Callable[[Limit | None], None] | None = None


@contextmanager
def limiting(limit: Limit) -> Iterator[None]:
    """Have the block stopped, with its process, when it takes more than the limit; only a child process keeps it."""
    tell = _Process.tell
    if tell is None:
        yield
        return
    tell(limit)
    try:
        yield
    finally:
        tell(None)


def tell_limits(tell: Callable[[Limit | None], None] | None) -> None:
    """Send the limits of this process's work to whoever watches it; for child processes."""
    _Process.tell = tell


class LimitWatch:
    """Watches the limit of one piece of work in another process."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._limit: Limit | None = None
        self._since = 0.0

    @property
    def name(self) -> str:
        """Return the name of the part of the work that is done now; "" outside of any."""
        return "" if self._limit is None else self._limit.name

    @property
    def patience_seconds(self) -> float:
        """Return how long the watch may look away."""
        limit = self._limit
        is_bounded = limit is not None and (limit.seconds is not None or limit.memory_bytes is not None)
        return CHECK_SECONDS if is_bounded else float("inf")

    def set(self, limit: Limit | None) -> None:
        """Take the limit that the work has told, or that it has none any more."""
        self._limit, self._since = limit, time.monotonic()

    def find_breach(self) -> TrainingFailed | None:
        """Return what is wrong, if the work has gone beyond its limit."""
        limit = self._limit
        if limit is None:
            return None
        if limit.seconds is not None and time.monotonic() - self._since >= limit.seconds:
            return TrainingFailed(
                f"{limit.name} was still running after {limit.seconds:g} seconds and was stopped",
                expected=f"an end within timeout={limit.seconds:g} s",
                remedy="allow it more time, or give it fewer rows",
            )
        held = 0 if limit.memory_bytes is None else self._read_memory()
        if limit.memory_bytes is not None and held > limit.memory_bytes:
            return TrainingFailed(
                f"{limit.name} held {held / 2**30:.2f} GiB of memory and was stopped",
                expected=f"at most {limit.memory_bytes / 2**30:.2f} GiB",
                remedy="allow it more memory, or give it fewer rows",
            )
        return None

    def _read_memory(self) -> int:
        """Return the memory of the largest process of the work, since forks share theirs."""
        try:
            processes = [self._process, *self._process.children(recursive=True)]
        except psutil.Error:
            return 0
        return max((_read_resident(process) for process in processes), default=0)


def _read_resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
