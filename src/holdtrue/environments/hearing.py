"""Hearing: what user code prints through Python, heard by whoever asks for it and printed all the same.

What native code or a process that it starts writes past `sys.stdout` is not heard; it goes where it would have gone.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_NAMES = ("stdout", "stderr")
LIMIT_CHARACTERS = 1 << 15

_printed: ContextVar["Printed | None"] = ContextVar("printed", default=None)


class Printed:
    """Keeps the first and the last of what is printed, each at most `limit` characters."""

    def __init__(self, *, limit: int = LIMIT_CHARACTERS) -> None:
        self.n_characters = 0
        self._limit = limit
        self._head = ""
        self._tail = ""
        self._lock = threading.Lock()

    def append(self, text: str) -> None:
        r"""Take a piece of text.

        >>> printed = Printed(limit=3)
        >>> printed.append("1234567890")
        >>> printed.text
        '123\n... (4 of 10 characters were left out)\n890'
        """
        with self._lock:
            self.n_characters += len(text)
            room = self._limit - len(self._head)
            self._head += text[:room]
            self._tail += text[room:][-self._limit :]
            if len(self._tail) > 2 * self._limit:
                self._tail = self._tail[-self._limit :]

    @property
    def text(self) -> str:
        """Return what is kept, with how much was left out between."""
        with self._lock:
            last = self._tail[-self._limit :]
            n_left_out = self.n_characters - len(self._head) - len(last)
            if not n_left_out:
                return self._head + last
            return f"{self._head}\n... ({n_left_out:,} of {self.n_characters:,} characters were left out)\n{last}"


class HeardStream:
    """A stream that is heard; all but `write` is the stream's own."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, and have it heard."""
        printed = _printed.get() or _Process.find_only()
        if printed is not None:
            printed.append(str(text))
        written: int = self._stream.write(text)
        return written

    def writelines(self, lines: list[str]) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Process:
    """Holds who hears now: threads do not inherit a ContextVar, and user code may start threads."""

    lock = threading.Lock()
    hearers: tuple[Printed, ...] = ()
    undo: Callable[[], None] | None = None

    @classmethod
    def find_only(cls) -> Printed | None:
        """Return the one who hears; None when nobody does, or several do and nobody knows whose thread it is."""
        hearers = cls.hearers
        return hearers[0] if len(hearers) == 1 else None


def hear_always() -> None:
    """Have the streams of this process heard from now on, so that handlers of logs made early are heard too."""
    with _Process.lock:
        _replace_streams()


@contextmanager
def hearing() -> Iterator[Printed]:
    """Give what is printed inside the block."""
    printed = Printed()
    with _Process.lock:
        if not _Process.hearers:
            _Process.undo = _replace_streams()
        _Process.hearers = (*_Process.hearers, printed)
    token = _printed.set(printed)
    try:
        yield printed
    finally:
        _printed.reset(token)
        with _Process.lock:
            _Process.hearers = tuple(other for other in _Process.hearers if other is not printed)
            if not _Process.hearers and _Process.undo is not None:
                _Process.undo()
                _Process.undo = None


def _replace_streams() -> Callable[[], None]:
    """Replace the streams that are not heard yet; return what puts back those that nobody has replaced since."""
    before = {name: getattr(sys, name) for name in _NAMES}
    heard = {
        name: HeardStream(stream)
        for name, stream in before.items()
        if stream is not None and not isinstance(stream, HeardStream)
    }
    for name, stream in heard.items():
        setattr(sys, name, stream)

    def undo() -> None:
        for name, stream in heard.items():
            if getattr(sys, name) is stream:
                setattr(sys, name, before[name])

    return undo
