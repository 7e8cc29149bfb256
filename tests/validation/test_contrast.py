import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdtrue.stats import paired_interval
from holdtrue.validation.contrast import (
    count_blocks,
    count_required,
    count_to_settle,
    find_lack,
    influence_of_mean,
    measure_contrast,
)

EVERY = np.ones(600, dtype=bool)
DAYS = np.repeat(np.arange(30), 20)


def measure(values):
    return measure_contrast(float(values.mean()), values - values.mean(), days=DAYS, held=EVERY)


def test_a_mean_of_all_rows_is_the_mean_of_their_differences() -> None:
    values = np.random.default_rng(1).normal(0.2, 1, 600)
    found = measure(values)
    assert found.estimate == pytest.approx(values.mean())
    assert found.low < values.mean() < found.high
    assert found.standard_error >= paired_interval(values, blocks=DAYS).standard_error * 0.99


def test_the_influence_of_a_group_s_mean_is_nothing_outside_the_group() -> None:
    values, weights = np.array([1.0, 3.0, 9.0, 9.0]), np.array([1.0, 1.0, 0.0, 0.0])
    assert influence_of_mean(values, weights).tolist() == [-2.0, 2.0, 0.0, 0.0]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=200))
def test_blocks_are_worth_at_most_how_many_there_are(blocks) -> None:
    assert 2 <= count_blocks(np.array(blocks)) <= max(2, len(set(blocks)))


@given(st.floats(0.01, 10), st.integers(1, 5))
def test_intervals_shrink_as_the_noise_does(scale, seed) -> None:
    values = np.random.default_rng(seed).normal(0, 1, 600)
    assert measure(scale * values).standard_error == pytest.approx(scale * measure(values).standard_error, rel=1e-6)


@pytest.mark.parametrize("sides", [1, 2])
def test_the_rows_that_are_said_to_be_needed_prove_a_true_zero_four_times_in_five(sides) -> None:
    rng = np.random.default_rng(7)
    needed = int(
        np.median([count_required(measure(rng.normal(0, 1, 600)), within=0.1, sides=sides) for _ in range(60)])
    )
    days, held = np.arange(needed) * 30 // needed, np.ones(needed, dtype=bool)
    n_proven, n_runs = 0, 200
    for _ in range(n_runs):
        values = rng.normal(0, 1, needed)
        found = measure_contrast(float(values.mean()), values - values.mean(), days=days, held=held)
        n_proven += found.high <= 0.1 and (sides == 1 or found.low >= -0.1)
    assert 0.7 <= n_proven / n_runs <= 0.95


def test_what_is_settled_needs_no_more_rows_and_the_rest_at_least_twice_as_many() -> None:
    values = np.random.default_rng(2).normal(0, 1, 600)
    assert count_to_settle(measure(values), tolerance=5.0) is None
    needed = count_to_settle(measure(values), tolerance=0.05)
    assert needed is not None
    assert needed >= 1_200


def test_what_is_lacking_is_said_with_what_is_there() -> None:
    assert find_lack(np.array([3])) == "not enough data: need at least 30 rows of 8 days, found 1 row of 1 day"
    assert find_lack(DAYS) is None
