import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdtrue.domain import Ruling
from holdtrue.validation.behaviour.share import Share
from holdtrue.validation.comparison import say_about


def test_few_rows_prove_nothing_and_say_how_many_would() -> None:
    found = Share(n_found=0, n_rows=20, allowed=0.01)
    assert found.ruling is Ruling.INCONCLUSIVE
    assert Share(n_found=0, n_rows=found.required, allowed=0.01).ruling is Ruling.PASSED
    assert f"need {say_about(found.required)} rows" in found.shortage
    assert Share(n_found=0, n_rows=0, allowed=0.01).ruling is Ruling.INCONCLUSIVE


def test_the_ends_are_those_of_clopper_and_pearson() -> None:
    from scipy.stats import binomtest

    wanted = binomtest(7, 300).proportion_ci(0.975, method="exact")
    found = Share(n_found=7, n_rows=300, allowed=0.01)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


@given(st.integers(0, 50), st.integers(1, 3_000), st.sampled_from([0.01, 0.05, 0.3]))
def test_more_found_rows_never_help(n_found: int, n_rows: int, allowed: float) -> None:
    order = [Ruling.PASSED, Ruling.INCONCLUSIVE, Ruling.FAILED]
    n_found = min(n_found, n_rows - 1)
    less = Share(n_found=n_found, n_rows=n_rows, allowed=allowed)
    more = Share(n_found=n_found + 1, n_rows=n_rows, allowed=allowed)
    assert order.index(less.ruling) <= order.index(more.ruling)
    assert less.low <= less.share <= less.high


@pytest.mark.parametrize("share", [0.004, 0.02])
def test_the_rows_that_it_asks_for_rule_most_of_the_time(share: float) -> None:
    generator = np.random.default_rng(0)
    n_rows = Share(n_found=round(share * 500), n_rows=500, allowed=0.01).required
    draws = generator.binomial(n_rows, share, size=400)
    ruled = [Share(n_found=int(n), n_rows=n_rows, allowed=0.01).ruling is not Ruling.INCONCLUSIVE for n in draws]
    assert 0.7 <= np.mean(ruled) <= 0.95
