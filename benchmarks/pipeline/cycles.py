"""Does retraining ever ship something worse? A loop that is fed bad labels, cycle after cycle; see cycles.md.

python benchmarks/pipeline/cycles.py --cycles 50 --seed 0
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from holdtrue.testing import CyclePlan, CycleReport, hold_cycles

RESULTS = Path(__file__).parents[1] / "results"


def find_problems(report: CycleReport, plan: CyclePlan) -> list[str]:
    """Return what must not have happened."""
    found = {
        f"{report.n_looks_below} looks at which the version in charge was below the floor": report.n_looks_below,
        f"{report.most_runs_a_day} runs in 24 hours": report.most_runs_a_day > plan.max_runs_a_day,
        f"{report.n_doubled} moments of the clock that started two trainings": report.n_doubled,
    }
    return [sentence for sentence, is_so in found.items() if is_so]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    kept, problems = {}, []
    for has_golden in (True, False):
        plan = CyclePlan(seed=told.seed, n_cycles=told.cycles, has_golden=has_golden)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            report = hold_cycles(Path(folder) / "project", plan)
        name = "with the golden set" if has_golden else "without it"
        kept[name] = {**asdict(report), "seconds": round(time.monotonic() - began, 1)}
        print(name, *(f"  {key:<22} {value}" for key, value in kept[name].items()), sep="\n", flush=True)
        if has_golden:
            problems = find_problems(report, plan)
    print(*problems, sep="\n")
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"seed": told.seed, "n_cycles": told.cycles, **kept}, indent=2)
    (RESULTS / f"cycles-seed{told.seed}-cycles{told.cycles}.json").write_text(text + "\n", encoding="utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
