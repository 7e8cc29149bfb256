import numpy as np
import pytest

from holdtrue.domain import Task
from holdtrue.validation import measure_metric_intervals

N_DAYS, N_A_DAY = 40, 60


def draw(rng: np.random.Generator, *, wobble: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return answers, labels and days; how often a day's answers are right wobbles."""
    days = np.repeat(np.arange(N_DAYS), N_A_DAY)
    chance = np.clip(0.75 + wobble * rng.normal(size=N_DAYS), 0.05, 0.95)[days]
    labels = rng.integers(0, 2, size=len(days))
    says_second = np.where(rng.random(len(days)) < chance, labels, 1 - labels) * 0.5 + 0.25
    return np.column_stack((1 - says_second, says_second)), labels, days


@pytest.mark.parametrize("wobble", [0.0, 0.15])
def test_the_interval_of_the_accuracy_holds_the_truth_where_days_move_together(wobble: float) -> None:
    rng, n_held, n_runs = np.random.default_rng(0), 0, 100
    for _ in range(n_runs):
        answers, labels, days = draw(rng, wobble=wobble)
        found = measure_metric_intervals(Task.BINARY, answers, labels, days=days)["accuracy"]
        n_held += found.low <= 0.75 <= found.high
    assert n_held >= 90


def test_two_classes_have_accuracy_brier_and_auc_and_numbers_their_error() -> None:
    answers, labels, days = draw(np.random.default_rng(1), wobble=0.1)
    found = measure_metric_intervals(Task.BINARY, answers, labels, days=days)
    assert list(found) == ["accuracy", "brier", "auc"]
    assert all(0 <= each.low < each.estimate < each.high <= 1 for each in found.values())
    numbers = measure_metric_intervals(Task.REGRESSION, answers[:, 1], labels.astype(float), days=days)
    assert list(numbers) == ["mean_absolute_error"]


def test_too_few_days_and_one_class_have_no_interval() -> None:
    answers, labels, days = draw(np.random.default_rng(2), wobble=0.1)
    assert measure_metric_intervals(Task.BINARY, answers[:60], labels[:60], days=days[:60]) == {}
    assert measure_metric_intervals(Task.BINARY, answers[:0], labels[:0], days=days[:0]) == {}
    one = measure_metric_intervals(Task.BINARY, answers, np.zeros_like(labels), days=days)
    assert "auc" not in one
