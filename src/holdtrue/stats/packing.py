"""Packed profiles: about 4 kB for a column of a million numbers, so that one is kept for each window, segment, version.

Layout, compressed by zlib: one line of JSON with all but the arrays, then the steps between used cells (2 bytes) and
the counts (8 bytes), each byte plane by plane: the upper planes are nearly all zero and cost nothing.
"""

from __future__ import annotations

import json
import zlib

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .profile import LevelProfile, NumberProfile

LAYOUT = 1


def pack_profile(profile: NumberProfile | LevelProfile) -> bytes:
    """Return the profile as bytes that `unpack_profile` reads on any machine."""
    state = profile.to_dict() | {"layout": LAYOUT}
    counts = np.asarray(state.pop("counts"), dtype="<u8")
    cells = np.asarray(state.pop("cells", []), dtype=np.int64)
    head = json.dumps(state | {"n_counts": len(counts)}, allow_nan=False).encode()
    body = _split_planes(np.diff(cells, prepend=0).astype("<u2")) + _split_planes(counts)
    return zlib.compress(head + b"\n" + body)


def unpack_profile(packed: bytes) -> NumberProfile | LevelProfile:
    """Return the profile in the bytes; raises StatisticsError when they are not a packed profile."""
    try:
        head, _, body = zlib.decompress(packed).partition(b"\n")
        state = json.loads(head)
        if state["layout"] != LAYOUT:
            raise ValueError(f"layout {state['layout']}")
        n_counts = state["n_counts"]
        if state["kind"] == "level":
            return LevelProfile.from_dict(state | {"counts": _join_planes(body, "<u8", n_counts)})
        steps, counts = _join_planes(body[: 2 * n_counts], "<u2", n_counts), body[2 * n_counts :]
        cells = np.cumsum(steps.astype(np.int64))
        return NumberProfile.from_dict(state | {"cells": cells, "counts": _join_planes(counts, "<u8", n_counts)})
    except (zlib.error, ValueError, KeyError, TypeError, UnicodeDecodeError) as problem:
        raise StatisticsError(
            f"{len(packed)} bytes that are no packed profile ({problem!r})", expected="what pack_profile returns"
        ) from problem


def _split_planes(numbers: npt.NDArray[np.unsignedinteger]) -> bytes:
    return np.ascontiguousarray(numbers.view(np.uint8).reshape(-1, numbers.itemsize).T).tobytes()


def _join_planes(body: bytes, kind: str, n_numbers: int) -> npt.NDArray[np.unsignedinteger]:
    planes = np.frombuffer(body, dtype=np.uint8).reshape(np.dtype(kind).itemsize, n_numbers)
    return np.ascontiguousarray(planes.T).view(kind)[:, 0]
