import numpy as np
import pytest

from holdtrue.domain import Loss, Ruling, fairness, make_action_rule, money
from holdtrue.errors import DeclarationError
from holdtrue.validation.fairness import judge_fairness

from .answers import World

ALL = ("selection", "tpr", "fpr", "precision", "error", "loss", "calibration")


def find_group(verdict, name):
    return next(group for group in verdict.evidence["groups"] if group["group"] == name)


@pytest.mark.parametrize("what", ALL)
def test_groups_that_fare_alike_pass_when_that_is_shown(make_dataset, what) -> None:
    world = World(make_dataset, n_rows=30_000)
    verdict = judge_fairness(fairness(by="hour", what=what), world.propose(world.answer(noise=0.0)))
    assert verdict.ruling is Ruling.PASSED
    assert "All 4 groups by hour are alike" in verdict.sentence
    assert len(verdict.evidence["groups"]) == 4


def test_a_group_that_is_selected_less_fails_with_its_rate_and_ratio(make_dataset) -> None:
    world = World(make_dataset)
    is_hurt = -2.0 * (world.hour == 1)
    verdict = judge_fairness(fairness(by=["hour"], what="tpr"), world.propose(world.answer(shift=is_hurt)))
    assert verdict.ruling is Ruling.FAILED
    assert "hour = 1: tpr" in verdict.sentence
    group = find_group(verdict, "hour = 1")
    assert group["high"] < -0.1
    assert group["ratio"] < 0.8
    assert group["n_rows"] == (world.labels & (world.hour == 1)).sum()
    assert sum(other["is_apart"] for other in verdict.evidence["groups"]) == 1


def test_small_groups_are_not_enough_data(make_dataset) -> None:
    world = World(make_dataset)
    verdict = judge_fairness(fairness(by=["carrier"], what="error"), world.propose(world.answer()))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "carrier = other values: not enough data: need at least 30 rows" in verdict.sentence


def test_wide_intervals_are_not_known_and_say_how_many_rows_would_tell(make_dataset) -> None:
    world = World(make_dataset, n_rows=1_000)
    verdict = judge_fairness(fairness(by=["hour"], what="tpr"), world.propose(world.answer()))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "need about" in verdict.sentence
    needed = [group["required_rows"] for group in verdict.evidence["groups"] if group["required_rows"]]
    assert len(needed) >= 2
    assert min(needed) > 50
    assert "rows of the second class of the group" in verdict.sentence


def test_a_rate_and_its_difference_are_told_each_with_its_own_interval(make_dataset) -> None:
    world = World(make_dataset)
    is_hurt = -2.0 * (world.hour == 1)
    verdict = judge_fairness(fairness(by=["hour"], what="tpr"), world.propose(world.answer(shift=is_hurt)))
    group = find_group(verdict, "hour = 1")
    assert f"tpr {group['rate']:.3g} (between {group['rate_low']:.3g} and {group['rate_high']:.3g})" in verdict.sentence
    difference = f"{group['difference']:+.3g} (between {group['low']:+.3g} and {group['high']:+.3g}) against hour = "
    assert difference in verdict.sentence


def test_selection_goes_by_the_declared_outcome(make_dataset) -> None:
    world = World(make_dataset)
    warn = money({"warn": {True: 10, False: -1}, "wait": {True: 0, False: 0}})
    rule = make_action_rule(warn, classes=(False, True))
    answers = world.answer()
    verdict = judge_fairness(fairness(by=["hour"]), world.propose(answers, rule=rule))
    selected = (answers[:, 1] > 1 / 11)[world.hour == 0].mean()
    assert find_group(verdict, "hour = 0")["rate"] == pytest.approx(selected)


def test_intervals_of_a_difference_hold_the_truth_although_days_move_together(make_dataset) -> None:
    n_covered, n_runs = 0, 60
    for seed in range(n_runs):
        world = World(make_dataset, n_rows=3_000, n_days=40, day_noise=0.8, seed=seed)
        verdict = judge_fairness(fairness(by=["hour"], what="error"), world.propose(world.answer()))
        groups = [group for group in verdict.evidence["groups"] if group["difference"] is not None]
        n_covered += groups[0]["low"] <= 0 <= groups[0]["high"]
    assert n_covered >= 0.935 * n_runs - 4


def test_one_group_alone_is_nothing_to_compare(make_dataset) -> None:
    world = World(make_dataset, n_rows=2_000)
    world.rows = make_dataset(world.labels, {"site": ["north"] * 2_000}, n_days=60)
    verdict = judge_fairness(fairness(by=["site"]), world.propose(world.answer()))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "one group only" in verdict.sentence


def test_a_column_without_groups_beside_one_with_them_passes_nothing(make_dataset) -> None:
    world = World(make_dataset, n_rows=30_000)
    features = {"site": ["north"] * 30_000, "hour": world.hour}
    world.rows = make_dataset(world.labels, features, n_days=60)
    candidate = world.propose(world.answer(noise=0.0))
    verdict = judge_fairness(fairness(by=["hour", "site"], what="error"), candidate)
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "By site there is one group only" in verdict.sentence
    assert "All 4 groups by hour are alike: error within 0.1; farthest is hour = " in verdict.sentence
    assert judge_fairness(fairness(by=["hour"], what="error"), candidate).ruling is Ruling.PASSED


def test_numbers_have_errors_and_no_rates(make_dataset) -> None:
    rng = np.random.default_rng(3)
    labels = rng.normal(100, 20, 4_000)
    world, rows = World(make_dataset, n_rows=10), make_dataset(labels, {"site": rng.integers(0, 2, 4_000)}, n_days=60)
    parts = {"rows": rows, "train": rows, "baseline": np.full(4_000, 100.0), "loss": Loss.for_numbers(80.0)}
    candidate = world.propose(labels + rng.normal(0, 5, 4_000), **parts)
    assert judge_fairness(fairness(by=["site"], what="error", tolerance=1), candidate).ruling is Ruling.PASSED
    refused = judge_fairness(fairness(by=["site"], what="tpr"), candidate)
    assert refused.ruling is Ruling.ERROR
    assert "a rate of two classes" in refused.sentence


@pytest.mark.parametrize("wrong", [{"by": []}, {"by": ["a"], "what": "luck"}, {"by": ["a"], "tolerance": 0}])
def test_declarations_that_make_no_sense_are_refused(wrong) -> None:
    with pytest.raises(DeclarationError):
        fairness(**wrong)
