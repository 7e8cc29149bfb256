"""Lookup file: what features of the past are worth since the last refresh, written for workers that read no SQL.

The controller writes it at each refresh, workers read it when it has changed. While nobody writes, they go on with the
last one, which grows old: each table in it says when it was refreshed.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from holdtrue.domain import Lookup, PastTable, encode_canonically
from holdtrue.errors import StoreFailed
from holdtrue.store.file import write_file

_PIECE_BYTES = 1 << 16


def place_lookup(folder: Path, loop: str) -> Path:
    """Return where the lookup file of a loop is in a `.holdtrue` folder."""
    return folder / "lookups" / f"{loop}.json"


def read_lookup_file(folder: Path, loop: str) -> Lookup | None:
    """Read the lookup file of a loop; None when there is none yet.

    Raises:
        StoreFailed: it cannot be read, or it is no lookup file.
    """
    path = place_lookup(folder, loop)
    try:
        return decode_lookup(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreFailed(
            f"{path} cannot be read ({error})",
            expected="the file that the controller writes",
            remedy="remove it; the next look of the controller writes it anew",
        ) from error


def write_lookup_file(folder: Path, loop: str, lookup: Lookup) -> None:
    """Write the lookup file of a loop, whole or not at all; raises `StoreFailed` where the disk refuses."""
    path = place_lookup(folder, loop)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, encode_canonically(lookup))
    except OSError as error:
        raise StoreFailed(
            f"{path} cannot be written ({error.strerror}); it stays as it was",
            expected="a disk with free space that this user may write to",
        ) from error


def decode_lookup(data: bytes) -> Lookup:
    """Return the lookup that bytes hold; raises what msgspec does where they hold none.

    It is decoded in pieces, between which other threads of the process get their turn.
    """
    raw = msgspec.json.decode(data, type=_RawLookup)
    tables = {
        name: PastTable(refreshed_at=table.refreshed_at, values=_decode_values(bytes(table.values)))
        for name, table in raw.tables.items()
    }
    return Lookup(tables=tables)


@dataclass(frozen=True, kw_only=True)
class _RawTable:
    refreshed_at: datetime
    values: msgspec.Raw


@dataclass(frozen=True, kw_only=True)
class _RawLookup:
    tables: dict[str, _RawTable]


def _decode_values(data: bytes) -> dict[str, float]:
    """Return the object that JSON holds, of numbers by the keys of `name_past_key`."""
    if not data.startswith(b"{"):
        return msgspec.json.decode(data, type=dict[str, float])
    values: dict[str, float] = {}
    begin, end = 1, len(data) - 1
    while begin < end:
        # Each key ends with a bracket, and a quote within it stands behind a backslash: this is between two entries.
        cut = data.find(b',"', begin + _PIECE_BYTES)
        piece = data[begin : end if cut < 0 else cut]
        values.update(msgspec.json.decode(b"{" + piece + b"}", type=dict[str, float]))
        if cut < 0:
            break
        begin = cut + 1
        time.sleep(0)
    return values
