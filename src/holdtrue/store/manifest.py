"""Manifest: what of a folder of segments stands in Parquet parts by now; replacing this one file commits a change.

A reader holds the parts that the manifest lists and the segments that it does not call taken as one log. Whoever
changes parts or takes segments holds `lock_log`; readers need no lock: they read the manifest again when they are done,
and start anew when its generation is another.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from holdtrue.errors import StateConflict, StoreFailed
from holdtrue.store.file import write_file

MANIFEST_FILE = "manifest.json"
LOCK_FILE = "manifest.lock"
_POLL_SECONDS = 0.02


class LogPart(msgspec.Struct, frozen=True, kw_only=True):
    """One Parquet file of a log, as the manifest lists it.

    Attributes:
        name: the file's name.
        day: the day of receipt (UTC) of all its rows.
        n_rows: its rows.
        n_bytes: its size.
        first_time: the least business time of its rows, Unix seconds.
        last_time: the greatest.
        first_received: the least moment of receipt, Unix seconds.
        last_received: the greatest.
        profile: the file beside it that holds the profiles of its rows; None where they have no features.
    """

    name: str
    day: str
    n_rows: int
    n_bytes: int
    first_time: float
    last_time: float
    first_received: float
    last_received: float
    profile: str | None = None


class LogManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What stands where.

    Attributes:
        generation: rises with every change.
        n_removals: rises when rows went (erased, or past their time): what a reader remembers of them must go too.
        parts: the Parquet files.
        taken: names of segments whose rows are in the parts.
        holes: for a segment, the (begin, end) of frames that were erased.
        references: for each version, the file of the profile that its later ones are measured like.
        n_erased: rows that were erased by key.
        n_expired: rows that were removed when they were past the time to keep.
        n_dropped: rows that were removed because the disk budget was reached.
    """

    generation: int = 0
    n_removals: int = 0
    parts: tuple[LogPart, ...] = ()
    taken: tuple[str, ...] = ()
    holes: Mapping[str, tuple[tuple[int, int], ...]] = msgspec.field(default_factory=dict)
    references: Mapping[int, str] = msgspec.field(default_factory=dict)
    n_erased: int = 0
    n_expired: int = 0
    n_dropped: int = 0

    @property
    def files(self) -> frozenset[str]:
        """Return the names of all files that it lists."""
        profiles = {part.profile for part in self.parts if part.profile is not None}
        return frozenset({part.name for part in self.parts} | profiles | set(self.references.values()))


def read_manifest(folder: Path) -> LogManifest:
    """Return the manifest of a log's folder; an empty one where nothing was compacted yet.

    Raises:
        StoreFailed: it cannot be read.
    """
    path = folder / MANIFEST_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=LogManifest)
    except (FileNotFoundError, NotADirectoryError):
        return LogManifest()
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreFailed(
            f"{path} cannot be read ({error})",
            expected="the list of the log's Parquet files, as holdtrue writes it",
            remedy="bring the file back from a backup, or use the version of holdtrue that wrote it",
        ) from error


def commit_manifest(folder: Path, manifest: LogManifest) -> LogManifest:
    """Put a manifest in place of the last, wholly or not at all; return it with the next generation.

    Raises:
        StoreFailed: the disk refused; the last one stays.
    """
    following = msgspec.structs.replace(manifest, generation=manifest.generation + 1)
    try:
        write_file(folder / MANIFEST_FILE, msgspec.json.encode(following))
    except OSError as error:
        raise StoreFailed(
            f"{folder / MANIFEST_FILE} cannot be written ({error.strerror}); it stays as it was",
            expected="a disk with free space that this user may write to",
        ) from error
    return following


@contextlib.contextmanager
def lock_log(folder: Path, *, is_shared: bool = False, timeout_seconds: float = 30.0) -> Iterator[None]:
    """Hold a log's folder still while the block runs; a process that is killed lets go.

    Args:
        folder: the log's folder.
        is_shared: whether others may hold it still too: for a reader.
        timeout_seconds: how long to wait; 0 for not at all.

    Raises:
        StateConflict: another process held it for longer than that.
        StoreFailed: the folder cannot be written, or the disk refused a step of the block.
    """
    try:
        handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreFailed(f"{folder / LOCK_FILE} cannot be opened ({error.strerror})") from error
    try:
        _wait_for_lock(handle, folder, is_shared=is_shared, deadline=time.monotonic() + timeout_seconds)
        yield
    except OSError as error:
        raise StoreFailed(
            f"the disk refused a step on the log in {folder} ({error}); no row was lost or doubled",
            expected="a disk with free space that this user may write to",
            remedy="mend that, then do it again",
        ) from error
    finally:
        os.close(handle)


def _wait_for_lock(handle: int, folder: Path, *, is_shared: bool, deadline: float) -> None:
    kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise StateConflict(
                    f"another process works on the log in {folder}",
                    expected="one at a time",
                    remedy="wait until it is done, then do it again",
                ) from error
        time.sleep(_POLL_SECONDS)
