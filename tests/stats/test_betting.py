import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdtrue.errors import StatisticsError
from holdtrue.stats import EProcess

unit_values = st.lists(st.floats(0, 1), min_size=0, max_size=60)


def follow_by_hand(x: np.ndarray, process: EProcess) -> np.ndarray:
    """Log E after each row, with one logarithm for each row and bet."""
    logs = np.cumsum(np.log1p(np.outer(x - process.mean, process.bets)), axis=0)
    return np.logaddexp.reduce(logs, axis=1) - np.log(len(process.bets))


@pytest.mark.parametrize("side", ["above", "below"])
@pytest.mark.parametrize("mean", [0.001, 0.1, 0.5, 0.9])
def test_the_fast_path_agrees_with_a_logarithm_for_each_row(side: str, mean: float) -> None:
    x = np.random.default_rng(1).random(70_003)
    process = EProcess.start(low=0, high=1, mean=mean, side=side)  # type: ignore[arg-type]
    path = follow_by_hand(x, process)
    updated = process.update(x)
    assert updated.log_e == pytest.approx(path[-1], rel=1e-9)
    assert updated.log_e_max == pytest.approx(max(0.0, path.max()), rel=1e-9)
    assert updated.n_rows == len(x)


def test_the_supremum_is_taken_over_every_row_not_only_over_batch_ends() -> None:
    process = EProcess.start(low=0, high=1, mean=0.5).update([1.0] * 30 + [0.0] * 60)
    assert process.log_e < 0 < process.log_e_max
    assert process.crosses(0.05)


@given(unit_values, st.integers(0, 60), st.floats(0.05, 0.95), st.sampled_from(["above", "below"]))
def test_batches_of_any_size_give_the_same_evidence(x: list[float], cut: int, mean: float, side: str) -> None:
    start = EProcess.start(low=0, high=1, mean=mean, side=side)  # type: ignore[arg-type]
    whole, parts = start.update(x), start.update(x[:cut]).update(x[cut:])
    np.testing.assert_allclose(whole.log_wealths, parts.log_wealths, atol=1e-9)
    assert whole.log_e_max == pytest.approx(parts.log_e_max, abs=1e-9)
    assert whole.log_e_max >= max(0.0, whole.log_e) - 1e-12


@given(unit_values, unit_values)
def test_merging_is_the_same_as_seeing_all_rows_in_any_order(x: list[float], y: list[float]) -> None:
    start = EProcess.start(low=0, high=1, mean=0.3)
    merged, swapped = start.update(x).merge(start.update(y)), start.update(y).merge(start.update(x))
    whole = start.update(x + y)
    np.testing.assert_allclose(merged.log_wealths, whole.log_wealths, atol=1e-9)
    assert merged == swapped
    assert merged.n_rows == whole.n_rows
    assert merged.log_e_max == pytest.approx(max(0.0, whole.log_e), abs=1e-9)


@given(st.lists(st.sampled_from([-1.0, 0.0, 0.25, 1.0]), min_size=1, max_size=80))
def test_a_histogram_gives_the_evidence_of_its_rows(x: list[float]) -> None:
    start = EProcess.start(low=-1, high=1, mean=0.1)
    values, counts = np.unique(x, return_counts=True)
    counted = start.update_counts(values, counts)
    np.testing.assert_allclose(counted.log_wealths, start.update(x).log_wealths, atol=1e-9)
    assert counted.n_rows == len(x)


@given(unit_values, st.integers(0, 59))
@settings(max_examples=50)
def test_a_larger_row_never_lowers_the_evidence_for_above(x: list[float], place: int) -> None:
    if not x:
        return
    larger = list(x)
    larger[place % len(x)] = 1.0
    start = EProcess.start(low=0, high=1, mean=0.4)
    assert start.update(larger).log_e >= start.update(x).log_e - 1e-9


def test_the_two_sides_mirror_each_other() -> None:
    x = np.random.default_rng(2).random(500)
    above = EProcess.start(low=0, high=1, mean=0.3).update(x)
    below = EProcess.start(low=-1, high=0, mean=-0.3, side="below").update(-x)
    assert above.log_e_max == pytest.approx(below.log_e_max)


def test_the_state_survives_json() -> None:
    process = EProcess.start(low=-1, high=2, mean=0.1).update([0.5, 1.5, -1.0])
    assert EProcess.from_dict(json.loads(json.dumps(process.to_dict()))) == process


def test_a_new_range_keeps_the_wealth_and_changes_the_bets() -> None:
    process = EProcess.start(low=-2, high=2, mean=0).update([1.0, 1.0])
    widened = process.with_range(low=-10, high=10)
    assert widened.log_e == process.log_e
    assert abs(widened.bets).max() < abs(process.bets).max()


def test_tempering_asks_for_more_evidence() -> None:
    process = EProcess.start(low=0, high=1, mean=0.5).update([1.0] * 12)
    assert process.crosses(0.05)
    assert not process.crosses(0.05, design_effect=7)
    with pytest.raises(StatisticsError, match="at least 1"):
        process.crosses(0.05, design_effect=0.5)


@pytest.mark.parametrize("bad", [[0.5, np.nan], [np.inf], [1.1], [-0.1], [[0.5]]])
def test_rows_outside_the_range_are_refused(bad: list[float]) -> None:
    with pytest.raises(StatisticsError, match="Expected"):
        EProcess.start(low=0, high=1, mean=0.5).update(bad)


def test_rounding_at_the_ends_of_the_range_is_forgiven() -> None:
    assert EProcess.start(low=0, high=1, mean=0.5).update([1 + 1e-12, -1e-12]).n_rows == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"low": 0, "high": 1, "mean": 0},
        {"low": 0, "high": 1, "mean": 1},
        {"low": 1, "high": 0, "mean": 0.5},
        {"low": 0, "high": np.inf, "mean": 0.5},
        {"low": 0, "high": 1, "mean": 0.5, "side": "beyond"},
        {"low": 0, "high": 1, "mean": 0.5, "n_bets": 0},
    ],
)
def test_a_hypothesis_that_cannot_be_tested_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(StatisticsError):
        EProcess.start(**wrong)  # type: ignore[arg-type]


def test_different_hypotheses_do_not_merge() -> None:
    with pytest.raises(StatisticsError, match="different hypotheses"):
        EProcess.start(low=0, high=1, mean=0.5).merge(EProcess.start(low=0, high=1, mean=0.4))


@pytest.mark.parametrize("state", [{}, {"low": 0}, {"low": 0, "high": 1, "mean": 0.5, "side": "above"}])
def test_a_broken_state_is_refused_in_words(state: dict[str, object]) -> None:
    with pytest.raises(StatisticsError, match="to_dict"):
        EProcess.from_dict(state)
