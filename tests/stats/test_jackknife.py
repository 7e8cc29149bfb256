import numpy as np
import pytest

from holdtrue.errors import StatisticsError
from holdtrue.stats import jackknife_interval, paired_interval


def leave_out(rows: np.ndarray, blocks: np.ndarray) -> list[float]:
    return [float(rows[blocks != block].mean()) for block in np.unique(blocks)]


def test_of_a_mean_it_is_the_interval_of_blocks_of_one_size() -> None:
    rows, blocks = np.random.default_rng(0).normal(size=120), np.repeat(np.arange(12), 10)
    found = jackknife_interval(float(rows.mean()), leave_out(rows, blocks))
    known = paired_interval(rows, blocks=blocks)
    assert (found.low, found.high) == pytest.approx((known.low, known.high))


def test_the_interval_of_a_root_holds_the_truth_where_days_move_together() -> None:
    rng, n_held, n_runs = np.random.default_rng(1), 0, 300
    for _ in range(n_runs):
        days = np.repeat(np.arange(25), 20)
        errors = rng.normal(size=500) * np.exp(0.3 * rng.normal(size=25))[days]
        squares = errors**2
        left_out = np.sqrt([squares[days != day].mean() for day in range(25)])
        n_held += np.sqrt(np.exp(0.18)) in jackknife_interval(float(np.sqrt(squares.mean())), left_out)
    assert n_held / n_runs >= 0.9


def test_one_block_and_figures_that_are_none_are_refused() -> None:
    with pytest.raises(StatisticsError, match="at least 2"):
        jackknife_interval(1.0, [1.0])
    with pytest.raises(StatisticsError, match="finite"):
        jackknife_interval(1.0, [1.0, float("nan")])
