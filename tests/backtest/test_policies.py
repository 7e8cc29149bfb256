from datetime import datetime, timedelta

import numpy as np

from backtest.small import BEGIN, DAY, WARN, Bench
from holdtrue.backtest.policies import BlindPolicy, space_evenly
from holdtrue.domain import DecisionKind, Version, money

OUTCOME = money({"warn": {True: 3.0, False: -1.0}, "wait": {True: 0.0, False: 0.0}}, unit="EUR")


def train_by_turns(bench: Bench, asked: list[datetime]):
    """The first version guesses, each later one knows."""

    def train(moment: datetime) -> tuple[Version, int]:
        asked.append(moment)
        return bench.roster.versions[bench.enlist("guesses" if len(asked) == 1 else "knows", rule=WARN)], 1234

    return train


def test_even_moments_leave_out_both_ends_and_none_is_asked_for_when_there_are_none() -> None:
    looks = [BEGIN + day * DAY for day in range(1, 10)]
    assert space_evenly(looks, 2) == [BEGIN + 3 * DAY, BEGIN + 6 * DAY]
    assert space_evenly(looks, 0) == []
    assert space_evenly(looks, 2, phase=-1 / 3) == [BEGIN + 2 * DAY, BEGIN + 5 * DAY]
    assert set(space_evenly(looks, 30, phase=1 / 4)) == set(looks)


def test_a_blind_policy_replaces_at_each_moment_and_not_before(bench: Bench) -> None:
    asked: list[datetime] = []
    moment = BEGIN + 10 * DAY
    policy = BlindPolicy(name="schedule", moments=[moment])
    trace = policy.replay(bench.replay, bench.roster, train_by_turns(bench, asked), None, lambda _: None)
    turn = bench.replay.find_row(moment)
    assert asked == [BEGIN, moment]
    assert np.array_equal(trace.answers[:turn], bench.roster.answer(1, 0, turn))
    assert np.array_equal(trace.answers[turn:], bench.roster.answer(2, turn, bench.replay.n_rows))


def test_the_first_training_is_no_retraining_and_each_other_is_one_decision(bench: Bench) -> None:
    moments = [BEGIN + 5 * DAY, BEGIN + 10 * DAY]
    told: list[str] = []
    policy = BlindPolicy(name="even", moments=moments)
    trace = policy.replay(bench.replay, bench.roster, train_by_turns(bench, []), None, told.append)
    assert trace.n_retrains == 2
    assert [(d.at, d.action, d.version) for d in trace.decisions] == [
        (moments[0], DecisionKind.RETRAINED, 2), (moments[1], DecisionKind.RETRAINED, 3)
    ]  # fmt: skip
    assert "1,234" in trace.decisions[0].sentence
    assert told == ["even"] * 3


def test_without_moments_the_first_version_answers_everything(bench: Bench) -> None:
    policy = BlindPolicy(name="static", moments=[])
    trace = policy.replay(bench.replay, bench.roster, train_by_turns(bench, []), None, lambda _: None)
    assert len(trace.answers) == bench.replay.n_rows
    assert (trace.n_retrains, trace.decisions, trace.worth) == (0, (), None)


def test_a_declared_outcome_is_counted_row_by_row_in_its_unit(bench: Bench) -> None:
    policy = BlindPolicy(name="schedule", moments=[BEGIN + timedelta(days=15)])
    trace = policy.replay(bench.replay, bench.roster, train_by_turns(bench, []), OUTCOME, lambda _: None)
    assert trace.unit == "EUR"
    assert trace.worth is not None
    assert len(trace.worth) == bench.replay.n_rows
    assert set(trace.worth) <= {-1.0, 0.0, 3.0}
    half = bench.replay.n_rows // 2
    assert trace.worth[half:].mean() > trace.worth[:half].mean()


def test_two_moments_between_the_same_rows_do_not_lose_or_repeat_a_row(bench: Bench) -> None:
    moments = [BEGIN + 2 * DAY + timedelta(minutes=1), BEGIN + 2 * DAY + timedelta(minutes=2)]
    policy = BlindPolicy(name="schedule", moments=moments)
    trace = policy.replay(bench.replay, bench.roster, train_by_turns(bench, []), None, lambda _: None)
    assert len(trace.answers) == bench.replay.n_rows
    assert len(trace.decisions) == 2
