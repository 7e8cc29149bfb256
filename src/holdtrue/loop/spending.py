"""Spending: what the trainings of a loop have taken lately, against its budget. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdtrue.domain import Guards, Run, format_count

DAY = timedelta(days=1)
MONTH = timedelta(days=30)
BACKFILL = "backfill"  # what a run of a backfill keeps of it stands under this name


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What was spent: runs and minutes of the last 24 hours, money of the last 30 days."""

    n_runs: int = 0
    minutes: float = 0.0
    cost: float = 0.0


def sum_spending(runs: Sequence[Run], now: datetime, *, core_hour: float | None) -> Spending:
    """Return what the runs have taken; one that has not ended yet counts as a run, its minutes and money later.

    Those of a backfill count nothing: a person ordered them, and they work with the knowledge of other days.
    `core_hour` is the price of one core for an hour; None where it is not said.
    """
    runs = [run for run in runs if BACKFILL not in run.parameters]
    recent = [run for run in runs if now - DAY < run.as_of <= now]
    month = [run for run in runs if now - MONTH < run.as_of <= now]
    hours = sum(_measure(run)[1] for run in month) / 3600
    return Spending(
        n_runs=len(recent),
        minutes=sum(_measure(run)[0] for run in recent) / 60,
        cost=hours * (core_hour or 0.0),
    )


def _measure(run: Run) -> tuple[float, float]:
    """Return wall and CPU seconds of a run; one that failed has kept none, and counts one core from begin to end.

    A lost one ended before it was found: it counts to the last sign of its worker, and nothing without any.
    """
    if run.cost is not None:
        return run.cost.wall_seconds, run.cost.cpu_seconds
    if run.started_at is None or run.ended_at is None:
        return 0.0, 0.0
    ended = run.seen_at if run.is_lost else run.ended_at
    seconds = 0.0 if ended is None else max(0.0, (ended - run.started_at).total_seconds())
    return seconds, seconds


def find_overspending(guards: Guards, spent: Spending) -> str | None:
    """Return which budget is used up, in words; None while all hold."""
    if guards.max_runs_a_day is not None and spent.n_runs >= guards.max_runs_a_day:
        return (
            f"{format_count(spent.n_runs, 'training')} began in the "
            f"last 24 hours, and {guards.max_runs_a_day} are allowed"
        )
    if guards.max_minutes_a_day is not None and spent.minutes >= guards.max_minutes_a_day:
        took = f"the trainings of the last 24 hours took {spent.minutes:.1f} minutes"
        return f"{took}, and {guards.max_minutes_a_day:g} are allowed"
    if guards.max_cost_a_month is not None and spent.cost >= guards.max_cost_a_month:
        took = f"the trainings of the last 30 days cost {spent.cost:.2f}"
        return f"{took}, and {guards.max_cost_a_month:g} are allowed"
    return None
