import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from holdtrue.errors import StatisticsError
from holdtrue.stats import LevelProfile, NumberProfile, choose_centre, ks_distance, wasserstein

numbers = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=40)
names = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "", "zz"])), max_size=40)


def assert_same(one: NumberProfile, two: NumberProfile) -> None:
    left, right = one.to_dict(), two.to_dict()
    for name in ("centre", "cells", "counts", "n_missing", "minimum", "maximum"):
        assert left[name] == right[name], name


@given(numbers, numbers, st.floats(-1e6, 1e6))
def test_profiles_add_exactly(x: list[float], y: list[float], centre: float) -> None:
    whole = NumberProfile.measure(x + y, centre=centre)
    added = NumberProfile.measure(x, centre=centre).add(NumberProfile.measure(y, centre=centre))
    assert_same(whole, added)
    assert whole.n_rows == len(x) + len(y)
    assert whole.n_missing == int(np.isnan(x + y).sum())


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=40), st.integers(0, 40))
def test_mean_and_spread_add_too(x: list[float], cut: int) -> None:
    added = NumberProfile.measure(x[:cut], centre=0).add(NumberProfile.measure(x[cut:], centre=0))
    assert added.mean == pytest.approx(np.mean(x), abs=1e-6)
    assert added.standard_deviation == pytest.approx(np.std(x, ddof=1) if len(x) > 1 else 0, abs=1e-4)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_cells_are_in_order_of_value_and_within_one_percent_of_the_distance(x: list[float]) -> None:
    profile = NumberProfile.measure(x, centre=5.0)
    assert (np.diff(profile.points) > 0).all()
    rebuilt, given_values = np.repeat(profile.points, profile.counts), np.sort(x)
    np.testing.assert_allclose(rebuilt - 5, given_values - 5, rtol=0.008, atol=1e-30)


def test_infinite_values_and_missing_ones_have_cells_of_their_own() -> None:
    profile = NumberProfile.measure([np.nan, np.inf, -np.inf, -np.inf, 1.0, -np.nan, 1e300], centre=0)
    assert (profile.n_missing, profile.n_infinite, profile.n_present) == (2, 4, 5)
    assert (profile.minimum, profile.maximum, profile.mean) == (1.0, 1.0, 1.0)
    assert profile.points[0] == -np.inf
    assert profile.points[-1] == np.inf
    assert profile.missing.counts.tolist() == [5, 2]


@pytest.mark.parametrize("kind", ["normal", "lognormal", "uniform"])
def test_distances_are_those_of_scipy(kind: str) -> None:
    rng = np.random.default_rng(1)
    draw = {"normal": rng.normal, "lognormal": rng.lognormal, "uniform": rng.uniform}[kind]
    x, y = draw(size=100_000), draw(size=80_000) * 1.1 + 0.05
    centre = choose_centre(x)
    reference, current = (NumberProfile.measure(v, centre=centre) for v in (x, y))
    assert ks_distance(reference, current) == pytest.approx(stats.ks_2samp(x, y).statistic, abs=3e-4)
    expected = stats.wasserstein_distance(x, y)
    assert wasserstein(reference, current) == pytest.approx(expected / x.std(ddof=1), abs=1e-4)
    assert wasserstein(reference, current, normalised=False) == pytest.approx(expected, rel=2e-3)


def test_an_empty_or_all_missing_column_has_a_profile() -> None:
    empty, missing = NumberProfile.measure([], centre=0), NumberProfile.measure([np.nan] * 3, centre=0)
    assert (empty.n_rows, missing.n_rows, missing.n_missing) == (0, 3, 3)
    assert_same(empty.add(missing), missing)
    assert choose_centre([np.nan]) == 0
    with pytest.raises(StatisticsError, match="without values"):
        ks_distance(empty, missing)


@given(numbers)
def test_the_state_of_numbers_survives_json(x: list[float]) -> None:
    profile = NumberProfile.measure(x, centre=1.5)
    restored = NumberProfile.from_dict(json.loads(json.dumps(profile.to_dict(), allow_nan=False)))
    assert restored.to_dict() == profile.to_dict()


def test_profiles_of_different_centres_or_levels_do_not_add() -> None:
    with pytest.raises(StatisticsError, match="centre"):
        NumberProfile.measure([1.0], centre=0).add(NumberProfile.measure([1.0], centre=1))
    with pytest.raises(StatisticsError, match="levels"):
        LevelProfile.measure(["a"], levels=("a",)).add(LevelProfile.measure(["a"], levels=("b",)))


@given(names, names)
def test_level_profiles_add_exactly(x: list[str | None], y: list[str | None]) -> None:
    one, two, whole = (LevelProfile.measure(v, levels=("a", "b", "")) for v in (x, y, x + y))
    assert one.add(two).to_dict() == whole.to_dict()
    assert whole.n_rows == len(x) + len(y)
    assert whole.n_missing == (x + y).count(None)
    assert whole.n_other == (x + y).count("zz")
    assert LevelProfile.from_dict(json.loads(json.dumps(whole.to_dict()))).to_dict() == whole.to_dict()


def test_the_most_frequent_levels_are_frozen() -> None:
    counts: dict[str | None, int] = {f"level {i}": i + 1 for i in range(60)} | {None: 7}
    profile = LevelProfile.from_counts(counts)
    assert len(profile.levels) == 50
    assert profile.levels[0] == "level 59"
    assert profile.n_other == sum(range(1, 11))
    assert profile.n_missing == 7


@pytest.mark.parametrize("kind", [NumberProfile, LevelProfile])
def test_a_broken_state_is_refused(kind: type[NumberProfile] | type[LevelProfile]) -> None:
    with pytest.raises(StatisticsError, match="to_dict"):
        kind.from_dict({"counts": [1]})
