"""Frames: how payloads stand in a segment, so that a reader knows whole ones from torn and damaged ones.

A frame is a little-endian u32 length, a u32 CRC-32 of the payload, and the payload (never empty). Imports nothing but
the standard library, because the serving workers load it.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from holdtrue.errors import DeclarationError

HEADER = struct.Struct("<II")
_pack = HEADER.pack
MAX_PAYLOAD_BYTES = 64 * 2**20


class Frame(NamedTuple):
    """One payload that was read; `segment` is the file's name, `offset_after` where the next frame begins."""

    segment: str
    offset_after: int
    payload: bytes

    @property
    def place(self) -> tuple[int, int]:
        """Return where the frame begins in its segment, and where it ends."""
        return self.offset_after - len(self.payload) - HEADER.size, self.offset_after


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


def make_header(payload: bytes) -> bytes:
    """Return the header of a payload's frame; raises DeclarationError for one that is empty or too long."""
    n_bytes = len(payload)
    if not 0 < n_bytes <= MAX_PAYLOAD_BYTES:
        raise DeclarationError(f"a payload has {n_bytes} bytes", expected=f"1 to {MAX_PAYLOAD_BYTES} bytes")
    return _pack(n_bytes, zlib.crc32(payload))


def parse_frames(segment: str, data: bytes, base: int, holes: Mapping[int, int]) -> Iterator[Frame | Damage]:
    """Yield frames and damaged places in order; a torn tail ends them.

    Args:
        segment: the name of the file.
        data: its bytes from `base` on.
        base: the offset of `data` in the segment.
        holes: where frames that are passed over begin, and where they end.
    """
    at = 0
    while at < len(data):
        if base + at in holes:
            at = holes[base + at] - base
            continue
        end = _frame_end(data, at)
        if end is None:
            following = _find_frame(data, at + 1)
            if following is None:
                return
            yield Damage(segment=segment, offset=base + at, n_bytes=following - at)
            at = following
            continue
        yield Frame(segment, base + end, data[at + HEADER.size : end])
        at = end


def _frame_end(data: bytes, at: int) -> int | None:
    """Return where the frame that begins at `at` ends, or None when no whole, sound frame begins there."""
    begin = at + HEADER.size
    if begin > len(data):
        return None
    length, crc = HEADER.unpack_from(data, at)
    end: int = begin + length
    # A length of 0 is what a power cut leaves in a file that had grown but was not yet filled.
    if length == 0 or end > len(data) or zlib.crc32(memoryview(data)[begin:end]) != crc:
        return None
    return end


def _find_frame(data: bytes, at: int) -> int | None:
    """Return where the next sound frame begins, or None: then everything up to the end is a torn tail."""
    return next((place for place in range(at, len(data) - HEADER.size) if _frame_end(data, place) is not None), None)
