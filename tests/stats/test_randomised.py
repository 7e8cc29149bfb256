import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdtrue.errors import StatisticsError
from holdtrue.stats import (
    EProcess,
    combine_shares,
    randomised_confidence_sequence,
    randomised_differences,
    randomised_range,
)

shares = st.floats(0.01, 0.99)


def make_canary(rng: np.random.Generator, share: np.ndarray, worse: float) -> tuple[np.ndarray, np.ndarray]:
    is_challenger = rng.random(len(share)) < share
    losses = (rng.random(len(share)) < 0.1 + worse * is_challenger).astype(float)
    return is_challenger, losses


def follow_shares(z: np.ndarray, share: np.ndarray, mean: float = 0.0) -> EProcess:
    process = None
    for s in np.unique(share):
        low, high = randomised_range(s, 0, 1, champion_risk=0.1)
        if process is None:
            process = EProcess.start(low=low, high=high, mean=mean)
        process = process.with_range(low=low, high=high).update(z[share == s])
    assert process is not None
    return process


@given(shares, st.booleans(), st.floats(0, 1), st.floats(0, 1))
def test_every_difference_lies_within_the_range(share: float, challenger: bool, loss: float, risk: float) -> None:
    z = randomised_differences(is_challenger=[challenger], share=share, losses=[loss], champion_risk=risk)[0]
    low, high = randomised_range(share, 0, 1, champion_risk=risk)
    assert low - 1e-12 <= z <= high + 1e-12
    assert low < 0 < high or risk in (0, 1)


def test_the_range_of_several_shares_holds_that_of_each() -> None:
    low, high = randomised_range([0.05, 0.25], 0, 1, champion_risk=0.1)
    assert high == pytest.approx(0.9 / 0.05)
    assert low == pytest.approx(-0.1 / 0.05)


def test_the_mean_is_the_difference_of_the_risks_while_the_share_moves() -> None:
    rng = np.random.default_rng(1)
    share = np.repeat([0.05, 0.25, 0.5], 100_000)
    is_challenger, losses = make_canary(rng, share, worse=0.05)
    for champion_risk in (0.0, 0.1, 0.5):
        z = randomised_differences(is_challenger=is_challenger, share=share, losses=losses, champion_risk=champion_risk)
        assert z.mean() == pytest.approx(0.05, abs=0.01)


def test_one_process_goes_on_from_share_to_share() -> None:
    rng = np.random.default_rng(2)
    share = np.repeat([0.05, 0.25, 0.5], 3000)
    is_challenger, losses = make_canary(rng, share, worse=0.1)
    z = randomised_differences(is_challenger=is_challenger, share=share, losses=losses, champion_risk=0.1)
    carried = follow_shares(z, share)
    parts = []
    for s in (0.05, 0.25, 0.5):
        low, high = randomised_range(s, 0, 1, champion_risk=0.1)
        parts.append(EProcess.start(low=low, high=high, mean=0).update(z[share == s]))
    combined = combine_shares(parts)
    assert combined.log_e == pytest.approx(carried.log_e)
    assert combined.n_rows == carried.n_rows == 9000
    assert carried.crosses(0.05)


def test_the_interval_covers_while_the_share_moves() -> None:
    rng = np.random.default_rng(3)
    covered, widths = 0, []
    for _ in range(60):
        share = np.repeat([0.1, 0.5], 1500)
        is_challenger, losses = make_canary(rng, share, worse=0.05)
        z = randomised_differences(is_challenger=is_challenger, share=share, losses=losses, champion_risk=0.1)
        found = randomised_confidence_sequence(z, shares=share, low=0, high=1, champion_risk=0.1)
        covered += 0.05 in found
        widths.append(found.half_width)
    assert covered >= 57
    assert np.mean(widths) < 0.06


def test_the_ends_of_the_interval_are_where_the_process_crosses() -> None:
    rng = np.random.default_rng(4)
    share = np.repeat([0.1, 0.5], 1000)
    is_challenger, losses = make_canary(rng, share, worse=0.1)
    z = randomised_differences(is_challenger=is_challenger, share=share, losses=losses, champion_risk=0.1)
    found = randomised_confidence_sequence(z, shares=share, low=0, high=1, champion_risk=0.1)
    assert follow_shares(z, share, mean=found.low - 1e-6).log_e >= np.log(2 / 0.05) - 1e-3
    assert follow_shares(z, share, mean=found.low + 1e-6).log_e < np.log(2 / 0.05) + 1e-3


@pytest.mark.parametrize("share", [0.0, 1.0, np.nan])
def test_a_share_at_which_only_one_can_answer_is_refused(share: float) -> None:
    with pytest.raises(StatisticsError, match="share"):
        randomised_differences(is_challenger=[True], share=share, losses=[0.5], champion_risk=0.1)


def test_segments_on_different_hypotheses_do_not_combine() -> None:
    with pytest.raises(StatisticsError, match="different hypotheses"):
        combine_shares([EProcess.start(low=-1, high=9, mean=0), EProcess.start(low=-1, high=9, mean=0.1)])
    with pytest.raises(StatisticsError):
        randomised_confidence_sequence([], shares=0.5, low=0, high=1, champion_risk=0.1)
