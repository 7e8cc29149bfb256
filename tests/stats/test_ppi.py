import numpy as np
import pytest

from holdtrue.errors import StatisticsError
from holdtrue.stats import powered_mean


def make_sample(seed: int, n_labelled: int = 200, n_unlabelled: int = 4000) -> tuple[np.ndarray, ...]:
    """An over-confident model: it believes itself right with .1 more than it is."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(4, 1, size=n_labelled + n_unlabelled)
    right = (rng.random(len(chance)) < np.clip(chance - 0.1, 0, 1)).astype(float)
    return right[:n_labelled], chance[:n_labelled], chance[n_labelled:]


def test_the_interval_covers_the_truth_though_the_belief_is_wrong() -> None:
    truth = float(np.mean(np.clip(np.random.default_rng(0).beta(4, 1, size=1_000_000) - 0.1, 0, 1)))
    found = [powered_mean(outcomes=y, beliefs=f, unlabelled_beliefs=u) for y, f, u in map(make_sample, range(300))]
    assert np.mean([truth in one.interval for one in found]) >= 0.92
    assert all(one.belief not in one.interval or one.belief - one.interval.estimate > 0 for one in found)
    assert np.mean([one.belief - one.interval.estimate for one in found]) == pytest.approx(0.8 - truth, abs=0.01)


def test_a_good_belief_narrows_the_interval_and_a_useless_one_does_not_widen_it() -> None:
    rng = np.random.default_rng(1)
    f = rng.random(300)
    y, others = f + rng.normal(0, 0.1, 300), rng.random(5000)
    plain = float(y.std(ddof=1) / np.sqrt(300))
    good = powered_mean(outcomes=y, beliefs=f, unlabelled_beliefs=others)
    useless = powered_mean(outcomes=y, beliefs=rng.permutation(f), unlabelled_beliefs=others)
    constant = powered_mean(outcomes=y, beliefs=np.ones(300), unlabelled_beliefs=np.ones(9))
    assert good.standard_error < plain / 2
    assert useless.standard_error <= plain * 1.01
    assert constant.trust == 0
    assert constant.interval.estimate == pytest.approx(y.mean())


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcomes": [1], "beliefs": [1], "unlabelled_beliefs": [1, 2]},
        {"outcomes": [1, 0], "beliefs": [1, 0, 1], "unlabelled_beliefs": [1, 2]},
        {"outcomes": [1, np.nan], "beliefs": [1, 0], "unlabelled_beliefs": [1, 2]},
    ],
)
def test_too_few_or_broken_rows_are_refused(wrong: dict[str, list[float]]) -> None:
    with pytest.raises(StatisticsError):
        powered_mean(**wrong)
