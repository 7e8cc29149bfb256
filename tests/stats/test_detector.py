import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdtrue.errors import StatisticsError
from holdtrue.stats import EDetector, has_family_alarmed, mean_log_m


@given(st.lists(st.lists(st.floats(0, 1), max_size=8), max_size=8), st.floats(0.1, 0.9), st.floats(1, 5))
def test_the_recursion_is_that_of_shiryaev_and_roberts(batches: list[list[float]], mean: float, deff: float) -> None:
    detector = EDetector.start(low=0, high=1, mean=mean, design_effect=deff)
    bets = 0.9 / mean * 0.5 ** np.arange(8)
    m, seen = np.zeros(8), []
    for batch in batches:
        detector = detector.update_batch(batch)
        # What the stakes are laid by is known before the values of the batch.
        variance = (10 * mean * (1 - mean) + sum((x - mean) ** 2 for x in seen)) / (10 + len(seen))
        middle = np.clip(np.sqrt(2 * 8 * deff / (max(len(batch), 1) * 10 * variance)), bets[-1], bets[0])
        stakes = 0.5 ** np.abs(np.log2(bets / middle))
        stakes = stakes * 8 / stakes.sum() / deff + (1 - 1 / deff)
        m = (stakes + m) * np.array([np.prod([1 + bet * (x - mean) for x in batch]) for bet in bets]) ** (1 / deff)
        seen += batch
    if batches:
        assert detector.log_m == pytest.approx(np.log(m.mean()), abs=1e-9)
    assert detector.n_batches == len(batches)


def test_a_risen_risk_is_found_and_an_unchanged_one_is_not() -> None:
    rng = np.random.default_rng(5)
    calm = risen = EDetector.start(low=0, high=1, mean=0.12)
    for _ in range(60):
        calm = calm.update_batch(rng.random(100) < 0.10)
        risen = risen.update_batch(rng.random(100) < 0.20)
    assert not calm.has_alarmed(365)
    assert risen.has_alarmed(365)


def test_an_alarm_that_nobody_looked_at_is_not_lost() -> None:
    detector = EDetector.start(low=0, high=1, mean=0.5).update_batch([1.0] * 40).update_batch([0.0] * 80)
    assert detector.log_m < np.log(365)
    assert detector.has_alarmed(365)


def test_the_average_run_to_a_false_alarm_is_at_least_the_promised_one() -> None:
    rng = np.random.default_rng(6)
    run_length, runs = 20, []
    for _ in range(60):
        detector, n_batches = EDetector.start(low=0, high=1, mean=0.3), 0
        while not detector.has_alarmed(run_length) and n_batches < 400:
            detector = detector.update_batch(rng.random(10) < 0.3)
            n_batches += 1
        runs.append(n_batches)
    assert np.mean(runs) >= run_length


def test_the_mean_over_a_family_is_a_detector_again() -> None:
    start = EDetector.start(low=0, high=1, mean=0.5)
    still, moved = start, start
    for _ in range(5):
        still, moved = still.update_batch([0.5] * 10), moved.update_batch([1.0] * 10)
    expected = np.log((np.exp(still.log_m) + np.exp(moved.log_m)) / 2)
    assert mean_log_m([still, moved]) == pytest.approx(expected)
    assert has_family_alarmed([still, moved], 365)
    assert mean_log_m([start, start]) == -np.inf
    assert not has_family_alarmed([start, start], 365)


def test_a_family_must_have_seen_the_same_batches() -> None:
    start = EDetector.start(low=0, high=1, mean=0.5)
    with pytest.raises(StatisticsError, match="same number of batches"):
        mean_log_m([start, start.update_batch([0.1])])
    with pytest.raises(StatisticsError):
        mean_log_m([])


@pytest.mark.parametrize("n_batches", [0, 3])
def test_the_state_survives_json(n_batches: int) -> None:
    detector = EDetector.start(low=0, high=1, mean=0.2, design_effect=3)
    for _ in range(n_batches):
        detector = detector.update_batch([0.0, 1.0])
    assert EDetector.from_dict(json.loads(json.dumps(detector.to_dict(), allow_nan=False))) == detector


def test_bad_rows_and_states_are_refused() -> None:
    with pytest.raises(StatisticsError):
        EDetector.start(low=0, high=1, mean=0.2).update_batch([np.nan])
    with pytest.raises(StatisticsError, match="to_dict"):
        EDetector.from_dict({"low": 0})
    with pytest.raises(StatisticsError, match="run_length"):
        EDetector.start(low=0, high=1, mean=0.2).has_alarmed(0)
