"""How long does a rollback take at full load, until no worker answers by the version that was taken back?

It is measured from the start of the one transaction in the database; `holdtrue serve` carries it to the workers.

python benchmarks/serving/rollback.py            # 20 rollbacks, about a minute; --full: 200, about seven
"""

import sys
import time

from crowd import Crowd
from scene import Scene, read_plan, set_scene, tell_end

FORMER, BAD = b'"v1"', b'"v2"'
MOST_SECONDS = 1.0
LOOK_SECONDS = 1.2
N_WORKERS = 2


def main() -> int:
    told = read_plan(__doc__, counts={"rollbacks": (20, 200)})
    with (
        set_scene(n_workers=N_WORKERS, n_versions=2) as scene,
        Crowd(scene.port, scene.make_requests(), n_connections=32, versions=(FORMER, BAD)) as crowd,
    ):
        crowd.wait_for(200)
        times = [roll_back(scene, crowd) for _ in range(told.rollbacks)]
        seen = crowd.seen
        seconds = seen.ended_at[-1] - seen.ended_at[0]
    times.sort()
    longest = times[-1]
    worst = times[min(len(times) - 1, int(0.99 * len(times)))]
    figures = {
        "rollbacks": told.rollbacks,
        "requests a second meanwhile": round(seen.n_right / seconds),
        "requests answered with 2xx": seen.n_right,
        "requests that failed": seen.n_failed,
        "median time until none answers by it, s": round(times[len(times) // 2], 3),
        "p99, s": round(worst, 3),
        "longest, s": round(longest, 3),
    }
    broken = [f"{seen.n_failed} requests failed: {dict(seen.statuses)}"] if seen.n_failed else []
    if worst >= MOST_SECONDS:
        broken.append(f"p99 is {worst:.2f} s, not below {MOST_SECONDS:.0f} s")
    return tell_end("rollback", figures, broken)


def roll_back(scene: Scene, crowd: Crowd) -> float:
    """Put the bad version in charge, take it back, and return after how long it answered for the last time."""
    scene.wait_until_ready(revision=scene.project.send(2))
    crowd.wait_for(50)
    began = time.monotonic()
    scene.project.send(1, writes_file=False)
    time.sleep(LOOK_SECONDS)
    last = crowd.seen.last_by_version
    while last.get(FORMER, 0.0) < began or time.monotonic() - last[BAD] < LOOK_SECONDS / 2:
        time.sleep(0.05)  # it still answers somewhere
    return max(0.0, last[BAD] - began)


if __name__ == "__main__":
    sys.exit(main())
