import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdtrue.errors import StatisticsError
from holdtrue.stats import holm

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_the_example_of_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005], alpha=0.05).tolist() == [True, False, False, True]
    assert holm([0.001, 0.013, 0.02, 0.04], alpha=0.05).tolist() == [True] * 4
    assert holm([], alpha=0.05).tolist() == []


@given(p_lists, st.floats(0.001, 0.5))
def test_holm_rejects_at_least_what_bonferroni_does_and_only_the_smallest(p: list[float], alpha: float) -> None:
    rejected, given_p = holm(p, alpha), np.array(p)
    assert rejected[given_p <= alpha / len(p)].all()
    assert not rejected[given_p > alpha].any()
    if rejected.any() and not rejected.all():
        assert given_p[rejected].max() <= given_p[~rejected].min()


@pytest.mark.parametrize("wrong", [[np.nan], [1.2], [-0.1], [[0.1]]])
def test_what_is_no_p_value_is_refused(wrong: list[float]) -> None:
    with pytest.raises(StatisticsError):
        holm(wrong, alpha=0.05)
