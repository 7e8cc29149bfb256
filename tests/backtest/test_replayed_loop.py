"""The declared loop in its virtual clock, with trainings whose outcome is written down beforehand."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from backtest.small import BEGIN, DAY, LOSS, WARN, Bench, make_replay
from holdtrue.backtest.calendar import lay_moments
from holdtrue.backtest.measure import PolicyTrace
from holdtrue.backtest.replayed_loop import ReplayedLoop
from holdtrue.backtest.trainings import Trainings
from holdtrue.domain import (
    DecisionKind,
    Every,
    OnRisk,
    RolloutPlan,
    Ruling,
    Stage,
    StageKind,
    Version,
    money,
)
from holdtrue.errors import TrainingFailed
from holdtrue.loop import LoopPolicy, TrainingOrder, TrainingResult
from holdtrue.store import Store

GATE_ONLY = RolloutPlan(stages=(), note="gate only")
SHADOW = Stage(kind=StageKind.SHADOW, share=0.0, min_rows=40, min_span=2 * DAY, expected_days=3)
CANARY = Stage(kind=StageKind.CANARY, share=0.3, min_rows=40, min_span=2 * DAY, expected_days=3)
SHADOWED = RolloutPlan(stages=(SHADOW,), note="shadow only", catches_up=False)
FULL = RolloutPlan(stages=(SHADOW, CANARY), note="both", catches_up=False)
CATCHING_UP = RolloutPlan(stages=(SHADOW,), note="shadow only", catches_up=True)
K = DecisionKind


@dataclass
class Play:
    """A replayed loop whose trainings bring what the script says, in this order, and then no more."""

    bench: Bench
    script: list[TrainingResult | Exception]
    orders: list[TrainingOrder] = field(default_factory=list)
    replanned: list[datetime] = field(default_factory=list)
    looks: int = 0

    def run(
        self, plan: RolloutPlan, *, first: str = "guesses", every_days: float = 20, on_risk: OnRisk | None = None
    ) -> PolicyTrace:
        policy = LoopPolicy(
            every=Every(span=timedelta(days=every_days)), on_risk=on_risk, plan=plan, min_new_days=5, min_new_rows=20
        )
        result = self.bench.result(first, rule=WARN)
        assert result.refit is not None
        trainings = Trainings(
            roster=self.bench.roster, dataset="d", tolerance=0.1, order=self._order, carry_out=self._carry_out
        )
        trainings.open(result, result.refit, BEGIN)
        self.loop = ReplayedLoop(
            policy=policy,
            replan=lambda at: (self.replanned.append(at), policy)[1],
            replay=self.bench.replay,
            trainings=trainings,
            loss=LOSS,
            outcome=money({"warn": {True: 3.0, False: -1.0}, "wait": {True: 0.0, False: 0.0}}, unit="EUR"),
        )
        looks = lay_moments(self.bench.replay.start, self.bench.replay.end, DAY)
        return self.loop.run(looks, advance=lambda _: self._look())

    def _look(self) -> None:
        self.looks += 1

    def _order(self, at: datetime, champion: Version, catches_up: bool) -> TrainingOrder:
        return TrainingOrder(
            folder=".", loop_file=None, loop="l", dataset="d", as_of=at, run_id="r", champion=champion,
            catches_up=catches_up,
        )  # fmt: skip

    def _carry_out(self, order: TrainingOrder) -> TrainingResult:
        self.orders.append(order)
        found = self.script.pop(0) if self.script else TrainingFailed("the script is over")
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Store.open(tmp_path / ".holdtrue") as store:
        yield Bench(store=store, replay=make_replay(n_days=50, rows_a_day=24))


def kinds(trace: PolicyTrace) -> list[DecisionKind]:
    """Return what was done, alerts aside: they ask a person and change nothing."""
    return [decision.action for decision in trace.decisions if decision.action not in (K.ALERTED, K.CALMED)]


def at_day(trace: PolicyTrace, kind: DecisionKind) -> int:
    return next((decision.at - BEGIN).days for decision in trace.decisions if decision.action is kind)


def test_a_challenger_that_passed_a_loop_without_stages_answers_from_that_look_on(bench: Bench) -> None:
    play = Play(bench, [bench.result("knows")])
    trace = play.run(GATE_ONLY, every_days=20)
    turn = bench.replay.find_row(BEGIN + 20 * DAY)
    assert kinds(trace)[:2] == [K.RETRAINED, K.PROMOTED]
    assert np.array_equal(trace.answers[:turn], bench.roster.answer(1, 0, turn))
    assert np.array_equal(trace.answers[turn:], bench.roster.answer(2, turn, bench.replay.n_rows))


def test_a_refused_challenger_answers_nobody_and_the_loop_goes_on_trying(bench: Bench) -> None:
    play = Play(bench, [bench.result("knows", ruling=ruling) for ruling in (Ruling.FAILED, Ruling.INCONCLUSIVE)])
    trace = play.run(GATE_ONLY, every_days=20)
    assert kinds(trace) == [K.RETRAINED, K.REJECTED, K.RETRAINED, K.REJECTED]
    assert np.array_equal(trace.answers, bench.roster.answer(1, 0, bench.replay.n_rows))
    assert trace.n_retrains == 2


def test_a_challenger_that_could_not_be_ruled_on_is_tried_again_before_the_schedule(bench: Bench) -> None:
    play = Play(bench, [bench.result("guesses", ruling=Ruling.INCONCLUSIVE), bench.result("knows")])
    trace = play.run(GATE_ONLY, every_days=20)
    assert kinds(trace)[:4] == [K.RETRAINED, K.REJECTED, K.RETRAINED, K.PROMOTED]
    assert [(order.as_of - BEGIN).days for order in play.orders[:2]] == [20, 30]


def test_a_training_that_failed_is_told_and_changes_nothing(bench: Bench) -> None:
    trace = Play(bench, [TrainingFailed("my own mistake"), bench.result("knows")]).run(GATE_ONLY)
    assert kinds(trace) == [K.RETRAINED, K.REJECTED, K.RETRAINED, K.PROMOTED]
    refused = next(decision for decision in trace.decisions if decision.action is K.REJECTED)
    assert "my own mistake" in refused.sentence
    assert refused.version is None


def test_the_schedule_counts_from_the_last_training_and_each_is_made_as_of_its_look(bench: Bench) -> None:
    play = Play(bench, [bench.result("knows", ruling=Ruling.FAILED) for _ in range(4)])
    play.run(GATE_ONLY, every_days=11)
    assert [order.as_of for order in play.orders] == [BEGIN + days * DAY for days in (11, 22, 33, 44)]
    assert {order.champion.number for order in play.orders if order.champion} == {1}
    assert play.replanned == [order.as_of for order in play.orders]


def test_in_shadow_the_champion_alone_answers_until_the_challenger_is_promoted(bench: Bench) -> None:
    play = Play(bench, [bench.result("knows")])
    trace = play.run(SHADOWED, every_days=20)
    assert kinds(trace)[:3] == [K.RETRAINED, K.ROLLED_OUT, K.PROMOTED]
    day = at_day(trace, K.PROMOTED)
    assert 22 <= day < 30
    turn = bench.replay.find_row(BEGIN + day * DAY)
    assert np.array_equal(trace.answers[:turn], bench.roster.answer(1, 0, turn))
    assert np.array_equal(trace.answers[turn:], bench.roster.answer(2, turn, bench.replay.n_rows))
    assert play.loop.n_exposed == 0


def test_a_bad_challenger_that_fooled_its_gate_is_stopped_before_it_answers_anyone(bench: Bench) -> None:
    play = Play(bench, [bench.result("turns")])
    trace = play.run(FULL, every_days=20)
    assert kinds(trace)[:3] == [K.RETRAINED, K.ROLLED_OUT, K.ABORTED]
    assert np.array_equal(trace.answers, bench.roster.answer(1, 0, bench.replay.n_rows))
    assert play.loop.n_exposed == 0


def test_in_a_canary_each_unit_is_answered_by_its_own_side(bench: Bench) -> None:
    play = Play(bench, [bench.result("knows")])
    trace = play.run(FULL, every_days=20)
    assert K.PROMOTED in kinds(trace)
    end = bench.replay.find_row(BEGIN + at_day(trace, K.PROMOTED) * DAY)
    champion, challenger = (bench.roster.answer(number, 0, end) for number in (1, 2))
    is_old = (trace.answers[:end] == champion).all(axis=1)
    is_new = (trace.answers[:end] == challenger).all(axis=1)
    assert (is_old | is_new).all()
    assert is_new.sum() == play.loop.n_exposed > 0
    assert play.loop.n_exposed < 0.5 * (end - bench.replay.find_row(BEGIN + 22 * DAY))


def test_each_row_is_worth_what_the_side_that_answered_it_did(bench: Bench) -> None:
    play = Play(bench, [bench.result("knows", rule=WARN)])
    trace = play.run(FULL, every_days=20)
    assert play.loop.n_exposed > 0
    assert trace.worth is not None
    assert np.array_equal(trace.worth, bench.roster.worth(1, trace.answers, bench.replay.labels))


def test_nothing_is_trained_while_a_rollout_is_under_way(bench: Bench) -> None:
    slow = RolloutPlan(
        stages=(Stage(kind=StageKind.SHADOW, share=0.0, min_rows=10, min_span=25 * DAY, expected_days=25),),
        note="slow", catches_up=False,
    )  # fmt: skip
    play = Play(bench, [bench.result("knows")])
    trace = play.run(slow, every_days=10)
    begun, ended = at_day(trace, K.ROLLED_OUT), at_day(trace, K.PROMOTED)
    assert ended - begun >= 25
    assert not [order for order in play.orders if begun < (order.as_of - BEGIN).days < ended]


def test_a_promoted_version_is_followed_by_its_catch_up_at_the_same_look(bench: Bench) -> None:
    play = Play(bench, [bench.result("guesses"), bench.catch_up("knows")])
    trace = play.run(CATCHING_UP, every_days=20)
    assert kinds(trace)[:4] == [K.RETRAINED, K.ROLLED_OUT, K.PROMOTED, K.CAUGHT_UP]
    assert at_day(trace, K.CAUGHT_UP) == at_day(trace, K.PROMOTED)
    assert (trace.n_retrains - len(play.orders), trace.n_catch_ups) == (-1, 1)
    assert [order.catches_up for order in play.orders][:2] == [False, True]
    turn = bench.replay.find_row(BEGIN + at_day(trace, K.CAUGHT_UP) * DAY)
    assert np.array_equal(trace.answers[turn:], bench.roster.answer(3, turn, bench.replay.n_rows))


@pytest.mark.parametrize("is_lost", [True, False], ids=["lost", "refused"])
def test_a_catch_up_that_did_not_come_off_leaves_its_elder_in_charge(bench: Bench, is_lost: bool) -> None:
    broken = TrainingFailed("it died") if is_lost else bench.catch_up("turns", ruling=Ruling.FAILED)
    trace = Play(bench, [bench.result("knows"), broken]).run(CATCHING_UP, every_days=20)
    assert kinds(trace)[:4] == [K.RETRAINED, K.ROLLED_OUT, K.PROMOTED, K.REJECTED]
    turn = bench.replay.find_row(BEGIN + at_day(trace, K.PROMOTED) * DAY)
    assert np.array_equal(trace.answers[turn:], bench.roster.answer(2, turn, bench.replay.n_rows))
    assert trace.n_catch_ups == 0


def test_a_risk_that_has_risen_starts_a_training_before_the_schedule(bench: Bench) -> None:
    """Version 1 promises .2 and turns everything around."""
    play = Play(bench, [bench.result("knows")])
    trace = play.run(GATE_ONLY, first="turns", every_days=45, on_risk=OnRisk(cooldown=timedelta(days=7)))
    assert kinds(trace)[:2] == [K.RETRAINED, K.PROMOTED]
    assert 7 <= at_day(trace, K.RETRAINED) < 20
    calm = Play(bench, []).run(GATE_ONLY, first="turns", every_days=45)
    assert at_day(calm, K.RETRAINED) == 45


def test_no_training_starts_while_labels_do_not_come(tmp_path: Path) -> None:
    with Store.open(tmp_path / "other") as store:
        silent = Bench(store=store, replay=make_replay(n_days=50, rows_a_day=8, n_unlabelled=400))
        play = Play(silent, [silent.result("knows")])
        trace = play.run(GATE_ONLY, every_days=10)
        assert play.orders == []
        assert trace.decisions == ()
        assert len(trace.answers) == 400


def test_every_row_is_answered_once_and_each_look_is_told(bench: Bench) -> None:
    play = Play(bench, [bench.result("knows"), bench.result("turns"), bench.result("knows", ruling=Ruling.FAILED)])
    trace = play.run(FULL, every_days=6)
    assert trace.answers.shape == (bench.replay.n_rows, 2)
    assert trace.worth is not None
    assert trace.worth.shape == (bench.replay.n_rows,)
    assert play.looks == 50
    moments = [decision.at for decision in trace.decisions]
    assert moments == sorted(moments)


def test_alerts_are_opened_and_closed_as_they_would_have_been_live(bench: Bench) -> None:
    """Version 1 promises .2 and turns everything around; what takes its place knows."""
    trace = Play(bench, [bench.result("knows")]).run(GATE_ONLY, first="turns", every_days=20)
    told = [decision for decision in trace.decisions if decision.action in (K.ALERTED, K.CALMED)]
    assert [(each.action, each.version) for each in told] == [(K.ALERTED, 1), (K.CALMED, 1)]
    assert "The risk has risen" in told[0].sentence
    assert told[1].sentence == "v1 is no longer in charge."
