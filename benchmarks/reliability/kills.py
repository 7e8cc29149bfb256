"""Does a kill -9 lose anything? A live loop under load, its processes killed round after round; see README.md.

python benchmarks/reliability/kills.py --rounds 20 --seed 0
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from holdtrue.testing import KillPlan, KillReport, hold_kills

RESULTS = Path(__file__).parents[1] / "results"


def tell_table(report: KillReport) -> str:
    """Return the figures as lines of a name and a number."""
    found = report.findings
    figures = {
        "rounds": report.n_rounds,
        "controllers killed": report.n_controller_kills,
        "workers killed": report.n_worker_kills,
        "workers adopted by the next controller": report.n_adopted,
        "seconds / business days": f"{report.seconds:.0f} / {report.days:.0f}",
        "requests answered": report.n_requests,
        "requests that failed at the client (sent again)": report.n_failed,
        "rows accepted": report.n_accepted,
        "rows lost": found.losses.n_lost,
        "rows doubled": found.losses.n_doubled,
        "rows logged otherwise than answered": found.losses.n_changed,
        "rows logged whose reply was cut off": found.losses.n_unheard,
        "labels accepted": report.n_labels,
        "labels lost": found.losses.n_labels_lost,
        "trainings (after the first kill)": f"{found.n_trainings} ({found.n_trainings_after})",
        "promotions (after the first kill)": f"{found.n_promotions} ({found.n_promotions_after})",
        "catch-ups in charge": found.n_catch_ups,
        "rollouts stopped": found.n_aborts,
        "problems": len(report.problems),
    }
    return "\n".join(f"{name:<50} {figure:>12}" for name, figure in figures.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="an empty folder to keep; else a temporary one")
    told = parser.parse_args()
    plan = KillPlan(seed=told.seed, n_rounds=told.rounds)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (told.folder or Path(temporary)).resolve()
        report = hold_kills(folder, plan, say=lambda line: print(line, flush=True))
    print(tell_table(report), *report.problems, sep="\n")
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(asdict(report), indent=2)
    (RESULTS / f"kills-seed{told.seed}-rounds{told.rounds}.json").write_text(text + "\n", encoding="utf-8")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
