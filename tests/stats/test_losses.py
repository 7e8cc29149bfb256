import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from holdtrue.errors import StatisticsError
from holdtrue.stats.losses import (
    absolute_error_rows,
    brier_range,
    brier_rows,
    log_loss_range,
    log_loss_rows,
    squared_error_rows,
)


def make_probabilities(n_rows: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    table = rng.dirichlet(np.ones(n_classes) * 3, size=n_rows)
    return table, rng.integers(0, n_classes, size=n_rows)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_means_of_the_losses_are_those_of_scikit_learn(n_classes: int) -> None:
    table, labels = make_probabilities(500, n_classes)
    clipped = np.clip(table, 0.01, 0.99)
    expected = -np.log(clipped[np.arange(500), labels]).mean()
    assert log_loss_rows(table, labels).mean() == pytest.approx(expected)
    assert log_loss_rows(table, labels, clip=1e-12).mean() == pytest.approx(log_loss(labels, table))
    of_class = table[:, 1] if n_classes == 2 else table
    assert brier_rows(table, labels).mean() == pytest.approx(brier_score_loss(labels, of_class))


def test_one_column_means_the_probability_of_class_one() -> None:
    table, labels = make_probabilities(50, 2)
    np.testing.assert_allclose(log_loss_rows(table[:, 1], labels), log_loss_rows(table, labels))
    np.testing.assert_allclose(brier_rows(table[:, 1], labels), brier_rows(table, labels))


def test_losses_stay_within_their_stated_ranges() -> None:
    sure, labels = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0, 0])
    low, high = log_loss_range()
    rows = log_loss_rows(sure, labels)
    assert rows.max() == pytest.approx(high)
    assert rows.min() == pytest.approx(low)
    assert high - low == pytest.approx(np.log(99))
    assert brier_rows(sure, labels).tolist() == [brier_range(2)[1], brier_range(2)[0]]
    assert brier_rows(np.eye(3), [1, 1, 2]).tolist() == [brier_range(3)[1], 0.0, 0.0]


def test_errors_of_numbers_are_capped_in_the_unit_of_the_loss() -> None:
    assert absolute_error_rows([0.0, 10.0], [3.0, 0.0], cap=5).tolist() == [3.0, 5.0]
    assert squared_error_rows([0.0, 10.0], [3.0, 0.0], cap=50).tolist() == [9.0, 50.0]


@pytest.mark.parametrize(
    ("probabilities", "labels", "words"),
    [
        ([0.2, np.nan], [0, 1], "nan"),
        ([0.2, 1.2], [0, 1], "1.2"),
        ([0.2, 0.3], [0, 2], "0 to 1"),
        ([0.2, 0.3], [0, 0.5], "fractions"),
        ([0.2, 0.3], [0], "one for each row"),
        ([0.2, 0.3], ["a", "b"], "class indices"),
        ([[[0.2]]], [0], "n_classes"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(probabilities: object, labels: object, words: str) -> None:
    with pytest.raises(StatisticsError, match=words):
        log_loss_rows(probabilities, labels)  # type: ignore[arg-type]


def test_serving_can_import_losses_and_profiles_without_scipy() -> None:
    code = "import sys, holdtrue.stats.losses, holdtrue.stats.profile; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
