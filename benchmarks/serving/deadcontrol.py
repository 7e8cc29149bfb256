"""Does serving go on without its control plane? Under load: the database locked, then its keeper killed as well.

python benchmarks/serving/deadcontrol.py            # 30 s; --full: 600 s
"""

import os
import signal
import sqlite3
import sys
import time

from crowd import Crowd
from scene import read_plan, set_scene, tell_end

N_WORKERS = 2


def main() -> int:
    told = read_plan(__doc__, counts={"seconds": (30, 600), "rate": (500, 500)})
    with set_scene(n_workers=N_WORKERS, n_versions=2) as scene:
        names = (b'"v1"', b'"v2"')
        with Crowd(
            scene.port, scene.make_requests(), n_connections=8, rate=told.rate, versions=names
        ) as crowd:
            crowd.wait_for(100)
            workers = {process.pid for process in scene.find_workers()}
            # Writers wait; readers, who see the last state, do not.
            lock = sqlite3.connect(scene.project.folder / "holdtrue.db", isolation_level=None)
            lock.execute("BEGIN IMMEDIATE")
            time.sleep(told.seconds / 4)
            lock.execute("ROLLBACK")
            is_keeper_alive = scene.tree.parent.poll() is None
            os.kill(scene.tree.parent.pid, signal.SIGKILL)
            scene.tree.parent.wait()
            scene.project.store.close()
            lock.execute("PRAGMA locking_mode=EXCLUSIVE")
            lock.execute("BEGIN EXCLUSIVE")  # nobody reads any more either
            before = crowd.seen.n_right
            time.sleep(told.seconds * 3 / 4)
            n_alone = crowd.seen.n_right - before
            lock.execute("ROLLBACK")
            lock.close()
            scene.serve()
            project = scene.reopen()
            began = time.monotonic()
            scene.wait_until_ready(revision=project.send(2, writes_file=False))
            seconds_after = time.monotonic() - began
            kept = {process.pid for process in scene.find_workers()} & workers
            crowd.wait_for(50)
        seen = crowd.seen
    figures = {
        "seconds with the database locked, the last three quarters without a keeper": told.seconds,
        "requests answered with 2xx": seen.n_right,
        "of them without keeper and database": n_alone,
        "requests that failed": seen.n_failed,
        "p99, ms": round(seen.find_percentile(99), 2),
        "workers taken over by the next keeper": f"{len(kept)} of {N_WORKERS}",
        "seconds until a change of the traffic arrived, afterwards": round(seconds_after, 2),
    }
    broken = [f"{seen.n_failed} requests failed: {dict(seen.statuses)}"] if seen.n_failed else []
    if not is_keeper_alive:
        broken.append("the keeper ended when the database was locked")
    if len(kept) < N_WORKERS:
        broken.append("workers were not taken over")
    if not n_alone:
        broken.append("nothing was answered meanwhile")
    return tell_end("deadcontrol", figures, broken)


if __name__ == "__main__":
    sys.exit(main())
