"""Does a kill -9 lose or double a run's transition? Two workers share runs, one is killed in each round.

python benchmarks/pipeline/kills.py --rounds 500 --seed 0
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from holdtrue.testing.run_kills import hold_run_kills

RESULTS = Path(__file__).parents[1] / "results"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = hold_run_kills(Path(folder) / ".holdtrue", n_rounds=told.rounds, seed=told.seed)
    for name, figure in asdict(report).items():
        print(f"{name:<24} {figure}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"pipeline-kills-seed{told.seed}-rounds{told.rounds}.json"
    path.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    return 1 if report.problems or report.n_lost or report.n_doubled else 0


if __name__ == "__main__":
    sys.exit(main())
