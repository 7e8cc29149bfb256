"""Does it stay as it is? A steady load for minutes: memory flat, p99 flat, nothing failed.

python benchmarks/serving/soak.py            # 45 s; --full: ten minutes
"""

import itertools
import sys
import time
from statistics import median

from crowd import Crowd
from scene import read_plan, set_scene, tell_end
from wires import NATIVE, V2

MOST_GROWTH_MB = 8.0
MOST_SLOWER, SLACK_MS = 2.0, 2.0
N_WINDOWS = 30


def main() -> int:
    told = read_plan(__doc__, counts={"seconds": (45, 600), "rate": (800, 800)})
    with set_scene(n_workers=1, n_versions=1) as scene:
        forms = itertools.cycle([scene.make_requests(NATIVE), scene.make_requests(V2)])

        def make() -> bytes:
            return next(forms)()

        with Crowd(scene.port, make, n_connections=8, rate=told.rate) as crowd:
            time.sleep(2.0)  # connections, first allocations
            moments, weights = [time.monotonic()], []
            for _ in range(N_WINDOWS):
                time.sleep(told.seconds / N_WINDOWS)
                moments.append(time.monotonic())
                weights.append(scene.weigh_mb())
        seen = crowd.seen
    third = N_WINDOWS // 3
    slow = [seen.find_percentile(99, since=since, until=until) for since, until in itertools.pairwise(moments)]
    first_ms, last_ms = median(slow[:third]), median(slow[-third:])
    # The first third is when pools and counters reach their size.
    growth = median(weights[-third:]) - median(weights[third : 2 * third])
    figures = {
        "seconds": told.seconds,
        "requests answered with 2xx": seen.n_right,
        "requests that failed": seen.n_failed,
        "memory by thirds, MB": " / ".join(f"{median(weights[i * third : (i + 1) * third]):.1f}" for i in range(3)),
        "p99 in the first and the last third, ms": f"{first_ms:.2f} / {last_ms:.2f}",
        "p50 overall, ms": round(seen.find_percentile(50), 2),
    }
    broken = [f"{seen.n_failed} requests failed: {dict(seen.statuses)}"] if seen.n_failed else []
    if growth > MOST_GROWTH_MB:
        broken.append(f"memory grew by {growth:.1f} MB from the second third to the last, more than {MOST_GROWTH_MB}")
    if last_ms > MOST_SLOWER * first_ms + SLACK_MS:
        broken.append(f"p99 rose from {first_ms:.1f} to {last_ms:.1f} ms")
    return tell_end("soak", figures, broken)


if __name__ == "__main__":
    sys.exit(main())
