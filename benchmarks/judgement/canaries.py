"""Simulated canaries: false aborts, false promotions and requests to the abort, with the rollouts' e-process."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.stats import EProcess, randomised_differences, randomised_range

N_UNITS, CHAMPION_ERROR, MARGIN, ALPHA = 20_000, 0.10, 0.01, 0.05
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """How a challenger's risk is compared with the champion's; share None = both answer every unit (shadow)."""

    name: str
    share: float | None

    @property
    def range(self) -> tuple[float, float]:
        if self.share is None:
            return -1.0, 1.0
        return randomised_range(self.share, 0, 1, champion_risk=CHAMPION_ERROR)

    def draw(self, rng: np.random.Generator, worse: float) -> Floats:
        if self.share is None:  # pairs that disagree on 10 % of the units
            return rng.choice([1.0, -1.0, 0.0], N_UNITS, p=[0.05 + worse / 2, 0.05 - worse / 2, 0.9])
        is_challenger = rng.random(N_UNITS) < self.share
        return self.differ(is_challenger, rng.random(N_UNITS) < CHAMPION_ERROR + worse * is_challenger)

    def differ(self, is_challenger: NDArray[np.bool_], errors: NDArray[np.bool_]) -> Floats:
        assert self.share is not None
        losses = errors.astype(np.float64)
        return randomised_differences(
            is_challenger=is_challenger, share=self.share, losses=losses, champion_risk=CHAMPION_ERROR
        )

    def bet(self, x: Floats, *, design_effect: float = 1.0, promotes: bool = False) -> bool:
        """Return whether harm beyond 0 is shown, or that there is none beyond the margin, at any row."""
        low, high = self.range
        mean = MARGIN if promotes else 0.0
        process = EProcess.start(low=low, high=high, mean=mean, side="below" if promotes else "above")
        return process.update(x).crosses(ALPHA, design_effect=design_effect)

    def find_abort(self, x: Floats) -> float:
        """Return the rows until the abort: the supremum only grows, so halving finds the row."""
        if not self.bet(x):
            return np.inf
        early, late = 0, len(x)
        while late - early > 1:
            middle = (early + late) // 2
            early, late = (early, middle) if self.bet(x[:middle]) else (middle, late)
        return late


DESIGNS = (Design("shadow pairs", None), Design("split 50/50", 0.5), Design("split 10 %", 0.1))


def try_designs(n_runs: int, seed: int) -> list[dict[str, Any]]:
    """Return the table of the three designs; a median beyond the last unit is None, with the share that was caught."""
    found = []
    for place, design in enumerate(DESIGNS):
        rng = np.random.default_rng([seed, place])
        row: dict[str, Any] = {
            "design": design.name,
            "false_abort": float(np.mean([design.bet(design.draw(rng, 0.0)) for _ in range(n_runs)])),
            "promoted_though_worse": float(
                np.mean([design.bet(design.draw(rng, MARGIN), promotes=True) for _ in range(n_runs)])
            ),
        }
        for worse in (0.02, 0.05, 0.10):
            waits = np.array([design.find_abort(design.draw(rng, worse)) for _ in range(max(50, n_runs // 5))])
            median = float(np.median(waits))
            row[f"abort_at_{worse:.2f}"] = {
                "median": None if np.isinf(median) else median, "caught": float(np.isfinite(waits).mean()),
            }  # fmt: skip
        found.append(row)
    return found


def try_sticky_units(n_runs: int, seed: int) -> list[dict[str, Any]]:
    """Return errors with 500 units that come back 40 times, each with its own error rate, routed by unit."""
    found = []
    for design in DESIGNS[1:]:
        assert design.share is not None
        rng = np.random.default_rng([seed, 7])
        counts = dict.fromkeys(("all_false_abort", "all_false_pass", "first_false_abort", "first_false_pass"), 0)
        for worse, promotes, error in ((0.0, False, "false_abort"), (MARGIN, True, "false_pass")):
            for _ in range(n_runs):
                units = rng.integers(0, 500, N_UNITS)
                is_challenger = rng.random(500) < design.share
                # Beta with a mean of 10 %: some units nearly always err, most hardly ever.
                rates = rng.beta(0.1, 0.9, 500) + worse * is_challenger
                x = design.differ(is_challenger[units], rng.random(N_UNITS) < rates[units])
                first = np.unique(units, return_index=True)[1]
                counts[f"all_{error}"] += design.bet(x, promotes=promotes)
                counts[f"first_{error}"] += design.bet(x[np.sort(first)], promotes=promotes)
        found.append({"design": design.name} | {name: n / n_runs for name, n in counts.items()})
    return found


def try_days(n_runs: int, seed: int) -> list[dict[str, Any]]:
    """Return errors of shadow pairs of 14 days of 1,000 pairs whose mean difference follows an AR(1) of .7.

    The true difference is 0 for the aborts and the margin for the passes; the day effect makes the variance of the
    mean over the 14 days `deff` times that of independent pairs.
    """
    n_days, a_day, memory = 14, 1_000, 0.7
    found = []
    for deff in (1.0, 7.0, 30.0):
        rng = np.random.default_rng([seed, int(deff)])
        lags = np.arange(1, n_days)
        inflation = 1 + 2 * float(((1 - lags / n_days) * memory**lags).sum())
        spread = np.sqrt((deff - 1) * 0.10 / a_day / inflation)
        row: dict[str, Any] = {"deff": deff}
        for temper in dict.fromkeys((1.0, 7.0, deff)):
            for worse, promotes, error in ((0.0, False, "false_abort"), (MARGIN, True, "false_pass")):
                n = 0
                for _ in range(n_runs):
                    effects = _draw_memory(rng, n_days, memory) * spread + worse
                    p_up = np.clip(0.05 + effects / 2, 0, 0.1).repeat(a_day)
                    u = rng.random(n_days * a_day)
                    x = np.where(u < p_up, 1.0, np.where(u < 0.1, -1.0, 0.0))
                    n += DESIGNS[0].bet(x, design_effect=temper, promotes=promotes)
                row[f"{error}_tempered_{temper:.0f}"] = n / n_runs
        found.append(row)
    return found


def _draw_memory(rng: np.random.Generator, n_days: int, memory: float) -> Floats:
    effects = np.empty(n_days)
    effects[0] = rng.normal()
    for day in range(1, n_days):
        effects[day] = memory * effects[day - 1] + np.sqrt(1 - memory**2) * rng.normal()
    return effects
