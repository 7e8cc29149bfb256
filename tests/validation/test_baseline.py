import numpy as np
import pytest

from holdtrue.domain import Loss, Ruling, Task
from holdtrue.errors import LabelError
from holdtrue.validation import baseline_predictions, compare_losses, judge_baseline

LOSS = Loss.for_numbers(cap=10.0)
DAYS = np.repeat(np.arange(30), 20)


def test_classes_get_their_shares_and_missing_labels_are_left_out() -> None:
    answers = baseline_predictions(np.array([0, 0, 1, -1]), n_rows=2, task=Task.BINARY, classes=(False, True))
    assert answers == pytest.approx(np.array([[2 / 3, 1 / 3]] * 2))


def test_numbers_get_their_median() -> None:
    answers = baseline_predictions(np.array([1.0, 2.0, 90.0, np.nan]), n_rows=3, task=Task.REGRESSION)
    assert answers.tolist() == [2.0, 2.0, 2.0]


def test_a_class_that_training_never_saw_gets_no_share() -> None:
    answers = baseline_predictions(np.array([0, 1]), n_rows=1, task=Task.MULTICLASS, classes=("a", "b", "c"))
    assert answers.tolist() == [[0.5, 0.5, 0.0]]


def test_no_labels_at_all_are_refused() -> None:
    with pytest.raises(LabelError, match="none of the 2 training rows has a label"):
        baseline_predictions(np.array([np.nan, np.nan]), n_rows=1, task=Task.REGRESSION)


@pytest.mark.parametrize(
    ("gain", "ruling"), [(0.5, Ruling.PASSED), (0.01, Ruling.INCONCLUSIVE), (-0.3, Ruling.FAILED), (0.0, Ruling.FAILED)]
)
def test_a_gain_over_the_baseline_must_be_proven(gain, ruling) -> None:
    rng = np.random.default_rng(0)
    wobble = rng.normal(size=600)
    wobble -= wobble.mean()
    comparison = compare_losses(5.0 - gain + wobble, anchor=np.full(600, 5.0), days=DAYS, loss=LOSS, alpha=0.1)
    verdict = judge_baseline(comparison)
    assert f"a difference between {comparison.low:+.4g} and {comparison.high:+.4g} at 90 %" in verdict.sentence
    assert verdict.ruling is ruling
    if ruling is Ruling.INCONCLUSIVE:
        assert "Not enough data: need about" in verdict.sentence


@pytest.mark.parametrize(("gain", "ruling"), [(0.01, Ruling.PASSED), (-0.01, Ruling.PASSED), (-0.5, Ruling.FAILED)])
def test_a_refresh_fails_only_when_it_is_shown_to_be_worse_than_the_baseline(gain, ruling) -> None:
    wobble = np.random.default_rng(0).normal(size=600)
    comparison = compare_losses(5.0 - gain + wobble - wobble.mean(), anchor=np.full(600, 5.0), days=DAYS, loss=LOSS)
    assert judge_baseline(comparison, is_refresh=True).ruling is ruling


def test_a_refresh_without_enough_data_is_inconclusive() -> None:
    comparison = compare_losses(np.full(5, 4.0), anchor=np.full(5, 5.0), days=DAYS[:5], loss=LOSS)
    assert judge_baseline(comparison, is_refresh=True).ruling is Ruling.INCONCLUSIVE


def test_a_refresh_worse_than_the_baseline_still_relieves_a_champion_that_is_worse_than_it() -> None:
    wobble = np.random.default_rng(0).normal(size=600)
    wobble -= wobble.mean()
    refresh, baseline, champion = 5.5 + wobble, np.full(600, 5.0), 6.5 + wobble[::-1]
    against_baseline = compare_losses(refresh, anchor=baseline, days=DAYS, loss=LOSS)
    against_champion = compare_losses(refresh, anchor=champion, days=DAYS, loss=LOSS)
    verdict = judge_baseline(against_baseline, relieves=against_champion, is_refresh=True)
    assert verdict.ruling is Ruling.PASSED
    assert "the champion is worse still" in verdict.sentence
    equal = compare_losses(refresh, anchor=refresh + wobble[::-1] / 9, days=DAYS, loss=LOSS)
    assert judge_baseline(against_baseline, relieves=equal, is_refresh=True).ruling is Ruling.FAILED
