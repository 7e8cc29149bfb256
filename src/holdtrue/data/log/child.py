"""Log child: the process that keeps a project's logs: `python -m holdtrue.data.log.child --folder .holdtrue`.

Its supervisor starts it when there is something to do. It takes no core from those that serve, and may be killed at any
moment.
"""

import argparse
import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from holdtrue.domain import LogPolicy
from holdtrue.errors import HoldtrueError, StateConflict

NICENESS = 10
PROBLEMS_FILE = "log-problems.json"


class Upkeep(msgspec.Struct, frozen=True, kw_only=True):
    """What may be removed from the log of one loop; a loop of which nothing is known loses no row.

    Attributes:
        loop: the name of the loop.
        policy: what was declared.
        label_delay: how long after its moment a row's label is due.
        now: business time.
    """

    loop: str
    policy: LogPolicy
    label_delay: timedelta
    now: datetime


def name_command(folder: Path, upkeep: Upkeep | None = None) -> list[str]:
    """Return the command that starts the child. `-P` keeps the user's folder from shadowing modules."""
    told = [] if upkeep is None else ["--upkeep", msgspec.json.encode(upkeep).decode()]
    return [sys.executable, "-P", "-m", "holdtrue.data.log.child", "--folder", str(folder), *told]


def keep_logs(folder: Path, upkeep: Upkeep | None = None) -> list[str]:
    """Compact the logs of all loops of a project, remove what may go; return in sentences what could not be done."""
    from holdtrue.data.log.compaction import compact_log
    from holdtrue.data.log.retention import remove_old_rows

    problems: list[str] = []
    for log in sorted(path for path in (folder / "log").glob("*") if path.is_dir()):
        today = datetime.now(UTC)
        with contextlib.suppress(StateConflict):  # who works on it does the same
            try:
                problems.extend(compact_log(log, today=today, timeout_seconds=0.0).problems)
                if upkeep is not None and upkeep.loop == log.name:
                    remove_old_rows(log, upkeep.policy, label_delay=upkeep.label_delay, now=upkeep.now)
            except HoldtrueError as error:
                if isinstance(error, StateConflict):
                    raise
                problems.append(str(error))
    return problems


def note_problems(folder: Path, problems: Sequence[str]) -> None:
    """Write down what could not be done, for `read_log_problems`; what cannot be written is not noted."""
    from holdtrue.store import write_file

    with contextlib.suppress(OSError):
        (folder / "run").mkdir(exist_ok=True)
        write_file(folder / "run" / PROBLEMS_FILE, msgspec.json.encode(list(problems)))


def read_log_problems(folder: Path) -> tuple[str, ...]:
    """Return in sentences what the last run for a `.holdtrue` folder could not do."""
    try:
        return msgspec.json.decode((folder / "run" / PROBLEMS_FILE).read_bytes(), type=tuple[str, ...])
    except (OSError, msgspec.MsgspecError):
        return ()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run once from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m holdtrue.data.log.child", description="Keep prediction logs.")
    parser.add_argument("--folder", type=Path, default=Path(".holdtrue"))
    parser.add_argument("--upkeep", default=None)
    told = parser.parse_args(arguments)
    os.nice(NICENESS)
    gc.disable()  # rows by the hundred thousand, none of them in a circle: a third of the time would go into looking
    upkeep = None if told.upkeep is None else msgspec.json.decode(told.upkeep, type=Upkeep)
    problems = keep_logs(told.folder, upkeep)
    note_problems(told.folder, problems)
    for problem in problems:
        print(problem, file=sys.stderr, flush=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
