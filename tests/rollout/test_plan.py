from datetime import timedelta

import pytest

from holdtrue.domain import StageKind, canary
from holdtrue.errors import DeclarationError
from holdtrue.rollout import Pace, plan_rollout

DAY = timedelta(days=1)


def pace(rows: float, days: float = 14) -> Pace:
    return Pace(labelled_rows_per_day=rows, label_delay=timedelta(hours=6), interval=days * DAY)


def test_a_busy_loop_gets_shadow_and_canary() -> None:
    plan = plan_rollout(None, pace(1000))
    assert [stage.kind for stage in plan.stages] == [StageKind.SHADOW, StageKind.CANARY, StageKind.CANARY]
    assert plan.expected_days <= 14


def test_a_slower_loop_gets_shadow_alone() -> None:
    plan = plan_rollout(None, pace(45))
    assert [stage.kind for stage in plan.stages] == [StageKind.SHADOW]


def test_a_loop_of_few_rows_is_told_that_the_gate_alone_decides() -> None:
    plan = plan_rollout(None, pace(1 / 7, days=250))
    assert plan.is_gate_only
    assert "gate only" in plan.note
    assert "3,500 days" in plan.note or "3500 days" in plan.note


def test_a_declared_rollout_longer_than_its_schedule_is_refused() -> None:
    with pytest.raises(DeclarationError, match="retrain less often"):
        plan_rollout(canary([0.1, 1], shadow=False, paired=False), pace(100, days=7))


def test_an_unpaired_stage_waits_for_the_smaller_side() -> None:
    plan = plan_rollout(canary([0.1, 1], shadow=False, paired=False, min_rows=500), pace(1000, days=7))
    assert plan.stages[0].expected_days == pytest.approx(5.25)


def test_no_rows_at_all_give_the_gate_alone() -> None:
    assert plan_rollout(None, pace(0.0)).is_gate_only


def test_a_declared_rollout_stands_in_a_running_loop_whose_traffic_fell() -> None:
    plan = plan_rollout(canary([0.1, 1], shadow=False, paired=False), pace(100, days=7), is_running=True)
    assert len(plan.stages) == 1
    assert "longer than the schedule of 7" in plan.note
