"""What does a shadow cost the answer? The same steady load with the challenger asked too, and without, by turns.

python benchmarks/serving/shadow.py            # six turns of 6 s; --full: of 60 s
"""

import sys
import time
from statistics import median
from typing import Any

from crowd import Crowd
from scene import Scene, read_plan, set_scene, tell_end

MOST_MORE = 0.05
N_ROUNDS = 3
SETTLE_SECONDS = 1.0


def main() -> int:
    told = read_plan(__doc__, counts={"seconds": (6, 60), "rate": (500, 500)})
    ratios, off_ms, on_ms, n_failed = [], [], [], 0
    with set_scene(n_workers=1, n_versions=2) as scene:
        for _ in range(N_ROUNDS):
            pair = []
            for is_shadowed in (False, True):
                split: dict[str, Any] = {"challenger": 2, "is_shadowed": True} if is_shadowed else {}
                scene.wait_until_ready(revision=scene.project.send(1, **split))
                p50, failed = take_turn(scene, told.rate, told.seconds)
                n_failed += failed
                pair.append(p50)
            off_ms.append(pair[0])
            on_ms.append(pair[1])
            ratios.append(pair[1] / pair[0])
        n_shadowed = count_shadowed(scene)
    more = median(ratios) - 1
    figures = {
        "requests a second": told.rate,
        "p50 without, ms": round(median(off_ms), 3),
        "p50 with, ms": round(median(on_ms), 3),
        "more with the shadow (median of the rounds)": f"{more:+.1%}",
        "rows that the shadow answered": n_shadowed,
        "requests that failed": n_failed,
    }
    broken = [f"{n_failed} requests failed"] if n_failed else []
    if more > MOST_MORE:
        broken.append(f"the shadow adds {more:.1%} to p50, more than {MOST_MORE:.0%}")
    if not n_shadowed:
        broken.append("the shadow answered no row")
    return tell_end("shadow", figures, broken)


def take_turn(scene: Scene, rate: int, seconds: float) -> tuple[float, int]:
    """Return the p50 of a turn, its first second left out, and how many requests failed."""
    with Crowd(scene.port, scene.make_requests(), n_connections=4, rate=rate) as crowd:
        since = time.monotonic() + SETTLE_SECONDS
        time.sleep(seconds)
    return crowd.seen.find_percentile(50, since=since), crowd.seen.n_failed


def count_shadowed(scene: Scene) -> int:
    """Return how many rows the shadow answered, as the worker counted them."""
    from holdtrue.serving.counts.status import read_statuses

    counts = [count for status in read_statuses(scene.project.folder / "run") for count in status.counts]
    return round(sum(count.value for count in counts if count.name == "ROWS" and count.labels[-1] == "shadow"))


if __name__ == "__main__":
    sys.exit(main())
