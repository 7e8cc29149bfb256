import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holdtrue.errors import StatisticsError
from holdtrue.stats import design_effect, paired_interval, required_rows


def make_days(rng: np.random.Generator, n_days: int, rows_a_day: int, deff: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows with mean 0 whose mean has the stated design effect: deff = 1 + (rows_a_day - 1) rho."""
    rho = (deff - 1) / (rows_a_day - 1)
    day = np.repeat(np.arange(n_days), rows_a_day)
    return np.sqrt(rho) * rng.normal(size=n_days)[day] + np.sqrt(1 - rho) * rng.normal(size=len(day)), day


def test_without_blocks_it_is_the_t_interval_of_the_textbook() -> None:
    x = np.random.default_rng(1).normal(0.1, 1, 50)
    found = paired_interval(x)
    low, high = stats.t.interval(0.95, 49, loc=x.mean(), scale=stats.sem(x))
    assert (found.estimate, found.low, found.high) == pytest.approx((x.mean(), low, high))
    assert found.test_above(0) == pytest.approx(stats.ttest_1samp(x, 0, alternative="greater").pvalue)
    assert found.test_below(0) == pytest.approx(stats.ttest_1samp(x, 0, alternative="less").pvalue)
    assert (found.n_rows, found.n_blocks, found.design_effect) == (50, 50, 1.0)


def test_equal_blocks_give_the_interval_of_their_means() -> None:
    x, day = make_days(np.random.default_rng(2), 12, 30, deff=5)
    means = x.reshape(12, 30).mean(axis=1)
    found = paired_interval(x, blocks=day)
    assert found.standard_error == pytest.approx(stats.sem(means))
    assert found.high - found.estimate == pytest.approx(stats.t.ppf(0.975, 11) * stats.sem(means))
    assert found.n_blocks == 12


@pytest.mark.parametrize("deff", [1, 7, 40])
def test_the_interval_covers_whatever_the_design_effect(deff: float) -> None:
    rng = np.random.default_rng(int(deff))
    covered, naive, measured = 0, 0, []
    for _ in range(400):
        x, day = make_days(rng, 25, 100, deff)
        found = paired_interval(x, blocks=day)
        covered += 0 in found.interval
        naive += 0 in paired_interval(x).interval
        measured.append(found.design_effect)
    assert covered / 400 >= 0.92
    assert np.median(measured) == pytest.approx(max(1, deff), rel=0.25)
    if deff >= 7:
        assert naive / 400 < 0.65


@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 5)), min_size=2, max_size=60))
def test_the_design_effect_is_at_least_one(rows: list[tuple[float, int]]) -> None:
    x, blocks = [r[0] for r in rows], [r[1] for r in rows]
    if len(set(blocks)) < 2:
        with pytest.raises(StatisticsError, match="1 block"):
            design_effect(x, blocks)
    else:
        assert 1 <= design_effect(x, blocks) <= len(x) * len(set(blocks))


def test_names_of_blocks_do_not_matter() -> None:
    x, day = make_days(np.random.default_rng(3), 6, 10, deff=3)
    named = np.array([f"2013-09-{d + 1:02d}" for d in day])
    assert paired_interval(x, blocks=named) == paired_interval(x, blocks=day * 7 - 3)


def test_rows_that_never_differ_have_no_error_and_no_evidence() -> None:
    found = paired_interval(np.zeros(30), blocks=np.arange(30) // 10)
    assert (found.low, found.high, found.standard_error, found.design_effect) == (0, 0, 0, 1)
    assert found.test_above(0) == 1
    assert found.test_above(-0.1) == 0


def test_the_required_rows_give_the_wished_power() -> None:
    n_rows = required_rows(standard_deviation=0.5, margin=0.05, power=0.8)
    rng = np.random.default_rng(4)
    proofs = sum(paired_interval(rng.normal(0, 0.5, n_rows)).high < 0.05 for _ in range(300))
    assert 0.72 <= proofs / 300 <= 0.88


def test_the_required_rows_grow_with_the_design_effect() -> None:
    alone = required_rows(standard_deviation=0.5, margin=0.05)
    assert required_rows(standard_deviation=0.5, margin=0.05, design_effect=7) == pytest.approx(7 * alone, rel=0.01)
    assert required_rows(standard_deviation=0.5, margin=0.05, effect=-0.05) < alone


def test_no_number_of_rows_proves_what_is_beyond_the_margin() -> None:
    with pytest.raises(StatisticsError, match="margin"):
        required_rows(standard_deviation=0.5, margin=0.05, effect=0.05)


@pytest.mark.parametrize("wrong", [[], [1.0], [1.0, np.nan], [[1.0, 2.0]]])
def test_what_has_no_spread_is_refused(wrong: list[float]) -> None:
    with pytest.raises(StatisticsError):
        paired_interval(wrong)


def test_blocks_must_be_there_for_each_row() -> None:
    with pytest.raises(StatisticsError, match="one for each row"):
        paired_interval([0.1, 0.2, 0.3], blocks=[1, 2])
