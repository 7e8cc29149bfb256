"""Does serving go on without its control plane? Under load: the database locked, then its keeper killed as well.

python benchmarks/serving/deadcontrol.py            # 20 s; --full: 600 s
"""

import os
import signal
import sqlite3
import sys
import time

from crowd import Crowd
from scene import Scene, read_plan, set_scene, tell_end

N_WORKERS = 2


def main() -> int:
    told = read_plan(__doc__, counts={"seconds": (20, 600), "rate": (500, 500)})
    with set_scene(n_workers=N_WORKERS, n_versions=2) as scene:
        with Crowd(scene.port, scene.make_requests(), n_connections=8, rate=told.rate) as crowd:
            crowd.wait_for(100)
            workers = {process.pid for process in scene.find_workers()}
            is_keeper_alive, n_alone = lose_control(scene, crowd, told.seconds)
            seconds_after = regain_control(scene)
            kept = {process.pid for process in scene.find_workers()} & workers
            crowd.wait_for(50)
        seen = crowd.seen
    figures = {
        "seconds with the database locked, three quarters without keeper": told.seconds,
        "requests answered with 2xx": seen.n_right,
        "of them without keeper and database": n_alone,
        "requests that failed": seen.n_failed,
        "p99, ms": round(seen.find_percentile(99), 2),
        "workers taken over by the next keeper": f"{len(kept)} of {N_WORKERS}",
        "seconds until the next keeper carried a change of the traffic": round(seconds_after, 2),
    }
    broken = [f"{seen.n_failed} requests failed: {dict(seen.statuses)}"] if seen.n_failed else []
    if not is_keeper_alive:
        broken.append("the keeper ended when the database was locked")
    if len(kept) < N_WORKERS:
        broken.append("workers were not taken over")
    if not n_alone:
        broken.append("nothing was answered meanwhile")
    return tell_end("deadcontrol", figures, broken)


def lose_control(scene: Scene, crowd: Crowd, seconds: float) -> tuple[bool, int]:
    """Lock the database, then kill its keeper too; say whether the lock alone ended the keeper, and count answers."""
    lock = sqlite3.connect(scene.project.folder / "holdtrue.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")  # writers wait; readers see the last state
    time.sleep(seconds / 4)
    lock.execute("ROLLBACK")
    is_keeper_alive = scene.tree.parent.poll() is None
    os.kill(scene.tree.parent.pid, signal.SIGKILL)
    scene.tree.parent.wait()
    scene.project.store.close()
    lock.execute("PRAGMA locking_mode=EXCLUSIVE")
    lock.execute("BEGIN EXCLUSIVE")  # nobody reads any more either
    before = crowd.seen.n_right
    time.sleep(seconds * 3 / 4)
    n_alone = crowd.seen.n_right - before
    lock.execute("ROLLBACK")
    lock.close()
    return is_keeper_alive, n_alone


def regain_control(scene: Scene) -> float:
    """Start the keeper again, change the traffic, and return after how long all workers answer by it."""
    began = time.monotonic()
    scene.serve()
    revision = scene.reopen().send(2, writes_file=False)
    scene.wait_until_ready(revision=revision)
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
