"""Keeper: a live loop in a scaled clock as a process of its own: `python -m holdtrue.testing.keeper`.

It does what `holdtrue up` does, without the page; it is there to be killed.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from holdtrue.clock import ScaledClock
from holdtrue.project import Live, hold_up, open_project

LOOK_SECONDS = 0.5
# A promotion has its version fitted once more: so many trainings may be under way one after the other at the end.
MOST_LAST_TRAININGS = 4


@dataclass(frozen=True, kw_only=True)
class KeeperOptions:
    """What a keeper is told on its command line: the loop, where it answers, and its clock."""

    loop_file: Path
    port: int
    n_workers: int
    clock: ScaledClock


@dataclass(frozen=True, kw_only=True)
class Started:
    """The line that a keeper writes when its workers are ready."""

    pid: int
    n_adopted: int
    workers: tuple[int, ...]


def name_keeper(options: KeeperOptions) -> list[str]:
    """Return the command that starts a keeper."""
    return [
        *(sys.executable, "-m", "holdtrue.testing.keeper", "--loop-file", str(options.loop_file)),
        *("--port", str(options.port), "--workers", str(options.n_workers)),
        *("--start", options.clock.start.isoformat()),
        *("--began-unix", repr(options.clock.began_unix), "--speed", repr(options.clock.speed)),
    ]


def read_options(arguments: Sequence[str]) -> KeeperOptions:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m holdtrue.testing.keeper", description="Keep a loop until SIGTERM.")
    parser.add_argument("--loop-file", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--start", type=datetime.fromisoformat, required=True)
    parser.add_argument("--began-unix", type=float, required=True)
    parser.add_argument("--speed", type=float, required=True)
    told = parser.parse_args(arguments)
    clock = ScaledClock(told.start, began_unix=told.began_unix, speed=told.speed)
    return KeeperOptions(loop_file=told.loop_file, port=told.port, n_workers=told.workers, clock=clock)


def keep(options: KeeperOptions, stop: threading.Event) -> None:
    """Start or adopt the workers and look again and again until told to stop; then finish what is under way."""
    with open_project(options.loop_file, clock=options.clock) as project, hold_up(project):
        live = Live(project=project, port=options.port, n_workers=options.n_workers, look_seconds=LOOK_SECONDS)
        live.start()
        assert live.workers is not None, "a started loop has workers"
        started = Started(pid=os.getpid(), n_adopted=live.workers.n_adopted, workers=live.workers.pids)
        sys.stdout.write(msgspec.json.encode(started).decode() + "\n")
        sys.stdout.flush()
        try:
            live.run(stop.is_set)
            finish(live)
        finally:
            live.stop()


def finish(live: Live) -> None:
    """Wait for the training under way, and place what came of it."""
    for _ in range(MOST_LAST_TRAININGS):
        if not live.controller.read_state().is_training:
            return
        live.step()
        live.controller.finish_training()
        live.step()


def main() -> int:
    """Run a keeper from its command line."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    keep(read_options(sys.argv[1:]), stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
