"""Segments: append-only files of framed payloads, for rows that come too fast for a database.

One `append` is one write(): a process that is killed leaves at most one torn tail. A writer holds a lock on its file
while it is open, so that others can tell closed segments from open ones; a kill lets go of it. Imports nothing but the
standard library, because the serving workers load it.
"""

import contextlib
import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from holdtrue.errors import DeclarationError, StoreFailed
from holdtrue.store.frames import HEADER, Damage, Frame, make_header, parse_frames

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ROTATE_BYTES = 64 * 2**20
ROTATE_SECONDS = 3_600.0
_EMPTY_SECONDS = 60.0


class SegmentWriter:
    """Appends payloads to numbered files `NAME-0000000001.seg` in a folder; safe to share between threads.

    A writer never appends to a file of an earlier one, so a torn tail stays a tail. After a refused write the file is
    cut back to what was whole and left for good.

    Attributes:
        rotate_bytes: a file that has reached this size is closed, and the next one begun.
        rotate_seconds: so is one that has been open for as long.
    """

    def __init__(self, folder: Path, name: str, *, power_safe: bool, is_grouped: bool) -> None:
        self.folder = folder
        self.name = name
        self.power_safe = power_safe
        self.is_grouped = is_grouped
        self.rotate_bytes = ROTATE_BYTES
        self.rotate_seconds = ROTATE_SECONDS
        self._lock = threading.Lock()
        self._number = 0
        self._handle: int | None = None
        self._path: Path | None = None
        self._size = 0
        self._synced = 0
        self._opened_at = 0.0
        self._refusal: OSError | None = None

    @classmethod
    def open(cls, folder: Path, name: str, *, power_safe: bool = False, is_grouped: bool = False) -> "SegmentWriter":
        """Make a writer; the folder is made if needed, the first file with the first append.

        Args:
            folder: where the segments are.
            name: letters, digits, dots, hyphens and underscores; begins the names of its files.
            power_safe: whether every append is synced to the disk before it returns, so that it outlives a power cut
                and not only a kill.
            is_grouped: whether that is left to a call of `sync`, for many appends at once.

        Raises:
            StoreFailed: the folder cannot be made.
        """
        if not _NAME.fullmatch(name):
            raise DeclarationError(f"the name {name!r} cannot be part of a file name", expected="such as worker-0")
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _failure(f"the folder {folder} cannot be made", error) from error
        return cls(Path(folder), name, power_safe=power_safe, is_grouped=is_grouped)

    def append(self, payloads: Sequence[bytes]) -> None:
        """Write the payloads, each in its frame, all with one write(); none of them is kept if the disk refuses.

        Raises:
            StoreFailed: the disk refused; the file was cut back to what it held before.
        """
        if not payloads:
            return
        block = b"".join([part for payload in payloads for part in (make_header(payload), payload)])
        with self._lock:
            try:
                if self._is_ripe():
                    self._leave_whole()
                handle = self._begin() if self._handle is None else self._handle
                _write_whole(handle, block)
                if self.power_safe and not self.is_grouped:
                    os.fdatasync(handle)
            except OSError as error:
                self._cut_back()
                raise _failure(f"{len(payloads)} row(s) cannot be written to {self.folder}", error) from error
            self._size += len(block)

    def sync(self) -> None:
        """Bring down to the disk what was appended so far; another thread may append meanwhile.

        Raises:
            StoreFailed: the disk refused. Nothing that was appended since the last sync may be counted on.
        """
        with self._lock:
            refusal, self._refusal = self._refusal, None
            if refusal is not None:
                raise _failure(f"rows cannot be brought down to the disk in {self.folder}", refusal) from refusal
            if self._handle is None or self._synced == self._size:
                return
            path, size = self._path, self._size
            try:
                handle = os.dup(self._handle)
            except OSError as error:  # no descriptor is left
                self._size = self._synced
                self._cut_back()
                raise _failure(f"rows cannot be brought down to the disk in {self.folder}", error) from error
        try:
            os.fdatasync(handle)
        except OSError as error:
            with self._lock:
                if self._path == path:
                    self._size = self._synced
                    self._cut_back()
            raise _failure(f"rows cannot be brought down to the disk in {self.folder}", error) from error
        finally:
            os.close(handle)
        with self._lock:
            if self._path == path:
                self._synced = max(self._synced, size)

    def drop_unsynced(self) -> None:
        """Cut off what was appended since the last sync: whoever waited for it is told that it was not written."""
        with self._lock:
            self._size = self._synced
            self._cut_back()

    def leave_if_ripe(self) -> None:
        """Close a file that is full or old though nothing more is appended: what keeps the log waits for it.

        Not where a sync of its rows is still to come.
        """
        with self._lock:
            if self._is_ripe() and not (self.is_grouped and self._synced < self._size):
                self._leave_whole()

    def close(self) -> None:
        """Close the file; an append after this begins a new one."""
        with self._lock:
            self._leave_whole()

    @property
    def segment(self) -> str | None:
        """Return the name of the file that is being written, or None between two."""
        return None if self._path is None else self._path.name

    def _begin(self) -> int:
        """Open the next file that is not there yet, and was not before: what names it may be kept elsewhere."""
        gone, n_gone = _read_taken(self.folder)
        mine = [Path(name) for name in gone if name.startswith(f"{self.name}-")]
        taken = [_number_of(path) for path in (*self.folder.glob(f"{self.name}-*.seg"), *mine)]
        # Readers remember how far they read a name, so none comes again: each that went took a generation with it.
        self._number = max([self._number, n_gone, *taken])
        while self._handle is None:
            self._number += 1
            path = self.folder / f"{self.name}-{self._number:010d}.seg"
            with contextlib.suppress(FileExistsError):
                self._handle = _open_locked(path)
        self._path, self._size, self._synced, self._opened_at = path, 0, 0, time.monotonic()
        if self.power_safe:
            _sync_folder(self.folder)
        return self._handle

    def _is_ripe(self) -> bool:
        is_full = self._size >= self.rotate_bytes or time.monotonic() - self._opened_at >= self.rotate_seconds
        return self._handle is not None and is_full

    def _leave(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
        self._handle, self._path, self._size, self._synced = None, None, 0, 0

    def _leave_whole(self) -> None:
        """Leave the file; where a sync is still to come for rows in it, it comes now, and tells its failure later."""
        if self.is_grouped and self._handle is not None and self._synced < self._size:
            try:
                os.fdatasync(self._handle)
            except OSError as error:
                self._refusal = error
                with contextlib.suppress(OSError):
                    os.ftruncate(self._handle, self._synced)
        self._leave()

    def _cut_back(self) -> None:
        """Cut off what a refused write left, and leave the file: a reader may have passed the cut already."""
        with contextlib.suppress(OSError):  # a tail that cannot be cut is a torn tail, which readers stop at
            if self._handle is not None:
                os.ftruncate(self._handle, self._size)
            if self._path is not None and self._size == 0:
                self._path.unlink(missing_ok=True)
        self._leave_whole()


def read_segments(
    folder: Path,
    *,
    start: Mapping[str, int] | None = None,
    on_damage: Callable[[Damage], None] | None = None,
    leave_out: Collection[str] = (),
    holes: Mapping[str, Sequence[tuple[int, int]]] | None = None,
) -> Iterator[Frame]:
    """Yield the frames of all segments in a folder, in the order of the files' names and of writing.

    A torn tail (a write that a kill cut short, or one that is under way) ends its segment without a word: the frames
    before it are yielded, and a later call goes on from there. Damage in the middle is reported, never silent.

    Args:
        folder: where the segments are; one that is not there holds none.
        start: for each segment, the offset to go on from; 0 for those it does not name.
        on_damage: called with each damaged place, after which reading goes on behind it; None to raise instead.
        leave_out: names of segments that are not read.
        holes: for each segment, the (begin, end) of frames that are passed over.

    Raises:
        StoreFailed: a segment is damaged in the middle and `on_damage` is None, or it cannot be read.
    """
    start, holes = start or {}, holes or {}
    for path in sorted(Path(folder).glob("*.seg")):
        if path.name not in leave_out:
            passed = holes.get(path.name, ())
            yield from read_segment(path, start=start.get(path.name, 0), holes=passed, on_damage=on_damage)


def read_segment(
    path: Path,
    *,
    start: int = 0,
    holes: Sequence[tuple[int, int]] = (),
    on_damage: Callable[[Damage], None] | None = None,
) -> Iterator[Frame]:
    """Yield the frames of one segment; none when it is not there. See `read_segments`."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failure(f"the segment {path} cannot be read", error) from error
    for item in parse_frames(path.name, data, start, dict(holes)):
        if isinstance(item, Frame):
            yield item
        elif on_damage is None:
            raise StoreFailed(item.sentence, expected="whole frames", remedy=f"bring {path} back from a backup")
        else:
            on_damage(item)


def find_closed(folder: Path) -> list[Path]:
    """Return the segments that nobody writes any more, in the order of their names: those whose writer let go.

    An empty one is closed when it is a minute old: its writer may be about to lock it.
    """
    closed = []
    for path in sorted(Path(folder).glob("*.seg")):
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                state = os.fstat(handle)
                is_settled = state.st_size > 0 or time.time() - state.st_mtime > _EMPTY_SECONDS
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if is_settled:
                    closed.append(path)
            finally:
                os.close(handle)
    return closed


def erase_frame(path: Path, begin: int, end: int) -> None:
    """Overwrite the frame at a place of a segment with a null of the same length, down to the disk.

    The segment stays sound for whoever reads or appends to it meanwhile.

    Raises:
        StoreFailed: the disk refused.
    """
    n_bytes = end - begin - HEADER.size
    payload = b"null".ljust(n_bytes)[:n_bytes]
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(handle, make_header(payload) + payload, begin)
            os.fdatasync(handle)
        finally:
            os.close(handle)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failure(f"a row cannot be erased from {path}", error) from error


def _write_whole(handle: int, block: bytes) -> None:
    written = os.write(handle, block)
    while written < len(block):  # only a disk that is nearly full, or a signal, writes less
        written += os.write(handle, memoryview(block)[written:])


def _open_locked(path: Path) -> int | None:
    """Make a file, locked while it is open; None when another took it for closed and holds it before us.

    On a disk without locks it is open all the same, and nobody ever takes it for closed.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
    with contextlib.suppress(OSError):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
    if os.fstat(handle).st_nlink == 0:
        os.close(handle)
        return None
    return handle


def _read_taken(folder: Path) -> tuple[list[str], int]:
    """Return the segments that a manifest calls taken (see `manifest`), and its generation; read as plain JSON."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        return list(manifest["taken"]), int(manifest["generation"])
    except (OSError, ValueError, KeyError, TypeError):
        return [], 0


def _number_of(path: Path) -> int:
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _failure(found: str, error: OSError) -> StoreFailed:
    return StoreFailed(
        f"{found} ({error.strerror}); nothing was half-written",
        expected="a disk with free space that this user may write to",
        remedy="free some space or mend the permissions, then do it again",
    )
