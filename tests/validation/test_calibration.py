import numpy as np
import pytest

from holdtrue.domain import Loss, Ruling, calibrated
from holdtrue.errors import DeclarationError
from holdtrue.validation.calibration import judge_calibrated

from .answers import World


def test_true_probabilities_pass_with_a_slope_of_one(make_dataset) -> None:
    world = World(make_dataset)
    verdict = judge_calibrated(calibrated(), world.propose(world.answer(noise=0.0)))
    assert verdict.ruling is Ruling.PASSED
    slope = verdict.evidence["slope"]
    assert slope["low"] < 1 < slope["high"]
    assert 0.9 < slope["estimate"] < 1.1
    assert len(verdict.evidence["bins"]) == 10
    within = [b["low"] <= b["predicted"] <= b["high"] for b in verdict.evidence["bins"]]
    assert sum(within) >= 8


def test_answers_that_are_too_high_fail_and_say_by_how_much(make_dataset) -> None:
    world = World(make_dataset)
    verdict = judge_calibrated(calibrated(), world.propose(world.answer(noise=0.0, shift=1.0)))
    assert verdict.ruling is Ruling.FAILED
    assert verdict.evidence["bias"]["low"] > 0.05
    assert "not calibrated within 0.05" in verdict.sentence


def test_answers_right_on_average_but_too_bold_fail_by_their_bins(make_dataset) -> None:
    world = World(make_dataset)
    verdict = judge_calibrated(calibrated(), world.propose(world.answer(noise=0.0, shift=0.6, scale=3.0)))
    assert verdict.ruling is Ruling.FAILED
    assert abs(verdict.evidence["bias"]["estimate"]) < 0.05
    assert verdict.evidence["slope"]["high"] < 0.5
    assert "too bold" in verdict.sentence


def test_few_rows_are_not_known_and_say_what_is_needed(make_dataset) -> None:
    world = World(make_dataset, n_rows=400)
    verdict = judge_calibrated(calibrated(), world.propose(world.answer(noise=0.0)))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert verdict.evidence["required_rows"] > 400
    assert "need about" in verdict.sentence
    assert "rows to tell on which side of " in verdict.sentence


@pytest.mark.parametrize("n_rows", [0, 1, 29])
def test_hardly_any_rows_are_not_enough_data(make_dataset, n_rows) -> None:
    world = World(make_dataset, n_rows=n_rows)
    verdict = judge_calibrated(calibrated(), world.propose(world.answer()))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "need at least" in verdict.sentence


def test_labels_of_one_class_pass_nothing(make_dataset) -> None:
    world = World(make_dataset, n_rows=1_000)
    world.rows = make_dataset(np.zeros(1_000, dtype=bool), n_days=60)
    verdict = judge_calibrated(calibrated(), world.propose(np.tile([0.98, 0.02], (1_000, 1))))
    assert verdict.ruling is Ruling.INCONCLUSIVE
    assert "outside the commonest class" in verdict.sentence


def test_one_answer_for_all_rows_has_no_slope_and_one_bin(make_dataset) -> None:
    world = World(make_dataset)
    share = world.labels.mean()
    verdict = judge_calibrated(calibrated(), world.propose(np.tile([1 - share, share], (12_000, 1))))
    assert verdict.ruling is Ruling.PASSED
    assert verdict.evidence["slope"] is None
    assert len(verdict.evidence["bins"]) == 1


def test_days_that_wander_together_fail_no_more_than_one_time_in_twenty(make_dataset) -> None:
    n_failed, n_runs = 0, 60
    for seed in range(n_runs):
        world = World(make_dataset, n_rows=3_000, n_days=30, day_noise=0.8, seed=seed)
        n_failed += judge_calibrated(calibrated(), world.propose(world.answer(noise=0.0))).ruling is Ruling.FAILED
    assert n_failed <= 0.05 * n_runs + 3


def test_more_classes_are_judged_by_the_class_that_is_chosen(make_dataset) -> None:
    rng = np.random.default_rng(4)
    shares = rng.dirichlet([1.0, 1.0, 1.0], size=9_000)
    labels = (rng.random((9_000, 1)) > shares.cumsum(axis=1)).sum(axis=1)
    world = World(make_dataset, n_rows=10)
    rows = make_dataset(np.array(["a", "b", "c"])[labels], n_days=60)
    parts = {"rows": rows, "train": rows, "baseline": np.full((9_000, 3), 1 / 3)}
    assert judge_calibrated(calibrated(), world.propose(shares, **parts)).ruling is Ruling.PASSED
    sharp = shares**4 / (shares**4).sum(axis=1, keepdims=True)
    assert judge_calibrated(calibrated(), world.propose(sharp, **parts)).ruling is Ruling.FAILED


def test_numbers_are_judged_in_spreads_of_the_training_labels(make_dataset) -> None:
    rng = np.random.default_rng(3)
    labels = rng.normal(100, 20, 9_000)
    answers = 100 + 0.5 * (labels - 100) + rng.normal(0, 10, 9_000)
    world, rows = World(make_dataset, n_rows=10), make_dataset(labels, n_days=60)
    parts = {"rows": rows, "train": rows, "baseline": np.full(9_000, 100.0), "loss": Loss.for_numbers(80.0)}
    assert judge_calibrated(calibrated(), world.propose(answers, **parts)).ruling is Ruling.PASSED
    biased = judge_calibrated(calibrated(), world.propose(answers + 3, **parts))
    assert biased.ruling is Ruling.FAILED
    assert biased.evidence["unit"] == pytest.approx(20, rel=0.05)
    assert biased.evidence["slope"]["estimate"] == pytest.approx(1.0, abs=0.05)


def test_a_tolerance_is_a_share() -> None:
    with pytest.raises(DeclarationError):
        calibrated(tolerance=5)
