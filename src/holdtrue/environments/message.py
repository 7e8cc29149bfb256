"""Messages between a parent and its child process: JSON behind a four-byte length, over a pair of pipes."""

import os
import struct

import msgspec

from holdtrue.environments.limit import Limit
from holdtrue.environments.progress import Progress

HEAD = struct.Struct("<I")
_CHUNK_BYTES = 1 << 16


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The parent's first message: where it finds modules."""

    module_path: list[str]


class Work(msgspec.Struct, frozen=True, tag="work"):
    """One piece of work."""

    entry: str
    payload: msgspec.Raw


class Begun(msgspec.Struct, frozen=True, tag="begun"):
    """The child begins the work: from here on its death is the work's failure; before, the work can be given again."""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The work returned this."""

    result: msgspec.Raw


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The work raised; `kind` is the name of an error of holdtrue, `facts` are its further attributes."""

    kind: str
    found: str
    expected: str
    remedy: str
    facts: dict[str, msgspec.Raw]


class Told(msgspec.Struct, frozen=True, tag="told"):
    """The work tells how far it has come."""

    progress: Progress


class Limited(msgspec.Struct, frozen=True, tag="limited"):
    """The work has come to a part with this limit, or to the end of such a part."""

    limit: Limit | None


class Stale(msgspec.Struct, frozen=True, tag="stale"):
    """The child did not begin the work: a module that it has imported was edited since."""

    path: str


ToChild = Hello | Work
FromChild = Begun | Done | Failed | Told | Limited | Stale

_to_child = msgspec.json.Decoder(ToChild)
_from_child = msgspec.json.Decoder(FromChild)


def send_message(fd: int, message: ToChild | FromChild) -> None:
    """Write a message to a blocking pipe, whole."""
    body = msgspec.json.encode(message)
    view = memoryview(HEAD.pack(len(body)) + body)
    while view:
        view = view[os.write(fd, view) :]


def read_request(fd: int) -> ToChild | None:
    """Read the next message to the child from a blocking pipe; None at its end."""
    head = _read_exactly(fd, HEAD.size)
    body = _read_exactly(fd, HEAD.unpack(head)[0]) if head else None
    return _to_child.decode(body) if body else None


def _read_exactly(fd: int, n_bytes: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < n_bytes:
        part = os.read(fd, min(n_bytes - len(parts), _CHUNK_BYTES))
        if not part:
            return None
        parts += part
    return bytes(parts)


class Inbox:
    """Gathers the messages from a child out of the pieces in which a non-blocking pipe gives them."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, piece: bytes) -> list[FromChild]:
        """Take a piece, return the messages that are whole with it."""
        self._bytes += piece
        messages: list[FromChild] = []
        while len(self._bytes) >= HEAD.size:
            end = HEAD.size + HEAD.unpack_from(self._bytes)[0]
            if len(self._bytes) < end:
                break
            messages.append(_from_child.decode(bytes(self._bytes[HEAD.size : end])))
            del self._bytes[:end]
        return messages
