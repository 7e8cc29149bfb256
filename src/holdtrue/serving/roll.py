"""Roll: the file in which a supervisor keeps the workers that it has, so that the next one can adopt them."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from holdtrue.serving.front import Front
from holdtrue.serving.log_format import LogFormat
from holdtrue.store.file import write_file

ROLL_FILE = "workers.json"


@dataclass(frozen=True, kw_only=True)
class Enrolled:
    """One worker: its slot, and its process by pid and moment of birth (Unix time)."""

    slot: int
    pid: int
    started_unix: float


@dataclass(frozen=True, kw_only=True)
class Roll:
    """A supervisor's group of workers: where they listen, how they log, the group's nonce, and holdtrue's version."""

    front: Front
    log_format: LogFormat
    nonce: str
    release: str
    workers: tuple[Enrolled, ...]


def read_roll(run_folder: Path) -> Roll | None:
    """Read the roll of a run folder; None when there is none that can be read."""
    try:
        return msgspec.json.decode((run_folder / ROLL_FILE).read_bytes(), type=Roll)
    except (OSError, msgspec.MsgspecError):
        return None


def write_roll(run_folder: Path, roll: Roll) -> None:
    """Replace the roll. `OSError` when the disk refuses."""
    run_folder.mkdir(parents=True, exist_ok=True)
    write_file(run_folder / ROLL_FILE, msgspec.json.encode(roll))
