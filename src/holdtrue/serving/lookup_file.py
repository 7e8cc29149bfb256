"""Lookup file: what features of the past are worth since the last refresh, written for workers that read no SQL.

The controller writes it at each refresh, workers read it when it has changed. While nobody writes, they go on with the
last one, which grows old: each table in it says when it was refreshed.
"""

from pathlib import Path

import msgspec

from holdtrue.domain import Lookup, encode_canonically
from holdtrue.errors import StoreFailed
from holdtrue.store.file import write_file


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
    """Return the lookup that bytes hold; raises what msgspec does where they hold none."""
    return msgspec.json.decode(data, type=Lookup)
