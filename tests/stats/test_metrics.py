import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from holdtrue.errors import StatisticsError
from holdtrue.stats import (
    accuracy,
    auc,
    calibration,
    macro_auc,
    mean_absolute_error,
    root_mean_squared_error,
)


def test_the_macro_area_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    table, labels = rng.dirichlet(np.ones(3), size=200), rng.integers(0, 3, size=200)
    assert macro_auc(table, labels) == pytest.approx(roc_auc_score(labels, table, multi_class="ovr"))
    assert macro_auc(table[:, :2], labels % 2) == auc(table[:, 1], labels % 2)


def test_the_macro_area_leaves_out_classes_that_never_came() -> None:
    table = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    assert macro_auc(table, [0, 1, 0]) == 1.0
    assert macro_auc(table, [0, 0, 0]) is None
    assert auc([0.1, 0.2], [True, True]) is None


def test_errors_of_numbers() -> None:
    assert mean_absolute_error([1, 2, 3], [1, 4, 7]) == 2
    assert root_mean_squared_error([0, 0], [3, 4]) == pytest.approx(np.sqrt(12.5))
    assert accuracy([0, 1, 2], [0, 1, 1]) == pytest.approx(2 / 3)


def test_a_calibrated_model_is_found_calibrated_and_an_over_sure_one_is_not() -> None:
    rng = np.random.default_rng(2)
    p = rng.random(20_000)
    events = rng.random(20_000) < p
    honest, boastful = calibration(p, events), calibration(p**3 / (p**3 + (1 - p) ** 3), events)
    assert honest.error < 0.02 < 0.1 < boastful.error
    assert honest.predicted_share == pytest.approx(p.mean())
    assert honest.actual_share == pytest.approx(events.mean())
    assert len(honest.bins) == 10
    assert sum(b.n_rows for b in honest.bins) == 20_000


def test_equal_predictions_share_a_bin() -> None:
    found = calibration([0.2] * 90 + [0.8] * 10, [0] * 90 + [1] * 10)
    assert [b.n_rows for b in found.bins] == [90, 10]
    assert [b.actual_share for b in found.bins] == [0, 1]
    assert found.error == pytest.approx(0.2)


def test_both_columns_of_a_binary_prediction_are_understood() -> None:
    p = np.array([0.1, 0.7, 0.9])
    assert calibration(np.column_stack([1 - p, p]), [0, 1, 1]) == calibration(p, [0, 1, 1])


@pytest.mark.parametrize("metric", [accuracy, mean_absolute_error, root_mean_squared_error, calibration])
def test_no_rows_have_no_metric(metric: object) -> None:
    with pytest.raises(StatisticsError, match="no rows"):
        metric([], [])  # type: ignore[operator]


def test_different_rows_are_refused() -> None:
    with pytest.raises(StatisticsError, match="the same rows"):
        accuracy([1, 2], [1])
    with pytest.raises(StatisticsError, match="the same rows"):
        auc([0.1, 0.2, 0.3], [0, 1])
