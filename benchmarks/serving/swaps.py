"""Does a swap of versions drop a request? Version after version in charge, each loaded anew, under load.

python benchmarks/serving/swaps.py            # 100 swaps, about half a minute; --full: 1,000, about four
"""

import sys
import time

from crowd import Crowd
from scene import read_plan, set_scene, tell_end

N_VERSIONS = 4  # only the one in charge and the one before stay loaded, so each swap loads and forgets one
MOST_GROWTH = 0.05
# After so many swaps all that is imported or sized once has been.
N_FIRST = 20


def main() -> int:
    told = read_plan(__doc__, counts={"swaps": (100, 1_000)})
    names = tuple(f'"v{number}"'.encode() for number in range(1, N_VERSIONS + 1))
    with set_scene(n_workers=1, n_versions=N_VERSIONS) as scene:
        with Crowd(scene.port, scene.make_requests(), n_connections=16, versions=names) as crowd:
            crowd.wait_for(200)
            waits, first_mb = [], 0.0
            for number in range(1, told.swaps + 1):
                version = number % N_VERSIONS + 1
                began = time.monotonic()
                scene.project.send(version)
                _wait_for_version(crowd, names[version - 1], began)
                waits.append(time.monotonic() - began)
                if number == min(N_FIRST, told.swaps // 2):
                    first_mb = scene.weigh_mb()
            last_mb, seen = scene.weigh_mb(), crowd.seen
        pids = {process.pid for process in scene.find_workers()}
    growth = last_mb / first_mb - 1
    figures = {
        "swaps": told.swaps,
        "requests answered with 2xx": seen.n_right,
        "requests that failed": seen.n_failed,
        "longest time until a version answered, s": round(max(waits), 2),
        "median of it, s": round(sorted(waits)[len(waits) // 2], 3),
        "worker's memory after the first swaps / at the end, MB": f"{first_mb:.0f} / {last_mb:.0f}",
        "growth of memory": f"{growth:.1%}",
    }
    broken = [f"{seen.n_failed} requests failed: {dict(seen.statuses)}"] if seen.n_failed else []
    if growth > MOST_GROWTH:
        broken.append(f"memory grew by {growth:.1%}, more than {MOST_GROWTH:.0%}")
    if not pids:
        broken.append("no worker lives")
    return tell_end("swaps", figures, broken)


def _wait_for_version(crowd: Crowd, name: bytes, since: float) -> None:
    while crowd.seen.last_by_version.get(name, 0.0) < since:
        if time.monotonic() > since + 30:
            raise SystemExit(f"{name.decode()} did not answer within 30 s of its swap; {dict(crowd.seen.statuses)}")
        time.sleep(0.002)


if __name__ == "__main__":
    sys.exit(main())
