import numpy as np
import pytest

from holdtrue.errors import StatisticsError
from holdtrue.stats import Shape, bound_mean, measure_shape, paired_interval


@pytest.mark.parametrize(("share", "n_rows"), [(0.02, 100), (0.1, 100), (0.3, 400)])
def test_the_bound_of_a_rare_error_holds_far_out_where_student_s_does_not(share: float, n_rows: int) -> None:
    rng, alpha, n_runs = np.random.default_rng(0), 0.005, 2_000
    shape = measure_shape((rng.random(20_000) < share).astype(float))
    rows = (rng.random((n_runs, n_rows)) < share).astype(float)
    n_low = sum(bound_mean(each, alpha=alpha, n_blocks=n_rows, shape=shape) < share for each in rows)
    n_student = sum(paired_interval(each, alpha=2 * alpha).high < share for each in rows)
    assert n_low <= 2 * alpha * n_runs
    assert n_low < n_student


def test_more_rows_bring_the_bound_nearer_and_dependence_moves_it_away() -> None:
    rng = np.random.default_rng(1)
    rows = rng.exponential(size=4_000)
    near, far = (bound_mean(rows[:n], alpha=0.01, n_blocks=40) - rows[:n].mean() for n in (4_000, 200))
    tempered = bound_mean(rows, alpha=0.01, n_blocks=40, design_effect=7.0) - rows.mean()
    assert 0 < near < far
    assert near < tempered


def test_rows_that_are_alike_are_bounded_by_the_shape_of_their_kind() -> None:
    assert bound_mean(np.zeros(100), alpha=0.01, n_blocks=10) == 0.0
    assert bound_mean(np.zeros(100), alpha=0.01, n_blocks=10, shape=Shape(0.09, 2.7)) > 0.08


@pytest.mark.parametrize(("rows", "n_blocks"), [([0.1], 5), ([0.1, 0.2], 1), ([0.1, np.nan], 5)], ids=str)
def test_too_little_and_what_is_no_number_is_refused(rows: list[float], n_blocks: int) -> None:
    with pytest.raises(StatisticsError):
        bound_mean(rows, alpha=0.05, n_blocks=n_blocks)
