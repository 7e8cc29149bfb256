import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdtrue.stats.stakes import lay_stakes, learn_variances

MEAN, A_DAY, RUN_LENGTH = 0.112, 100, 365
BETS = 0.9 / MEAN * 0.5 ** np.arange(8)


@given(
    n_rows=st.floats(0, 1e7), variance=st.floats(0, 1e6), effect=st.floats(1, 1e4), sign=st.sampled_from([-1.0, 1.0])
)
def test_stakes_are_one_on_average_whatever_the_traffic(
    n_rows: float, variance: float, effect: float, sign: float
) -> None:
    one = np.ones(1)
    stakes = lay_stakes(
        sign * BETS[None, :], n_rows=n_rows * one, variances=variance * one, design_effects=effect * one
    )
    assert stakes.mean() == pytest.approx(1)
    assert (stakes > 0).all()


def test_many_rows_are_met_by_timid_bets_and_few_by_bold_ones() -> None:
    def find_middle(n_rows: float, effect: float = 1.0) -> int:
        given = {"n_rows": np.array([n_rows]), "variances": np.array([0.1]), "design_effects": np.array([effect])}
        return int(lay_stakes(BETS[None, :], **given).argmax())

    middles = [find_middle(n_rows) for n_rows in (1, 10, 100, 1_000, 100_000)]
    assert middles == sorted(middles)
    assert middles[0] < middles[-1]
    # Rows that say the same are as few as they are worth.
    assert find_middle(4_000, effect=40) == find_middle(100)


def test_how_much_rows_vary_is_learned_from_them_and_no_more_than_the_range_allows_before() -> None:
    def learn(n_rows: float, square: float) -> float:
        sums = np.array([n_rows * square])
        (found,) = learn_variances(low=0, high=1, means=np.array([0.5]), n_rows=np.array([n_rows]), sums=sums)
        return float(found)

    assert learn(0, 0.0) == 0.25
    assert learn(100_000, 0.01) == pytest.approx(0.01, rel=0.01)


def watch_errors(rng: np.random.Generator, shares: list[float], *, is_even: bool, n_runs: int) -> np.ndarray:
    """The day of the first alarm of each run, counted from 1; one more than there are days where there was none."""
    logs, first = np.full((n_runs, 8), -np.inf), np.full(n_runs, len(shares) + 1)
    gains = np.log1p(BETS * (1 - MEAN)), np.log1p(-BETS * MEAN)
    given = {"n_rows": np.array([A_DAY]), "variances": np.array([0.1]), "design_effects": np.ones(1)}
    stakes = np.ones(8) if is_even else lay_stakes(BETS[None, :], **given)[0]
    for day, share in enumerate(shares, start=1):
        n_errors = rng.binomial(A_DAY, share, n_runs)[:, None]
        logs = np.logaddexp(np.log(stakes), logs) + n_errors * gains[0] + (A_DAY - n_errors) * gains[1]
        has_alarmed = np.logaddexp.reduce(logs, axis=1) - np.log(8) >= np.log(RUN_LENGTH)
        first = np.where(has_alarmed, np.minimum(first, day), first)
    return first


def test_a_rise_is_found_a_day_sooner_than_with_even_stakes() -> None:
    shares = [0.10] * 30 + [0.15] * 60
    waits = [
        watch_errors(np.random.default_rng(3), shares, is_even=is_even, n_runs=1_000) - 30 for is_even in (True, False)
    ]
    waits = [each[each > 0] for each in waits]
    assert [float(np.median(each)) for each in waits] == [9, 8]
    assert waits[0].mean() - waits[1].mean() > 0.7


def test_at_the_limit_itself_half_of_the_watches_or_more_are_silent_for_a_run_length() -> None:
    first = watch_errors(np.random.default_rng(4), [MEAN] * RUN_LENGTH, is_even=False, n_runs=1_000)
    # With an average of a run length at least, and times to an alarm that have no memory, a share of 1/e is.
    assert (first > RUN_LENGTH).mean() > 0.5
