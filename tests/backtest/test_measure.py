from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from backtest.small import BEGIN, DAY, LOSS, make_replay
from holdtrue.backtest import Replay
from holdtrue.backtest.calendar import Period
from holdtrue.backtest.measure import PolicyTrace, measure_losses, measure_policy
from holdtrue.domain import Decision, DecisionKind

REPLAY = make_replay(n_days=30, rows_a_day=8)
PERIODS = (Period(BEGIN, BEGIN + 10 * DAY), Period(BEGIN + 10 * DAY, REPLAY.end))


def answer(replay: Replay, sureness: float) -> NDArray[np.float64]:
    """Answers that give the true class this probability."""
    return np.where(replay.labels[:, None] == [0, 1], sureness, 1 - sureness)


def trace(policy: str, sureness: float) -> PolicyTrace:
    return PolicyTrace(policy=policy, answers=answer(REPLAY, sureness))


def decide_at(day: float, kind: DecisionKind) -> Decision:
    return Decision(at=BEGIN + day * DAY, action=kind, version=2, sentence="so it was")


def test_the_loss_is_the_mean_over_the_labelled_rows() -> None:
    found = measure_policy(trace("loop", 0.8), REPLAY, LOSS, PERIODS, [])
    assert found.loss == pytest.approx(-np.log(0.8))
    assert (found.n_rows, found.n_labelled, found.loss_name) == (240, 240, "log_loss")


def test_rows_without_a_label_are_counted_and_not_judged() -> None:
    replay = make_replay(n_days=30, rows_a_day=8, n_unlabelled=40)
    answers = answer(replay, 0.8)
    answers[-40:] = [0.5, 0.5]
    found = measure_policy(PolicyTrace(policy="loop", answers=answers), replay, LOSS, PERIODS, [])
    assert (found.n_rows, found.n_labelled) == (240, 200)
    assert found.loss == pytest.approx(-np.log(0.8))
    assert np.isnan(measure_losses(PolicyTrace(policy="static", answers=answers), replay, LOSS)).sum() == 40


def test_the_interval_holds_the_loss_and_one_week_has_none() -> None:
    mixed = answer(REPLAY, 0.8)
    mixed[::3] = answer(REPLAY, 0.4)[::3]
    found = measure_policy(PolicyTrace(policy="loop", answers=mixed), REPLAY, LOSS, PERIODS, [])
    assert found.loss_low < found.loss < found.loss_high
    short = make_replay(n_days=3, rows_a_day=8)
    one = measure_policy(PolicyTrace(policy="loop", answers=answer(short, 0.8)), short, LOSS, (), [])
    assert one.loss == pytest.approx(-np.log(0.8))
    assert (one.loss_low, one.loss_high) == (None, None)


def test_periods_share_out_rows_and_decisions_between_them() -> None:
    decisions = (
        decide_at(1, DecisionKind.RETRAINED),
        decide_at(2, DecisionKind.PROMOTED),
        decide_at(10, DecisionKind.RETRAINED),  # on the edge: it belongs to the period that begins
        decide_at(11, DecisionKind.REJECTED),
        decide_at(12, DecisionKind.ABORTED),
    )
    found = measure_policy(replace(trace("loop", 0.8), decisions=decisions, n_retrains=2), REPLAY, LOSS, PERIODS, [])
    first, second = found.periods
    assert (first.n_rows, second.n_rows) == (80, 160)
    assert (first.n_retrains, first.n_promotions, first.n_rejected) == (1, 1, 0)
    assert (second.n_retrains, second.n_promotions, second.n_rejected) == (1, 0, 2)
    assert (found.n_retrains, found.n_promotions, found.n_rejected) == (2, 1, 2)
    assert found.decisions == decisions


def test_a_period_without_labels_has_no_loss() -> None:
    replay = make_replay(n_days=30, rows_a_day=8, n_unlabelled=160)
    found = measure_policy(PolicyTrace(policy="loop", answers=answer(replay, 0.8)), replay, LOSS, PERIODS, [])
    assert found.periods[0].loss == pytest.approx(-np.log(0.8))
    assert (found.periods[1].loss, found.periods[1].n_labelled, found.periods[1].n_rows) == (None, 0, 160)


def test_policies_are_compared_on_the_same_rows_and_below_zero_is_better() -> None:
    loop, static = trace("loop", 0.9), trace("static", 0.6)
    traces = [loop, static]
    (mine,) = measure_policy(loop, REPLAY, LOSS, PERIODS, traces).versus
    (theirs,) = measure_policy(static, REPLAY, LOSS, PERIODS, traces).versus
    assert (mine.other, theirs.other) == ("static", "loop")
    assert mine.difference == pytest.approx(np.log(0.6) - np.log(0.9))
    assert theirs.difference == pytest.approx(-mine.difference)
    assert mine.n_blocks == len(np.unique(REPLAY.weeks))


def test_each_period_is_held_against_the_static_model_and_static_against_nothing() -> None:
    loop, static = trace("loop", 0.9), trace("static", 0.6)
    for period in measure_policy(loop, REPLAY, LOSS, PERIODS, [loop, static]).periods:
        assert period.versus_static is not None
        assert period.versus_static.difference == pytest.approx(np.log(0.6) - np.log(0.9))
    assert all(
        period.versus_static is None
        for result in (
            measure_policy(static, REPLAY, LOSS, PERIODS, [loop, static]),
            measure_policy(loop, REPLAY, LOSS, PERIODS, [loop]),
        )
        for period in result.periods
    )


def test_the_worth_is_the_sum_of_its_rows_in_its_unit() -> None:
    worth = np.tile([3.0, -1.0, 0.0, 0.0], 60)
    found = measure_policy(replace(trace("loop", 0.8), worth=worth, unit="EUR"), REPLAY, LOSS, PERIODS, [])
    assert found.value is not None
    assert found.value.amount == pytest.approx(120.0)
    assert found.value.unit == "EUR"
    assert sum(period.value.amount for period in found.periods if period.value) == pytest.approx(120.0)


def test_without_a_declared_outcome_there_is_no_worth() -> None:
    found = measure_policy(trace("loop", 0.8), REPLAY, LOSS, PERIODS, [])
    assert found.value is None
    assert all(period.value is None for period in found.periods)


def test_other_figures_stand_beside_the_loss() -> None:
    found = measure_policy(trace("loop", 0.8), REPLAY, LOSS, PERIODS, [])
    assert found.metrics["auc"] == pytest.approx(1.0)
    assert 0.5 <= found.metrics["believed_accuracy"] <= 1.0
    assert found.metrics["actual_share"] == pytest.approx(REPLAY.labels.mean())


def test_a_policy_at_several_phases_is_judged_by_the_mean_of_its_figures_and_not_by_a_blend_of_its_answers() -> None:
    worth = np.tile([1.0, 0.0], 120)
    draws = [replace(trace("even", sureness), worth=sureness * worth, n_retrains=3) for sureness in (0.9, 0.6)]
    joined = PolicyTrace.join(draws)
    found = measure_policy(joined, REPLAY, LOSS, PERIODS, [joined, trace("static", 0.7)])
    assert found.loss == pytest.approx(-(np.log(0.9) + np.log(0.6)) / 2)
    assert found.n_retrains == 3
    assert found.metrics["log_loss"] == pytest.approx(found.loss)
    assert found.periods[0].metrics["log_loss"] == pytest.approx(found.loss)
    assert found.versus[0].difference == pytest.approx(found.loss + np.log(0.7))
    assert found.value is not None
    assert found.value.amount == pytest.approx(0.75 * 120)
    assert PolicyTrace.join(draws[:1]).draws == (draws[0].answers,)
