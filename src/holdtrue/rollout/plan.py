"""Plan: the stages of a rollout, fitted to how many labelled rows a loop's own traffic brings."""

from dataclasses import dataclass, replace
from datetime import timedelta

from holdtrue.domain import RolloutPlan, Stage, StageKind, Strategy
from holdtrue.errors import DeclarationError

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast evidence comes in.

    Attributes:
        labelled_rows_per_day: rows a day whose label will come (first exposures of a unit).
        label_delay: how long after a prediction its label is due.
        interval: time between two retrainings by the schedule; a rollout must be over by then.
    """

    labelled_rows_per_day: float
    label_delay: timedelta
    interval: timedelta


def plan_rollout(declared: Strategy | None, pace: Pace, *, is_running: bool = False) -> RolloutPlan:
    """Return the stages of a rollout and how long each is expected to take.

    Without a declared strategy the fullest one that fits into the schedule is taken: shadow and canary, shadow alone,
    or the gate alone. In a loop that is running already (`is_running`) a declared rollout stands, however traffic fell.

    Raises:
        DeclarationError: a declared rollout would take longer than the time between two retrainings.
    """
    days = pace.interval / DAY
    if declared is not None:
        plan = _lay_out(declared, pace, note="as declared")
        if plan.expected_days > days and is_running:
            slow = f"as declared; at {pace.labelled_rows_per_day:.2g} labelled rows a day it takes about "
            return replace(plan, note=f"{slow}{plan.expected_days:.0f} days, longer than the schedule of {days:.0f}")
        if plan.expected_days > days:
            raise DeclarationError(
                f"the declared rollout needs about {plan.expected_days:.1f} days at "
                f"{pace.labelled_rows_per_day:.1f} labelled rows a day",
                expected=f"at most the {days:.1f} days between two retrainings",
                remedy="retrain less often, lower min_rows or min_days, or leave rollout= out to have one fitted",
            )
        return plan
    full = Strategy()
    for strategy, note in (
        (full, "shadow, then canary"),
        (Strategy(shares=(1.0,)), "shadow only: a canary would take longer than the schedule"),
    ):
        plan = _lay_out(strategy, pace, note=note)
        if plan.expected_days <= days:
            return plan
    wanted = _lay_out(Strategy(shares=(1.0,)), pace, note="").expected_days
    note = (
        f"gate only: at {pace.labelled_rows_per_day:.2g} labelled rows a day even a shadow would take about "
        f"{wanted:.0f} days, longer than the {days:.0f} days between two retrainings; the gate alone decides"
    )
    return RolloutPlan(stages=(), note=note)


def _lay_out(strategy: Strategy, pace: Pace, *, note: str) -> RolloutPlan:
    stages: list[Stage] = []
    if strategy.has_shadow:
        stages.append(_lay_stage(StageKind.SHADOW, 0.0, strategy.shadow_days, strategy, pace, is_paired=True))
    for share in strategy.shares:
        if share < 1.0:
            stages.append(
                _lay_stage(StageKind.CANARY, share, strategy.min_days, strategy, pace, is_paired=strategy.is_paired)
            )
    return RolloutPlan(
        stages=tuple(stages), note=note, abort_budget=strategy.abort_budget, catches_up=strategy.catches_up
    )


def _lay_stage(
    kind: StageKind, share: float, min_days: float, strategy: Strategy, pace: Pace, *, is_paired: bool
) -> Stage:
    useful = pace.labelled_rows_per_day * (1.0 if is_paired else min(share, 1 - share))
    filling = strategy.min_rows / useful if useful > 0 else float("inf")
    return Stage(
        kind=kind,
        share=share,
        min_rows=strategy.min_rows,
        min_span=timedelta(days=min_days),
        expected_days=max(min_days, filling) + pace.label_delay / DAY,
        is_paired=is_paired,
    )
