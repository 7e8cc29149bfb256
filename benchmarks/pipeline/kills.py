"""Does a kill -9 lose or double a run's transition? Two workers share runs, one is killed in each round.

python benchmarks/pipeline/kills.py --rounds 500 --seed 0
python benchmarks/pipeline/kills.py --rounds 500 --seed 0 --postgres
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from server import run_postgres

from holdtrue.store import read_address
from holdtrue.testing.run_kills import RunKillReport, hold_run_kills

RESULTS = Path(__file__).parents[1] / "results"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--postgres", action="store_true", help="keep the state in a PostgreSQL server of its own")
    told = parser.parse_args()
    report = hold(told.rounds, told.seed, on_postgres=told.postgres)
    for name, figure in asdict(report).items():
        print(f"{name:<24} {figure}")
    RESULTS.mkdir(exist_ok=True)
    kind = "pipeline-kills-postgres" if told.postgres else "pipeline-kills"
    path = RESULTS / f"{kind}-seed{told.seed}-rounds{told.rounds}.json"
    path.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    return 1 if report.problems or report.n_lost or report.n_doubled else 0


def hold(n_rounds: int, seed: int, *, on_postgres: bool) -> RunKillReport:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / ".holdtrue"
        if not on_postgres:
            return hold_run_kills(home, n_rounds=n_rounds, seed=seed)
        with run_postgres() as url:
            return hold_run_kills(home, n_rounds=n_rounds, seed=seed, address=read_address(url, schema="killed_runs"))


if __name__ == "__main__":
    sys.exit(main())
