"""Progress: how far a piece of work has come, told from inside it to whoever submitted it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far work has come: `done` of `total` (None when nobody knows), in the unit that `text` speaks of."""

    done: float
    total: float | None = None
    text: str = ""


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


class _Process:
    """Holds the listener of a whole process: threads do not inherit a ContextVar, and user code may start threads."""

    listener: Listener | None = None


def report_progress(done: float, *, total: float | None = None, text: str = "") -> None:
    """Tell whoever submitted the present work how far it has come; outside of submitted work this does nothing."""
    listener = _listener.get() or _Process.listener
    if listener is not None:
        listener(Progress(done=done, total=total, text=text))


@contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Send the progress that is reported inside the block, in this thread, to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def listen_everywhere(listener: Listener | None) -> None:
    """Send all progress of this process to `listener`, from whichever thread it comes; for child processes."""
    _Process.listener = listener
