"""Shelf: the lookup that a version answers by, and the file that it follows, read aside when it has changed."""

import time
from contextlib import suppress
from pathlib import Path

from holdtrue.domain import NO_LOOKUP, Lookup
from holdtrue.errors import StoreFailed
from holdtrue.serving.lookup_file import place_lookup, read_lookup_file

LOOK_SECONDS = 0.25


class FollowedLookup:
    """The newest lookup file of a loop: one copy in memory for all versions that answer by it.

    Args:
        folder: the `.holdtrue` folder.
        loop: the name of the loop.
    """

    def __init__(self, folder: Path, loop: str) -> None:
        self._folder = folder
        self._loop = loop
        self._lookup: Lookup | None = None
        self._stamp: tuple[int, ...] = ()
        self._look_at = 0.0

    @property
    def lookup(self) -> Lookup | None:
        """Return what was read last; None before there was a file."""
        return self._lookup

    def has_changed(self) -> bool:
        """Say whether there is something to read; that is asked of the disk four times a second at most."""
        now = time.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_SECONDS
        with suppress(OSError):
            return self._stamp_file() != self._stamp
        return False

    def read(self) -> None:
        """Read the file and move the pointer to it; one that cannot be read changes nothing.

        A large one takes a while: not for a thread that answers.
        """
        with suppress(OSError, StoreFailed):
            stamp = self._stamp_file()
            written = read_lookup_file(self._folder, self._loop)
            if written is not None:
                self._stamp, self._lookup = stamp, written

    def _stamp_file(self) -> tuple[int, ...]:
        found = place_lookup(self._folder, self._loop).stat()
        return found.st_mtime_ns, found.st_size, found.st_ino


class Shelf:
    """Holds the newest lookup of a version: that of the file, or the one that came with the release.

    Args:
        shipped: the lookup of the release.
        followed: the file, which others keep up; None for the shipped one alone.
    """

    def __init__(self, shipped: Lookup = NO_LOOKUP, *, followed: FollowedLookup | None = None) -> None:
        self.followed = followed
        self._shipped = shipped
        self._written: Lookup | None = None
        self._lookup = shipped

    def take(self) -> Lookup:
        """Return the newest lookup that is in memory."""
        written = None if self.followed is None else self.followed.lookup
        if written is not None and written is not self._written:
            # Tables that the file does not have, because nobody keeps them up any more, are those of the release.
            self._lookup = Lookup(tables={**self._shipped.tables, **written.tables})
            self._written = written
        return self._lookup
