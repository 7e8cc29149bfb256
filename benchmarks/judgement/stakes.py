"""What do the stakes of the detectors buy, and what do they cost? Many watches at once, with a seed.

python benchmarks/judgement/stakes.py             # a minute: even stakes against those that detectors lay

Only sums of a day are drawn and followed, so that a thousand model-years take seconds; what is laid is laid by the
library's own functions. `alarms.py --parts risk` watches two of these cases row by row, as a loop does.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from peers import keep_results
from rich.console import Console
from rich.table import Table
from scipy.special import stdtrit

from holdtrue.stats.stakes import lay_stakes, learn_variances

N_BETS, TOP_BET, RUN_LENGTH_DAYS, QUIET_DAYS, RAISED_DAYS = 8, 0.9, 365, 30, 60
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Errors go from one share to another; days may wobble, and their evidence is tempered by the design effect."""

    a_day: int
    before: float = 0.10
    after: float
    holdout_days: int = 60
    tolerance: float = 0.005
    wobble: float = 0.0

    @property
    def effect(self) -> float:
        """The design effect of days whose shares have that standard deviation."""
        return 1 + self.wobble**2 * (self.a_day - 1) / (self.before * (1 - self.before))


CASES = (
    Case(a_day=100, after=0.15),
    Case(a_day=100, after=0.15, holdout_days=180),
    Case(a_day=100, after=0.13, holdout_days=180),
    Case(a_day=5, after=0.40),
    Case(a_day=20, after=0.20),
    Case(a_day=1_000, after=0.12),
    Case(a_day=1_000, before=0.02, after=0.03, tolerance=0.002),
    Case(a_day=5_000, after=0.11),
    Case(a_day=100, after=0.20, wobble=0.03),
    Case(a_day=100, after=0.20, wobble=0.06),
    Case(a_day=500, after=0.20, wobble=0.06),
    Case(a_day=2_000, after=0.20, wobble=0.05),
)


class Watches:
    """Detectors of many runs at once, each against its own limit."""

    def __init__(self, case: Case, limits: Floats, rng: np.random.Generator, *, is_even: bool) -> None:
        self.case, self.limits, self.rng, self.is_even = case, limits, rng, is_even
        self.bets = TOP_BET / limits[:, None] * 0.5 ** np.arange(N_BETS)
        self.gains = np.log1p(self.bets * (1 - limits[:, None])), np.log1p(-self.bets * limits[:, None])
        self.logs = np.full(self.bets.shape, -np.inf)
        self.n_rows, self.sums = np.zeros(len(limits)), np.zeros(len(limits))

    def look(self, shares: Floats | float) -> NDArray[np.bool_]:
        """Return which watches alarm after one more day; those begin anew."""
        case, shape = self.case, self.limits.shape
        drawn = np.broadcast_to(shares, shape) + case.wobble * self.rng.normal(size=shape)
        n_errors = self.rng.binomial(case.a_day, np.clip(drawn, 0.001, 0.999)).astype(np.float64)
        n_right = case.a_day - n_errors
        gained = n_errors[:, None] * self.gains[0] + n_right[:, None] * self.gains[1]
        self.logs = np.logaddexp(np.log(self._lay_stakes()), self.logs) + gained / case.effect
        self.n_rows = self.n_rows + case.a_day
        self.sums = self.sums + n_errors * (1 - self.limits) ** 2 + n_right * self.limits**2
        has_alarmed = np.logaddexp.reduce(self.logs, axis=1) - np.log(N_BETS) >= np.log(RUN_LENGTH_DAYS)
        self.logs[has_alarmed] = -np.inf
        return np.asarray(has_alarmed)

    def _lay_stakes(self) -> Floats:
        if self.is_even:
            return np.ones_like(self.bets)
        known = learn_variances(low=0.0, high=1.0, means=self.limits, n_rows=self.n_rows, sums=self.sums)
        each = np.ones_like(self.limits)
        stakes: Floats = lay_stakes(
            self.bets, n_rows=self.case.a_day * each, variances=known, design_effects=self.case.effect * each
        )
        return stakes


def draw_limits(case: Case, rng: np.random.Generator, n_runs: int) -> Floats:
    """Return the limits of runs: the block-robust upper bound of each one's holdout, and the tolerance."""
    shares = case.before + case.wobble * rng.normal(size=(n_runs, case.holdout_days))
    days = rng.binomial(case.a_day, np.clip(shares, 0.001, 0.999)) / case.a_day
    spread = days.std(axis=1, ddof=1) / np.sqrt(case.holdout_days)
    return np.asarray(days.mean(axis=1) + stdtrit(case.holdout_days - 1, 0.95) * spread + case.tolerance)


def try_case(case: Case, n_runs: int, seed: int, *, is_even: bool) -> dict[str, float]:
    """Return days until the rise is found, and false alarms a model-year: as promised, and at the limit itself."""
    limits = draw_limits(case, np.random.default_rng([seed, 1]), n_runs)
    shares: tuple[Floats | float, ...] = (case.before, limits)
    n_false = [0.0, 0.0]
    for place, share in enumerate(shares):
        watches = Watches(case, limits, np.random.default_rng([seed, 2, place]), is_even=is_even)
        n_false[place] = sum(int(watches.look(share).sum()) for _ in range(365)) / n_runs
    watches = Watches(case, limits, np.random.default_rng([seed, 3]), is_even=is_even)
    waits = np.full(n_runs, np.inf)
    for _ in range(QUIET_DAYS):
        watches.look(case.before)
    for day in range(1, RAISED_DAYS + 1):
        waits = np.where(watches.look(case.after) & np.isinf(waits), day, waits)
    return {
        "median_days": float(np.median(waits)), "days_90": float(np.quantile(waits, 0.9)),
        "within_8": float((waits <= 8).mean()),
        "false_a_year": n_false[0], "false_a_year_at_limit": n_false[1],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000, help="runs and model-years of each case")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    table = Table(title=f"{chosen.runs:,} runs each: even stakes -> those that are laid", title_justify="left")
    for name in ("case", "median days (90 %)", "within 8", "false alarms a year", "at the limit"):
        table.add_column(name)
    found = []
    for case in CASES:
        even, laid = (try_case(case, chosen.runs, chosen.seed, is_even=is_even) for is_even in (True, False))
        found.append({"case": vars(case) | {"effect": case.effect}, "even": even, "laid": laid})
        told = f"{case.a_day:,} a day, {case.before:.0%} to {case.after:.0%}, {case.holdout_days} days of holdout"
        table.add_row(
            told + (f", design effect {case.effect:.0f}" if case.wobble else ""),
            " -> ".join(f"{each['median_days']:.0f} ({each['days_90']:.0f})" for each in (even, laid)),
            " -> ".join(f"{each['within_8']:.0%}" for each in (even, laid)),
            " -> ".join(f"{each['false_a_year']:.3f}" for each in (even, laid)),
            " -> ".join(f"{each['false_a_year_at_limit']:.2f}" for each in (even, laid)),
        )
    Console(width=150).print(table)
    keep_results("judgement-stakes", {"seed": chosen.seed, "n_runs": chosen.runs, "cases": found})


if __name__ == "__main__":
    main()
