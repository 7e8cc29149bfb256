"""Does a kill -9 of a worker at full load lose an answered row? The log's files turn over often, and are compacted.

The log is read as it stands on the disk: whole frames of segments, and Parquet files of compaction where there are.

python benchmarks/serving/killworkers.py            # 20 kills, about a minute; --full: 200, about eight
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from crowd import Crowd
from scene import Scene, read_plan, set_scene, tell_end

N_WORKERS = 2
PATCHES = Path(__file__).with_name("apps") / "patches"
PAUSE_SECONDS = (0.2, 2.0)
# 64 MiB by default, which a short run would never fill.
ROTATE_BYTES = 2 * 2**20
READY_SECONDS = 60.0


class Book:
    """What clients were told: the id of each answered row."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def take(self, request: bytes, status: int, head: bytes, body: bytes) -> None:
        """Note the ids of a good reply."""
        if status == 200:
            self.ids += [row["prediction_id"] for row in json.loads(body)["predictions"]]


def main() -> int:
    told = read_plan(__doc__, counts={"kills": (20, 200)})
    dice, book = random.Random(told.seed), Book()
    os.environ["BENCH_ROTATE_BYTES"] = str(ROTATE_BYTES)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PATCHES), os.environ.get("PYTHONPATH"))))
    with set_scene(n_workers=N_WORKERS) as scene:
        with Crowd(scene.port, scene.make_requests(), n_connections=16, take=book.take) as crowd:
            crowd.wait_for(200)
            compactor = Compactor(scene.project.folder, dice)
            for _ in range(told.kills):
                time.sleep(dice.uniform(*PAUSE_SECONDS))
                kill_one(scene, dice)
                compactor.tend()
            scene.wait_until_ready(limit_seconds=READY_SECONDS)
            crowd.wait_for(100)
        time.sleep(0.5)
        folder = scene.project.folder / "log" / scene.project.loop
        compactor.finish()
        logged = Counter(read_ids(folder))
        n_segments, n_parts = len(list(folder.glob("*.seg"))), len(list(folder.rglob("*.parquet")))
    lost, doubled = compare_books(book.ids, logged)
    refused = {status: n for status, n in crowd.seen.statuses.items() if status != 200}
    figures = {
        "workers killed": told.kills,
        "rows answered with 2xx": len(book.ids),
        "rows answered and lost": len(lost),
        "rows logged twice": len(doubled),
        "rows logged whose reply was cut off": len(logged) - len(set(book.ids)),
        "requests that a kill broke": crowd.seen.n_broken,
        "requests refused": sum(refused.values()),
        "compactions meanwhile (killed)": f"{compactor.n_started} ({compactor.n_killed})",
        "segments / Parquet files in the end": f"{n_segments} / {n_parts}",
    }
    broken = [f"{len(lost)} answered rows are not in the log, such as {lost[:3]}"] if lost else []
    if doubled:
        broken.append(f"{len(doubled)} rows stand twice in the log, such as {doubled[:3]}")
    if any(status >= 500 and status != 503 for status in refused):
        broken.append(f"replies that nobody should get: {refused}")
    return tell_end("killworkers", figures, broken)


def compare_books(told: list[str], logged: Counter[str]) -> tuple[list[str], list[str]]:
    """Return the ids that clients were told and that the log does not hold, and those that it holds twice."""
    return sorted(set(told) - logged.keys()), [name for name, count in logged.items() if count > 1]


def kill_one(scene: Scene, dice: random.Random) -> None:
    """Kill a worker by its id, as soon as one lives."""
    deadline = time.monotonic() + READY_SECONDS
    while not (workers := scene.find_workers()):
        if time.monotonic() > deadline:
            raise SystemExit("no worker is there")
        time.sleep(0.02)
    os.kill(dice.choice(workers).pid, signal.SIGKILL)


class Compactor:
    """Starts the process that compacts the log, where this holdtrue has one, and kills some of them by their ids."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self._folder, self._dice = folder, dice
        self._child: subprocess.Popen[bytes] | None = None
        self.n_started = self.n_killed = 0
        try:
            from holdtrue.data.log.child import name_command

            self._command: list[str] | None = name_command(folder)
        except ImportError:
            self._command = None

    def tend(self) -> None:
        """Start one if none runs; else perhaps kill it."""
        if self._command is None:
            return
        if self._child is not None and self._child.poll() is None:
            if self._dice.random() < 0.5:
                self._child.kill()
                self._child.wait()
                self.n_killed += 1
            return
        self._child = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.n_started += 1

    def finish(self) -> None:
        """Let the last one end, and compact what is left."""
        if self._command is None:
            return
        if self._child is not None:
            self._child.wait()
        done = subprocess.run(self._command, capture_output=True, text=True, check=False, timeout=300)
        self.n_started += 1
        if done.returncode:
            raise SystemExit(f"compaction: {done.stderr.strip()[-400:]}")


def read_ids(folder: Path) -> list[str]:
    """Return the id of each row in the log, as often as it stands there."""
    from holdtrue.data import read_log_rows

    ids: list[str] = read_log_rows(folder)["prediction_id"].to_list()
    return ids


if __name__ == "__main__":
    sys.exit(main())
