"""Shelf: the lookup that a version answers by, read anew when its file has changed."""

import time
from contextlib import suppress
from pathlib import Path

from holdtrue.domain import NO_LOOKUP, Lookup
from holdtrue.errors import StoreFailed
from holdtrue.serving.lookup_file import place_lookup, read_lookup_file

LOOK_SECONDS = 0.25


class Shelf:
    """Holds the newest lookup of a loop: that of its file, or the one that came with the release.

    Args:
        shipped: the lookup of the release.
        folder: the `.holdtrue` folder; None for the shipped one alone.
        loop: the name of the loop.
    """

    def __init__(self, shipped: Lookup = NO_LOOKUP, *, folder: Path | None = None, loop: str = "") -> None:
        self._shipped = shipped
        self._folder = folder
        self._loop = loop
        self._lookup = shipped
        self._stamp: tuple[int, ...] = ()
        self._look_at = 0.0

    def take(self) -> Lookup:
        """Return the newest lookup; a file that cannot be read changes nothing."""
        now = time.monotonic()
        if self._folder is not None and now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            with suppress(OSError, StoreFailed):
                self._look(self._folder)
        return self._lookup

    def _look(self, folder: Path) -> None:
        found = place_lookup(folder, self._loop).stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            written = read_lookup_file(folder, self._loop)
            self._stamp = stamp
            # Tables that the file does not have, because nobody keeps them up any more, are those of the release.
            self._lookup = (
                self._shipped if written is None else Lookup(tables={**self._shipped.tables, **written.tables})
            )
