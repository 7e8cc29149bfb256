import numpy as np
import pytest

from holdtrue.domain import Finding, fairness, make_action_rule, money, slices
from holdtrue.validation import compare_answers

from .answers import World


def test_the_better_one_is_better_in_loss_and_slices_and_worse_when_they_are_turned(make_dataset) -> None:
    world = World(make_dataset)
    good, bad = world.answer(noise=0.0), world.answer(shift=1.5 * (world.carrier == "DL"))
    found = compare_answers(world.propose(good, bad), checks=[slices("carrier")], champion_rule=None)
    turned = compare_answers(world.propose(bad, good), checks=[slices("carrier")], champion_rule=None)
    assert found.comparison.high < 0 < turned.comparison.low
    assert {part.name: part.finding for part in found.slices}["carrier = DL"] is Finding.BETTER
    assert {part.name: part.finding for part in turned.slices}["carrier = DL"] is Finding.WORSE
    assert {part.name: part.finding for part in found.slices}["carrier = other values"] is Finding.NO_DATA
    assert found.auc.estimate == pytest.approx(-turned.auc.estimate)


def test_groups_of_fairness_are_shown_and_else_columns_of_few_values(make_dataset) -> None:
    world = World(make_dataset)
    candidate = world.propose(world.answer(), world.answer())
    declared = compare_answers(candidate, checks=[fairness(by="hour")], champion_rule=None)
    assert {part.name for part in declared.slices} == {f"hour = {i}" for i in range(4)}
    chosen = compare_answers(candidate, checks=[], champion_rule=None)
    assert {part.name.split(" = ")[0] for part in chosen.slices} == {"carrier", "hour"}


def test_what_decisions_are_worth_is_compared_under_each_rule(make_dataset) -> None:
    world = World(make_dataset)
    rule = make_action_rule(
        money({"warn": {True: 10, False: -5}, "wait": {True: 0, False: 0}}, unit="USD"), classes=(False, True)
    )
    good, bad = world.answer(noise=0.0), world.answer(noise=2.0)
    found = compare_answers(world.propose(good, bad, rule=rule), checks=[], champion_rule=rule)
    assert found.worth.low > 0
    expected = rule.worth_rows(good, world.labels.astype(int)).mean()
    assert found.first.worth.estimate == pytest.approx(expected)
    assert compare_answers(world.propose(good, bad), checks=[], champion_rule=rule).worth is None


def test_few_rows_have_figures_without_intervals_and_say_what_is_lacking(make_dataset) -> None:
    world = World(make_dataset, n_rows=40, n_days=3)
    found = compare_answers(world.propose(world.answer(), world.answer()), checks=[], champion_rule=None)
    assert found.scarcity is not None
    assert found.first.loss.low is None
    assert found.first.reliability is None
    assert found.slices == ()


def test_a_mean_loss_lies_within_what_a_row_can_lose(make_dataset) -> None:
    world = World(make_dataset, n_rows=400, n_days=10)
    sure = np.where(world.labels[:, None], [0.01, 0.99], [0.99, 0.01])
    sure[:3] = sure[:3, ::-1]
    found = compare_answers(world.propose(sure, world.answer()), checks=[], champion_rule=None)
    assert found.first.loss.low >= 0.01


def test_brier_and_accuracy_have_intervals_of_their_own_and_of_their_difference(make_dataset) -> None:
    world = World(make_dataset)
    found = compare_answers(world.propose(world.answer(), world.answer(noise=3.0)), checks=[], champion_rule=None)
    for name in ("accuracy", "brier", "auc"):
        for side in (found.first, found.second):
            figure = side.intervals[name]
            assert figure.low <= figure.estimate <= figure.high
            assert figure.estimate == pytest.approx(side.metrics[name])
    for name in ("accuracy", "brier"):
        apart = found.metrics[name]
        assert apart.low <= apart.estimate <= apart.high
        assert apart.estimate == pytest.approx(found.first.metrics[name] - found.second.metrics[name])
    assert not found.is_equal


def test_the_same_answers_are_told_to_be_the_same(make_dataset) -> None:
    world = World(make_dataset)
    answers = world.answer()
    found = compare_answers(world.propose(answers, answers.copy()), checks=[], champion_rule=None)
    assert found.is_equal
    assert (found.comparison.low, found.comparison.high) == (0.0, 0.0)
