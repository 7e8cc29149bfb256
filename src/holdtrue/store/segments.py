"""Segments: append-only files of framed payloads, for rows that come too fast for a database.

A frame is a little-endian u32 length, a u32 CRC-32 of the payload, and the payload (never empty). One `append` is one
write(): a process that is killed leaves at most one torn tail. Imports nothing but the standard library, because the
serving workers load it.
"""

import contextlib
import os
import re
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from holdtrue.errors import DeclarationError, StoreFailed

_HEADER = struct.Struct("<II")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MAX_PAYLOAD_BYTES = 64 * 2**20
ROTATE_BYTES = 64 * 2**20


class Frame(NamedTuple):
    """One payload that was read; `segment` is the file's name, `offset_after` where the next frame begins."""

    segment: str
    offset_after: int
    payload: bytes


@dataclass(frozen=True, kw_only=True)
class Damage:
    """Bytes in the middle of a segment that are no frame: `n_bytes` from `offset` on."""

    segment: str
    offset: int
    n_bytes: int

    @property
    def sentence(self) -> str:
        """Return what was found, for people."""
        return f"segment {self.segment} is damaged: {self.n_bytes} bytes at offset {self.offset} are no frame"


class SegmentWriter:
    """Appends payloads to numbered files `NAME-0000000001.seg` in a folder; safe to share between threads.

    A writer never appends to a file of an earlier one, so a torn tail stays a tail. After a refused write the file is
    cut back to what was whole and left for good.

    Attributes:
        rotate_bytes: a file that has reached this size is closed, and the next one begun.
    """

    def __init__(self, folder: Path, name: str, *, power_safe: bool) -> None:
        self.folder = folder
        self.name = name
        self.power_safe = power_safe
        self.rotate_bytes = ROTATE_BYTES
        self._lock = threading.Lock()
        self._number = 0
        self._handle: int | None = None
        self._path: Path | None = None
        self._size = 0

    @classmethod
    def open(cls, folder: Path, name: str, *, power_safe: bool = False) -> "SegmentWriter":
        """Make a writer; the folder is made if needed, the first file with the first append.

        Args:
            folder: where the segments are.
            name: letters, digits, dots, hyphens and underscores; begins the names of its files.
            power_safe: whether every append is synced to the disk before it returns, so that it outlives a power cut
                and not only a kill.

        Raises:
            StoreFailed: the folder cannot be made.
        """
        if not _NAME.fullmatch(name):
            raise DeclarationError(f"the name {name!r} cannot be part of a file name", expected="such as worker-0")
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _failure(f"the folder {folder} cannot be made", error) from error
        return cls(Path(folder), name, power_safe=power_safe)

    def append(self, payloads: Sequence[bytes]) -> None:
        """Write the payloads, each in its frame, all with one write(); none of them is kept if the disk refuses.

        Raises:
            StoreFailed: the disk refused; the file was cut back to what it held before.
        """
        if not payloads:
            return
        block = b"".join(part for payload in payloads for part in (_frame_header(payload), payload))
        with self._lock:
            if self._handle is not None and self._size >= self.rotate_bytes:
                self._leave()
            try:
                handle = self._begin() if self._handle is None else self._handle
                _write_whole(handle, block)
                if self.power_safe:
                    os.fdatasync(handle)
            except OSError as error:
                self._cut_back()
                raise _failure(f"{len(payloads)} row(s) cannot be written to {self.folder}", error) from error
            self._size += len(block)

    def close(self) -> None:
        """Close the file; an append after this begins a new one."""
        with self._lock:
            self._leave()

    @property
    def segment(self) -> str | None:
        """Return the name of the file that is being written, or None between two."""
        return None if self._path is None else self._path.name

    def _begin(self) -> int:
        """Open the next file that is not there yet."""
        taken = [_number_of(path) for path in self.folder.glob(f"{self.name}-*.seg")]
        self._number = max([self._number, *taken])
        while True:
            self._number += 1
            path = self.folder / f"{self.name}-{self._number:010d}.seg"
            with contextlib.suppress(FileExistsError):
                self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
                break
        self._path, self._size = path, 0
        if self.power_safe:
            _sync_folder(self.folder)
        return self._handle

    def _leave(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
        self._handle, self._path, self._size = None, None, 0

    def _cut_back(self) -> None:
        """Cut off what a refused write left, and leave the file: a reader may have passed the cut already."""
        with contextlib.suppress(OSError):  # a tail that cannot be cut is a torn tail, which readers stop at
            if self._handle is not None:
                os.ftruncate(self._handle, self._size)
            if self._path is not None and self._size == 0:
                self._path.unlink(missing_ok=True)
        self._leave()


def read_segments(
    folder: Path,
    *,
    start: Mapping[str, int] | None = None,
    on_damage: Callable[[Damage], None] | None = None,
) -> Iterator[Frame]:
    """Yield the frames of all segments in a folder, in the order of the files' names and of writing.

    A torn tail (a write that a kill cut short, or one that is under way) ends its segment without a word: the frames
    before it are yielded, and a later call goes on from there. Damage in the middle is reported, never silent.

    Args:
        folder: where the segments are; one that is not there holds none.
        start: for each segment, the offset to go on from; 0 for those it does not name.
        on_damage: called with each damaged place, after which reading goes on behind it; None to raise instead.

    Raises:
        StoreFailed: a segment is damaged in the middle and `on_damage` is None, or it cannot be read.
    """
    start = start or {}
    for path in sorted(Path(folder).glob("*.seg")):
        offset = start.get(path.name, 0)
        try:
            with path.open("rb") as file:
                file.seek(offset)
                data = file.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _failure(f"the segment {path} cannot be read", error) from error
        for item in _parse(path.name, data, offset):
            if isinstance(item, Frame):
                yield item
            elif on_damage is None:
                raise StoreFailed(item.sentence, expected="whole frames", remedy=f"bring {path} back from a backup")
            else:
                on_damage(item)


def _parse(segment: str, data: bytes, base: int) -> Iterator[Frame | Damage]:
    """Yield frames and damaged places; `base` is the offset of `data` in the segment."""
    at = 0
    while at < len(data):
        end = _frame_end(data, at)
        if end is None:
            following = _find_frame(data, at + 1)
            if following is None:
                return
            yield Damage(segment=segment, offset=base + at, n_bytes=following - at)
            at = following
            continue
        yield Frame(segment, base + end, data[at + _HEADER.size : end])
        at = end


def _frame_end(data: bytes, at: int) -> int | None:
    """Return where the frame that begins at `at` ends, or None when no whole, sound frame begins there."""
    begin = at + _HEADER.size
    if begin > len(data):
        return None
    length, crc = _HEADER.unpack_from(data, at)
    end: int = begin + length
    # A length of 0 is what a power cut leaves in a file that had grown but was not yet filled.
    if length == 0 or end > len(data) or zlib.crc32(memoryview(data)[begin:end]) != crc:
        return None
    return end


def _find_frame(data: bytes, at: int) -> int | None:
    """Return where the next sound frame begins, or None: then everything up to the end is a torn tail."""
    return next((place for place in range(at, len(data) - _HEADER.size) if _frame_end(data, place) is not None), None)


def _frame_header(payload: bytes) -> bytes:
    if not 0 < len(payload) <= MAX_PAYLOAD_BYTES:
        raise DeclarationError(f"a payload has {len(payload)} bytes", expected=f"1 to {MAX_PAYLOAD_BYTES} bytes")
    return _HEADER.pack(len(payload), zlib.crc32(payload))


def _write_whole(handle: int, block: bytes) -> None:
    written = os.write(handle, block)
    while written < len(block):  # only a disk that is nearly full, or a signal, writes less
        written += os.write(handle, memoryview(block)[written:])


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
