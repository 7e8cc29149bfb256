import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdtrue.errors import StatisticsError
from holdtrue.stats import DetectorFamily, EDetector


@given(seed=st.integers(0, 10_000), side=st.sampled_from(["above", "below"]))
def test_each_member_has_the_evidence_of_a_detector_of_its_own(seed: int, side: str) -> None:
    rng = np.random.default_rng(seed)
    means, effects = rng.uniform(0.2, 0.8, size=3), rng.uniform(1, 40, size=3)
    family = DetectorFamily.start(low=0, high=1, means=means, side=side, design_effects=effects)
    alone = [
        EDetector.start(low=0, high=1, mean=float(mean), side=side, design_effect=float(effect))
        for mean, effect in zip(means, effects, strict=True)
    ]
    for _ in range(5):
        rows, members = rng.random(40), rng.integers(-1, 3, size=40)
        family = family.update_batch(rows, members)
        alone = [each.update_batch(rows[members == place]) for place, each in enumerate(alone)]
    assert family.log_m == pytest.approx([each.log_m for each in alone])


def test_a_batch_without_rows_of_a_member_is_no_batch_of_its() -> None:
    family = DetectorFamily.start(low=0, high=1, means=[0.5, 0.5])
    after = family.update_batch([0.9, 0.2], np.array([0, -1]))
    assert np.isfinite(after.log_m[0])
    assert after.log_m[1] == -np.inf
    assert after.restart(np.array([True, False])).log_m[0] == -np.inf


@pytest.mark.parametrize(("rows", "members"), [([2.0], [0]), ([np.nan], [0]), ([0.5], [7]), ([0.5, 0.5], [0])], ids=str)
def test_rows_outside_the_range_and_strange_members_are_refused(rows: list[float], members: list[int]) -> None:
    family = DetectorFamily.start(low=0, high=1, means=[0.5])
    with pytest.raises(StatisticsError):
        family.update_batch(rows, np.array(members))


def test_a_mean_at_the_end_of_the_range_is_refused() -> None:
    with pytest.raises(StatisticsError):
        DetectorFamily.start(low=0, high=1, means=[0.5, 1.0])
