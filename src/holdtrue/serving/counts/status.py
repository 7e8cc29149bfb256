"""Status: what one worker says of itself in a file: ready or not, and what it counted. Its mtime is the pulse."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from holdtrue.serving.counts.counter import Count


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one worker.

    Attributes:
        slot: its place among its siblings; a worker that replaces it has the same.
        pid: its process.
        nonce: names the supervisor's group that it belongs to.
        is_ready: whether it can answer for every loop of the traffic.
        revisions: for each loop the revision of the traffic that it answers by.
        problems: in sentences, what could not be taken over from the traffic.
        counts: its counters, those of its predecessors in the slot included.
    """

    slot: int
    pid: int
    nonce: str
    is_ready: bool
    revisions: dict[str, int]
    problems: tuple[str, ...]
    counts: tuple[Count, ...]


_decoder = msgspec.json.Decoder(WorkerStatus)


def name_status_file(run_folder: Path, slot: int) -> Path:
    """Return the path of a slot's status file."""
    return run_folder / f"worker-{slot}.json"


def write_status(run_folder: Path, status: WorkerStatus) -> None:
    """Replace the status file at once; it is not worth a wait for the disk."""
    path = name_status_file(run_folder, status.slot)
    draft = path.with_suffix(f".{status.pid}.tmp")
    draft.write_bytes(msgspec.json.encode(status))
    draft.replace(path)


def touch_status(run_folder: Path, slot: int) -> None:
    """Give a sign of life; needs no free space on the disk."""
    os.utime(name_status_file(run_folder, slot))


def read_status(run_folder: Path, slot: int) -> WorkerStatus | None:
    """Read a slot's status; None when there is none that can be read."""
    try:
        return _decoder.decode(name_status_file(run_folder, slot).read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None


def read_statuses(run_folder: Path) -> Iterator[WorkerStatus]:
    """Read the status of every slot that ever ran here."""
    for path in sorted(run_folder.glob("worker-*.json")):
        slot = path.stem.removeprefix("worker-")
        status = read_status(run_folder, int(slot)) if slot.isdigit() else None
        if status is not None:
            yield status
