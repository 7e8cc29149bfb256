"""Pieces: bytes named by their sha256 that go with work to another machine, and come back with its result."""

import hashlib
from pathlib import Path
from typing import Protocol

from holdtrue.errors import NotFound


class Pieces(Protocol):
    """Keeps bytes by their sha256. Putting the same bytes twice is putting them once."""

    def get_bytes(self, digest: str) -> bytes:
        """Return the bytes with this sha256."""
        ...

    def put_bytes(self, data: bytes) -> str:
        """Keep bytes and return their sha256."""
        ...


class PieceFolder:
    """The pieces of one piece of work, in a folder of its own: those that it was given, and those that it made."""

    def __init__(self, folder: Path) -> None:
        self._given, self._made = folder / "given", folder / "made"
        for part in (self._given, self._made):
            part.mkdir(parents=True, exist_ok=True)

    def give(self, digest: str, data: bytes) -> None:
        """Lay a piece in the folder for the work to find."""
        (self._given / digest).write_bytes(data)

    def get_bytes(self, digest: str) -> bytes:
        """Return a piece that was given or made; raises `NotFound` when it was neither."""
        for part in (self._given, self._made):
            if (part / digest).is_file():
                return (part / digest).read_bytes()
        raise NotFound(f"the piece {digest} did not come with the work", expected="a piece that was sent with it")

    def put_bytes(self, data: bytes) -> str:
        """Keep bytes that go back with the result, and return their sha256."""
        digest = hashlib.sha256(data).hexdigest()
        (self._made / digest).write_bytes(data)
        return digest

    def list_made(self) -> list[str]:
        """Return the digests of what was made."""
        return sorted(path.name for path in self._made.iterdir())


class _Process:
    """Holds the pieces of the work that this process does now."""

    pieces: Pieces | None = None
    folder: Path | None = None


def find_pieces() -> Pieces:
    """Return the pieces of the present work; raises `NotFound` outside of work that was sent with pieces."""
    if _Process.pieces is None:
        raise NotFound("no pieces came with this work", expected="work that a cluster does")
    return _Process.pieces


def find_baggage() -> Path:
    """Return the folder with the project's files that came with the present work; raises `NotFound` without any."""
    if _Process.folder is None:
        raise NotFound("no project came with this work", expected="work that a cluster does")
    return _Process.folder


def hold_pieces(pieces: Pieces | None, folder: Path | None) -> None:
    """Make these the pieces and the project's files of the present work; for the processes that do it."""
    _Process.pieces, _Process.folder = pieces, folder
