from dataclasses import replace
from datetime import datetime

import pytest

from backtest.small import BEGIN, DAY, Bench, make_evaluation
from holdtrue.backtest.trainings import Trainings
from holdtrue.domain import Ruling, Version
from holdtrue.errors import LabelError, TrainingFailed
from holdtrue.loop import CaughtUp, Trained, TrainingLost, TrainingOrder, TrainingResult


def make_order(at: datetime, champion: Version, catches_up: bool) -> TrainingOrder:
    return TrainingOrder(
        folder=".", loop_file=None, loop="l", dataset="d", as_of=at, run_id="r", champion=champion,
        catches_up=catches_up,
    )  # fmt: skip


def open_trainings(bench: Bench, *results: TrainingResult | Exception) -> Trainings:
    coming = iter(results)

    def carry_out(order: TrainingOrder) -> TrainingResult:
        found = next(coming)
        if isinstance(found, Exception):
            raise found
        return found

    trainings = Trainings(roster=bench.roster, dataset="d", tolerance=0.1, order=make_order, carry_out=carry_out)
    first = bench.result("guesses")
    assert first.refit is not None
    trainings.open(first, first.refit, BEGIN)
    return trainings


def test_a_training_that_passed_brings_the_next_version(bench: Bench) -> None:
    finished = open_trainings(bench, bench.result("knows")).train(BEGIN + DAY, 1, catches_up=False)
    assert isinstance(finished, Trained)
    assert (finished.version, finished.ruling) == (2, Ruling.PASSED)


def test_a_refused_training_keeps_its_candidate_in_the_roster(bench: Bench) -> None:
    trainings = open_trainings(bench, bench.result("turns", ruling=Ruling.FAILED))
    finished = trainings.train(BEGIN + DAY, 1, catches_up=False)
    assert isinstance(finished, Trained)
    assert finished.ruling is Ruling.FAILED
    assert bench.roster.answer(finished.version, 0, 5).shape == (5, 2)


def test_the_order_is_made_as_of_the_moment_against_the_champion(bench: Bench) -> None:
    orders: list[TrainingOrder] = []
    trainings = open_trainings(bench)
    trainings.carry_out = lambda order: (orders.append(order), bench.result("knows"))[1]
    trainings.train(BEGIN + 3 * DAY, 1, catches_up=False)
    (order,) = orders
    assert order.as_of == BEGIN + 3 * DAY
    assert order.champion is bench.roster.versions[1]
    assert not order.catches_up


@pytest.mark.parametrize("problem", [TrainingFailed("train raised"), LabelError("no label is known")])
def test_a_training_that_failed_is_lost_and_brings_no_version(bench: Bench, problem: Exception) -> None:
    finished = open_trainings(bench, problem).train(BEGIN + DAY, 1, catches_up=False)
    assert isinstance(finished, TrainingLost)
    assert str(problem) in finished.sentence
    assert list(bench.roster.versions) == [1]


def test_a_mistake_of_ours_is_not_taken_for_a_failed_training(bench: Bench) -> None:
    with pytest.raises(ZeroDivisionError):
        open_trainings(bench, ZeroDivisionError()).train(BEGIN + DAY, 1, catches_up=False)


def test_a_catch_up_names_whom_it_follows_and_keeps_what_that_one_promised(bench: Bench) -> None:
    trainings = open_trainings(bench, bench.catch_up("knows"))
    finished = trainings.train(BEGIN + DAY, 1, catches_up=True)
    assert isinstance(finished, CaughtUp)
    assert (finished.version, finished.follows) == (2, 1)
    assert trainings.watches[2] == trainings.watches[1]
    assert trainings.judgements == []


def test_gates_are_kept_for_the_table_of_standards(bench: Bench) -> None:
    rulings = {"non_inferior": "failed", "no_harm": "passed"}
    trainings = open_trainings(bench, bench.result("knows", rulings=rulings), bench.result("knows"))
    trainings.train(BEGIN + DAY, 1, catches_up=False)
    trainings.train(BEGIN + 2 * DAY, 1, catches_up=False)
    assert [(each.at, each.rulings) for each in trainings.judgements] == [(BEGIN + DAY, rulings)]


def test_a_gate_without_a_row_leaves_no_figure() -> None:
    judged = make_evaluation()
    assert judged.figures["candidate_loss"] == 0.2
    assert replace(judged, n_rows=0).figures == {}, "no loss of 0 where nothing was measured"
