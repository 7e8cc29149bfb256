import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdtrue.errors import StatisticsError
from holdtrue.stats import Interval, confidence_sequence


def find_ends_by_brute_force(x: list[float], low: float, high: float, alpha: float = 0.05) -> tuple[float, float]:
    """A second implementation: row by row in plain Python, on a grid of means, without histogram or bisection."""

    def is_standing(mean: float) -> bool:
        wealth = {"above": 0.0, "below": 0.0}
        for k in range(8):
            up, down = 0.9 / (mean - low) / 2**k, 0.9 / (high - mean) / 2**k
            wealth["above"] += math.prod(1 + up * (value - mean) for value in x) / 8
            wealth["below"] += math.prod(1 + down * (mean - value) for value in x) / 8
        return max(wealth.values()) / 2 < 1 / alpha

    n_steps = 20_000
    grid = [low + (high - low) * i / n_steps for i in range(1, n_steps)]
    # Means are refuted from both ends inwards: walk a coarse grid, then the fine one around its border.
    coarse = [mean for mean in grid[::100] if is_standing(mean)]
    step = (high - low) / n_steps
    around_low = [mean for mean in grid if abs(mean - coarse[0]) <= 101 * step and is_standing(mean)]
    around_high = [mean for mean in grid if abs(mean - coarse[-1]) <= 101 * step and is_standing(mean)]
    return around_low[0], around_high[-1]


def test_the_golden_interval_for_700_of_1000() -> None:
    found = confidence_sequence([0, 1], counts=[300, 700], low=0, high=1)
    assert found.low == pytest.approx(0.64955, abs=1e-4)
    assert found.high == pytest.approx(0.74671, abs=1e-4)
    assert found.estimate == pytest.approx(0.7)
    assert found.level == 0.95


@pytest.mark.parametrize("kind", ["coin", "smooth", "skewed"])
def test_the_interval_agrees_with_a_second_implementation(kind: str) -> None:
    rng = np.random.default_rng(7)
    x = {
        "coin": (rng.random(200) < 0.7).astype(float),
        "smooth": rng.random(120),
        "skewed": rng.beta(0.5, 6, size=150),
    }[kind]
    found = confidence_sequence(x, low=0, high=1)
    low, high = find_ends_by_brute_force(x.tolist(), 0, 1)
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, abs=1e-4)


def test_the_golden_interval_agrees_with_logarithms_on_a_fine_grid() -> None:
    means = np.linspace(0.6, 0.8, 20_001)
    bets = 0.5 ** np.arange(8)[:, None]
    up, down = 0.9 / means * bets, 0.9 / (1 - means) * bets
    log_above = np.logaddexp.reduce(700 * np.log1p(up * (1 - means)) + 300 * np.log1p(-up * means)) - np.log(8)
    log_below = np.logaddexp.reduce(700 * np.log1p(-down * (1 - means)) + 300 * np.log1p(down * means)) - np.log(8)
    standing = means[np.maximum(log_above, log_below) < np.log(2 / 0.05)]
    found = confidence_sequence([0, 1], counts=[300, 700], low=0, high=1)
    assert (found.low, found.high) == pytest.approx((standing[0], standing[-1]), abs=1e-4)


def test_many_rows_on_knots_give_the_exact_interval_or_a_hair_more() -> None:
    rng = np.random.default_rng(8)
    for x in (rng.normal(0, 0.3, 30_000).clip(-4.6, 4.6), rng.lognormal(-5, 1, 20_000).clip(-4.6, 4.6)):
        laid = confidence_sequence(x, low=-4.6, high=4.6)
        exact = confidence_sequence(x, counts=np.ones(len(x)), low=-4.6, high=4.6)
        assert exact.low - 1e-3 * exact.half_width <= laid.low <= exact.low + 1e-9
        assert exact.high - 1e-9 <= laid.high <= exact.high + 1e-3 * exact.half_width


def test_few_distinct_values_are_exact_however_many_rows() -> None:
    x = np.repeat([-1.0, 0.0, 1.0], [2000, 15_000, 3000])
    rows = confidence_sequence(np.random.default_rng(1).permutation(x), low=-1, high=1)
    counted = confidence_sequence([-1, 0, 1], counts=[2000, 15_000, 3000], low=-1, high=1)
    assert (rows.low, rows.high) == pytest.approx((counted.low, counted.high), abs=1e-9)


@given(st.lists(st.floats(-2, 3), min_size=1, max_size=40), st.floats(1, 10))
@settings(max_examples=40, deadline=None)
def test_the_interval_holds_its_estimate_and_tempering_only_widens_it(x: list[float], deff: float) -> None:
    found = confidence_sequence(x, low=-2, high=3)
    tempered = confidence_sequence(x, low=-2, high=3, design_effect=deff)
    assert -2 <= tempered.low <= found.low + 1e-9
    assert found.low - 1e-9 <= found.estimate <= found.high + 1e-9
    assert found.high - 1e-9 <= tempered.high <= 3


def test_the_two_ends_mirror_each_other() -> None:
    x = np.random.default_rng(9).random(300)
    found, mirrored = confidence_sequence(x, low=0, high=1), confidence_sequence(1 - x, low=0, high=1)
    assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-9)


def test_rows_that_are_all_the_same_are_no_trouble() -> None:
    found = confidence_sequence(np.zeros(5000), low=0, high=1)
    assert found.low == 0
    assert found.high < 0.01


@pytest.mark.parametrize(
    "wrong", [{"x": []}, {"x": [np.nan]}, {"x": [2.0]}, {"x": [0.5], "counts": [0]}, {"x": [0.5], "counts": [1, 2]}]
)
def test_what_has_no_mean_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(StatisticsError):
        confidence_sequence(**wrong, low=0, high=1)  # type: ignore[arg-type]


def test_an_interval_says_what_it_excludes() -> None:
    interval = Interval(0.1, 0.0, 0.2)
    assert not interval.excludes(0.0)
    assert interval.excludes(-0.01)
    assert 0.15 in interval
    assert interval.half_width == pytest.approx(0.1)
