"""What does a gate let through? Promotions of worse, equal and better challengers, and whether "need N rows" is right.

python benchmarks/judgement/gate.py            # 300 runs a cell, about two minutes
python benchmarks/judgement/gate.py --full     # 2,000 runs
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from peers import keep_results
from rich.console import Console
from rich.table import Table
from scipy.special import expit, ndtri

from holdtrue.data import Dataset, infer_schema
from holdtrue.domain import Loss, NotWorse, Ruling, Task
from holdtrue.stats import EProcess, auc, delong_paired, log_loss_rows, paired_interval
from holdtrue.validation import Candidate, GateReport, judge_gate

LOSS = Loss.for_classes()
SHARE, CHAMPION_AUC, CORRELATION = 0.3, 0.80, 0.95
APART = {"0.005 AUC worse": -0.005, "equal": 0.0, "0.005 AUC better": 0.005}
N_DAYS = 40
MICROSECONDS_A_DAY = 86_400_000_000
START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1e6)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Match:
    """Labels, and the calibrated answers of two versions whose scores go together within each class."""

    labels: NDArray[np.bool_]
    champion: Floats
    challenger: Floats
    days: NDArray[np.int64]

    @classmethod
    def draw(
        cls, rng: np.random.Generator, n_rows: int, apart: float, *, n_days: int = N_DAYS, day_effect: float = 0.0
    ) -> "Match":
        """Draw rows. A day effect makes one version luckier on all rows of a day, as often the one as the other."""
        labels = rng.random(n_rows) < SHARE
        shared = rng.normal(size=n_rows)
        answers = []
        for area in (CHAMPION_AUC, CHAMPION_AUC + apart):
            distance = np.sqrt(2) * ndtri(area)
            own = np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * rng.normal(size=n_rows)
            score = distance * labels + own
            # What Bayes says of a score: calibrated, so that log-loss and AUC rank the versions alike.
            answers.append(expit(np.log(SHARE / (1 - SHARE)) + distance * score - distance**2 / 2))
        days = np.arange(n_rows) * n_days // n_rows
        luck = day_effect / 2 * rng.normal(size=n_days)[days] * np.where(labels, 1, -1)
        champion, challenger = (
            np.clip(p + sign * luck * p * (1 - p), 0.001, 0.999) for sign, p in zip((-1, 1), answers, strict=True)
        )
        return cls(labels, champion, challenger, days)

    @property
    def losses(self) -> tuple[Floats, Floats]:
        return log_loss_rows(self.challenger, self.labels), log_loss_rows(self.champion, self.labels)

    def judge(self, margin: float) -> GateReport:
        """Judge by the gate that a loop uses, as a new recipe (proof within the margin)."""
        frame = pl.DataFrame({"x": np.zeros(len(self.labels))})
        names = pl.Series("key", np.arange(len(self.labels))).cast(pl.String)
        micros = START + self.days * MICROSECONDS_A_DAY
        evaluation = Dataset(
            features=frame, label=pl.Series("label", self.labels), key=names, unit=names,
            time=pl.Series("time", micros).cast(pl.Datetime("us", "UTC")), schema=infer_schema(frame, ["x"]),
            task=Task.BINARY, classes=(False, True),
        )  # fmt: skip
        challenger, champion = (np.column_stack([1 - p, p]) for p in (self.challenger, self.champion))
        baseline = np.tile([1 - SHARE, SHARE], (len(self.labels), 1))
        candidate = Candidate(
            rows=evaluation, answers=challenger, champion=champion, baseline=baseline, train=evaluation,
            score=lambda rows: challenger[: rows.height], loss=LOSS, is_refresh=False,
        )  # fmt: skip
        return judge_gate(checks=(NotWorse(margin=margin),), candidate=candidate)


def promote_by_points(match: Match, margin: float) -> bool:
    """Two numbers are compared: promoted when its AUC is the higher one."""
    return (auc(match.challenger, match.labels) or 0) >= (auc(match.champion, match.labels) or 0)


def promote_unpaired(match: Match, margin: float) -> bool:
    """The two mean losses are compared as if they came from different rows."""
    one, other = match.losses
    error = np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    return bool(one.mean() - other.mean() + 1.96 * error <= margin)


def promote_by_gate(match: Match, margin: float) -> bool:
    return match.judge(margin).ruling is Ruling.PASSED


def promote_the_better(match: Match, margin: float) -> bool:
    """The gate with a margin of next to nothing: only what is proven to be better."""
    return match.judge(1e-9).ruling is Ruling.PASSED


GATES: dict[str, Callable[[Match, float], bool]] = {
    "holdtrue, margin": promote_by_gate,
    "holdtrue, only better": promote_the_better,
    "point estimate of AUC": promote_by_points,
    "unpaired test, margin": promote_unpaired,
}


def find_margin(rng: np.random.Generator) -> float:
    """Return the log-loss that .005 AUC are worth: the worse challenger then lies on the margin itself."""
    one, other = Match.draw(rng, 4_000_000, APART["0.005 AUC worse"]).losses
    return float((one - other).mean())


def try_promotions(n_runs: int, seed: int, margin: float) -> list[dict[str, Any]]:
    found = []
    for n_rows in (500, 2_000, 20_000):
        for what, apart in APART.items():
            rng = np.random.default_rng([seed, n_rows])
            n_promoted = dict.fromkeys(GATES, 0)
            for _ in range(n_runs):
                match = Match.draw(rng, n_rows, apart)
                for name, promotes in GATES.items():
                    n_promoted[name] += promotes(match, margin)
            shares = {name: n / n_runs for name, n in n_promoted.items()}
            found.append({"n_rows": n_rows, "challenger": what, "promoted": shares})
    return found


def try_needed_rows(n_runs: int, seed: int, margin: float) -> list[dict[str, Any]]:
    """Ask a small gate for N, judge equal challengers on N fresh rows, and count how many pass."""
    found = []
    for n_rows, day_effect in ((500, 0.0), (2_000, 0.0), (2_000, 0.1)):
        rng = np.random.default_rng([seed, n_rows, int(day_effect * 10)])
        needed: list[int] = []
        passed: list[bool] = []
        settled = 0
        while len(needed) < n_runs:
            pilot = Match.draw(rng, n_rows, 0.0, day_effect=day_effect).judge(margin)
            if pilot.ruling is not Ruling.INCONCLUSIVE:
                settled += 1  # it needs no more rows
                continue
            n_needed = int(str(pilot.verdicts[0].evidence["required_rows"]))
            needed.append(n_needed)
            # At the same traffic, so that more rows are more days.
            n_days = round(N_DAYS * n_needed / n_rows)
            fresh = Match.draw(rng, n_needed, 0.0, n_days=n_days, day_effect=day_effect)
            passed.append(fresh.judge(margin).ruling is Ruling.PASSED)
        found.append({
            "pilot_rows": n_rows, "day_effect": day_effect, "settled_by_pilot": settled,
            "needed_rows_median": float(np.median(needed)),
            "needed_rows_10_90": [float(q) for q in np.quantile(needed, [0.1, 0.9])], "power": float(np.mean(passed)),
        })  # fmt: skip
    return found


def time_gate(seed: int) -> dict[str, float]:
    """Return processor seconds of a million rows: the whole gate, its two tests, and an e-process."""
    rng = np.random.default_rng(seed)
    match = Match.draw(rng, 1_000_000, 0.0)
    process = EProcess.start(low=-5, high=5, mean=0)
    one, other = match.losses
    differences = one - other
    jobs: dict[str, Callable[[], object]] = {
        "whole gate": lambda: match.judge(0.01),
        "log-loss, paired": lambda: paired_interval(np.subtract(*match.losses), blocks=match.days),
        "DeLong": lambda: delong_paired(match.challenger, match.champion, match.labels, blocks=match.days),
        "e-process": lambda: process.update(differences),
    }
    found = {}
    for name, job in jobs.items():
        times = []
        for _ in range(5):
            start = time.thread_time()
            job()
            times.append(time.thread_time() - start)
        found[name] = min(times)
    return found


def show(found: dict[str, Any]) -> None:
    console = Console(width=130)
    table = Table(title=f"Promoted (margin {found['margin']:.4f} log-loss = .005 AUC)", title_justify="left")
    for name in ("rows", "challenger", *GATES):
        table.add_column(name)
    for row in found["promotions"]:
        table.add_row(f"{row['n_rows']:,}", row["challenger"], *(f"{row['promoted'][name]:.1%}" for name in GATES))
    console.print(table)
    for row in found["needed_rows"]:
        low, high = row["needed_rows_10_90"]
        console.print(
            f"{row['pilot_rows']:,} rows{', days differ' if row['day_effect'] else ''}: need"
            f" {row['needed_rows_median']:,.0f} rows ({low:,.0f}-{high:,.0f}); at that N an equal challenger passes in"
            f" {row['power']:.1%} (wished >= 80 %); settled by the pilot itself: {row['settled_by_pilot']}"
        )
    told = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in found["million_rows_seconds"].items())
    console.print(f"A million rows, processor time: {told} (wished: gate <= 1 s, e-process <= .05 s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="2,000 runs a cell")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    n_runs = 2_000 if chosen.full else 300
    margin = find_margin(np.random.default_rng(chosen.seed))
    found = {
        "n_runs": n_runs, "seed": chosen.seed, "margin": margin, "million_rows_seconds": time_gate(chosen.seed),
        "promotions": try_promotions(n_runs, chosen.seed, margin),
        "needed_rows": try_needed_rows(n_runs, chosen.seed, margin),
    }  # fmt: skip
    show(found)
    keep_results("judgement-gate", found)


if __name__ == "__main__":
    main()
