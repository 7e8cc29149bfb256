import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holdtrue.errors import StatisticsError
from holdtrue.stats import (
    LevelProfile,
    NumberProfile,
    bin_reference,
    homogeneity_test,
    ks_distance,
    population_stability_index,
    wasserstein,
)

counts = st.lists(st.integers(0, 50), min_size=2, max_size=12)


def test_the_index_of_a_normal_shift_is_about_its_square() -> None:
    rng = np.random.default_rng(1)
    reference = NumberProfile.measure(rng.normal(size=200_000), centre=0)
    bins = bin_reference(reference)
    for shift in (0.14, 0.5):
        current = NumberProfile.measure(rng.normal(shift, 1, size=200_000), centre=0)
        found = population_stability_index(bins.count(reference), bins.count(current))
        assert found == pytest.approx(shift**2, rel=0.1)


def test_the_debiased_index_is_zero_in_the_mean_when_nothing_moved() -> None:
    rng = np.random.default_rng(2)
    draws = [population_stability_index(*rng.multinomial(500, np.ones(20) / 20, size=2)) for _ in range(500)]
    assert np.mean(draws) == pytest.approx(0, abs=0.004)


def test_twenty_bins_hold_equal_shares_of_a_continuous_reference() -> None:
    x = np.random.default_rng(3).normal(size=100_000)
    reference = NumberProfile.measure(x, centre=0)
    found = bin_reference(reference).count(reference)
    assert len(found) == 20
    np.testing.assert_allclose(found / 100_000, 0.05, atol=0.01)


def test_a_heavy_value_has_a_bin_of_its_own() -> None:
    x = np.concatenate([np.zeros(900), np.arange(1, 101)])
    reference = NumberProfile.measure(x, centre=0)
    assert 900 in bin_reference(reference).count(reference).tolist()
    constant = NumberProfile.measure([5.0] * 100, centre=5)
    bins = bin_reference(constant)
    assert bins.count(NumberProfile.measure([4.0, 5.0, 7.0], centre=5)).tolist() == [1, 1, 1]


def test_the_homogeneity_test_is_that_of_scipy() -> None:
    one, two = [120, 80, 60, 40], [100, 90, 75, 60]
    expected = stats.chi2_contingency([one, two], correction=False)
    found = homogeneity_test(one, two)
    assert (found.statistic, found.freedom) == pytest.approx((expected.statistic, 3))
    assert found.p_value == pytest.approx(expected.pvalue)


def test_the_homogeneity_test_keeps_its_level_with_small_cells() -> None:
    rng = np.random.default_rng(4)
    shares = 0.7 ** np.arange(20)
    shares /= shares.sum()
    p = [homogeneity_test(rng.multinomial(5000, shares), rng.multinomial(60, shares)).p_value for _ in range(1000)]
    assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.075
    assert np.mean(np.array(p) < 0.001) <= 0.006


@given(counts, st.data())
def test_distances_of_counts_are_sane(one: list[int], data: st.DataObject) -> None:
    two = data.draw(st.lists(st.integers(0, 50), min_size=len(one), max_size=len(one)))
    if sum(one) == 0 or sum(two) == 0:
        with pytest.raises(StatisticsError):
            population_stability_index(one, two)
        return
    raw = population_stability_index(one, two, debiased=False)
    assert raw == pytest.approx(population_stability_index(two, one, debiased=False))
    assert raw >= -1e-12
    assert population_stability_index(one, one, debiased=False) == 0
    found = homogeneity_test(one, two)
    assert 0 <= found.p_value <= 1
    assert found.p_value == pytest.approx(homogeneity_test(two, one).p_value)
    assert homogeneity_test(one, one).statistic == pytest.approx(0)


def test_levels_and_other_are_counted() -> None:
    reference = LevelProfile.measure(["a", "a", "b"])
    bins = bin_reference(reference)
    assert bins.count(LevelProfile.measure(["b", "c", None], levels=reference.levels)).tolist() == [0, 1, 1]
    assert bins.n_bins == 3
    with pytest.raises(StatisticsError, match="levels"):
        bins.count(LevelProfile.measure(["b"]))
    with pytest.raises(StatisticsError, match="same kind"):
        bins.count(NumberProfile.measure([1.0], centre=0))


def test_infinite_values_count_for_ks_and_are_left_out_of_wasserstein() -> None:
    reference = NumberProfile.measure([1.0, 2.0, 3.0, 4.0], centre=0)
    current = NumberProfile.measure([1.0, 2.0, 3.0, 4.0] + [np.inf] * 4, centre=0)
    assert ks_distance(reference, current) == pytest.approx(0.5)
    assert wasserstein(reference, current) == 0


def test_a_constant_reference_has_no_standard_deviation_to_divide_by() -> None:
    constant = NumberProfile.measure([1.0, 1.0], centre=0)
    assert wasserstein(constant, constant) == 0
    assert wasserstein(constant, NumberProfile.measure([2.0], centre=0)) == np.inf
