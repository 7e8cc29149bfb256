"""Simulated watching of slices: false alarms of all together, and days until one of them is found."""

import numpy as np
from numpy.typing import NDArray

from holdtrue.monitoring import (
    Alarm,
    Parts,
    SliceRows,
    SliceWatch,
    measure_reference,
    measure_slices,
    merge_alarms,
    trace_alarms,
)

HOLDOUT_DAYS, TOLERANCE, RUN_LENGTH_DAYS = 60, 0.005, 365.0
WITHIN = 0.1  # standard deviation of a wobbling loss within a day
LOW, HIGH = 0.0, 1.0
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def try_slices(
    n_years: int, n_runs: int, seed: int, *, n_slices: int, effect: float, a_day: int = 500
) -> dict[str, float]:
    """Watch all rows and their slices, which lose .1 on average; then a slice of a tenth of the rows loses .3.

    With a design effect of 1 a loss is an error (0 or 1); above, days share a wobble and losses lie around their mean.
    """
    rng = np.random.default_rng([seed, 12, n_slices, int(effect)])
    n_alarms = {"all rows": 0, "slices": 0}
    for _ in range(n_years):
        whole, slices = _watch_once(rng, n_slices, effect, a_day, n_days=365)
        n_alarms["all rows"] += len(whole)
        n_alarms["slices"] += len(merge_alarms(whole, slices))
    waits, is_named = [], 0
    for _ in range(n_runs):
        whole, slices = _watch_once(rng, n_slices, effect, a_day, n_days=90, rises_on=30)
        found = [alarm.opened_on for alarm in slices["part = 0"] if alarm.opened_on >= 30]
        waits.append(found[0] - 29 if found else np.inf)
        is_named += bool(found)
    return {
        "n_slices": n_slices, "effect": effect, "labels_a_day": a_day, "n_years": n_years, "n_runs": n_runs,
        "false_alarms_a_year": sum(n_alarms.values()) / n_years, "of_slices_a_year": n_alarms["slices"] / n_years,
        "median_days": float(np.median(waits)), "days_90": float(np.quantile(waits, 0.9)), "found": is_named / n_runs,
    }  # fmt: skip


def _watch_once(
    rng: np.random.Generator, n_slices: int, effect: float, a_day: int, *, n_days: int, rises_on: int | None = None
) -> tuple[tuple[Alarm, ...], dict[str, tuple[Alarm, ...]]]:
    """Watch once; return the alarms of all rows, and of each slice."""
    held, codes = (_draw_parts(rng, n * a_day, n_slices) for n in (HOLDOUT_DAYS, n_days))
    kept, kept_days = _draw_losses(rng, np.full(len(held), 0.1), effect, a_day)
    names = tuple(f"part = {place}" for place in range(max(n_slices, 2)))
    (references,) = measure_slices(kept, days=kept_days, entries=[Parts(codes=held, names=names)], high=HIGH)
    promised = measure_reference(kept, days=kept_days)
    means = np.full(len(codes), 0.1)
    if rises_on is not None:
        means[(codes == 0) & (np.arange(len(codes)) // a_day >= rises_on)] = 0.3
    losses, days = _draw_losses(rng, means, effect, a_day)
    # Where slices are watched, half of the budget is theirs.
    whole = trace_alarms(
        losses=losses, days=days, limit=promised.upper + TOLERANCE, low=LOW, high=HIGH,
        design_effect=max(1.0, promised.design_effect), run_length_days=2 * RUN_LENGTH_DAYS,
    )  # fmt: skip
    entry = SliceRows(
        parts=Parts(codes=codes, names=names), references=tuple(r for r in references if r.part < n_slices)
    )
    watch = SliceWatch(
        losses=losses, days=days, entries=(entry,), tolerance=TOLERANCE, low=LOW, high=HIGH,
        run_length_days=2 * RUN_LENGTH_DAYS,
    )  # fmt: skip
    return whole, watch.follow()


def _draw_parts(rng: np.random.Generator, n_rows: int, n_slices: int) -> Integers:
    others = np.ones(n_rows, dtype=np.int64) if n_slices == 1 else rng.integers(1, n_slices, size=n_rows)
    return np.where(rng.random(n_rows) < 0.1, 0, others)


def _draw_losses(rng: np.random.Generator, means: Floats, effect: float, a_day: int) -> tuple[Floats, Integers]:
    days = np.arange(len(means)) // a_day
    if effect == 1.0:
        return (rng.random(len(means)) < means).astype(float), days
    wobble = WITHIN * np.sqrt((effect - 1) / a_day) * rng.normal(size=days[-1] + 1)
    return np.clip(means + wobble[days] + WITHIN * rng.normal(size=len(means)), 0, 1), days
