from dataclasses import replace

import numpy as np
import pytest

from holdtrue.monitoring import (
    Alarm,
    Parts,
    SliceRows,
    SliceWatch,
    find_places,
    measure_slices,
    merge_alarms,
    tell_places,
    tell_risen,
)

N_A_DAY, HOLDOUT_DAYS = 500, 40
TERMS = {"low": 0.0, "high": 1.0}


def name_parts(codes: np.ndarray, n_slices: int) -> Parts:
    return Parts(codes=codes, names=tuple(f"part = {place}" for place in range(n_slices)))


def draw_parts(rng: np.random.Generator, n_rows: int, n_slices: int) -> np.ndarray:
    """Return the slice of each row: the first has a tenth of them, the others share the rest."""
    if n_slices == 1:
        return np.where(rng.random(n_rows) < 0.1, 0, 1)
    return np.where(rng.random(n_rows) < 0.1, 0, rng.integers(1, n_slices, size=n_rows))


def watch_errors(
    rng: np.random.Generator, *, n_slices: int, n_days: int, rises: dict[int, float] | None = None, from_day: int = 0
) -> SliceWatch:
    """Return the watch of slices that err in a tenth of their rows, but for those that rise from a day on."""
    n_parts = max(n_slices, 2)
    held = draw_parts(rng, HOLDOUT_DAYS * N_A_DAY, n_slices)
    losses = (rng.random(len(held)) < 0.1).astype(float)
    days = np.arange(len(held)) // N_A_DAY
    (references,) = measure_slices(losses, days=days, entries=[name_parts(held, n_parts)], high=1.0)
    references = tuple(each for each in references if each.part < n_slices)
    codes = draw_parts(rng, n_days * N_A_DAY, n_slices)
    days = np.arange(len(codes)) // N_A_DAY
    shares = np.full(len(codes), 0.1)
    for part, share in (rises or {}).items():
        shares[(codes == part) & (days >= from_day)] = share
    return SliceWatch(
        losses=(rng.random(len(codes)) < shares).astype(float),
        days=days,
        entries=(SliceRows(parts=name_parts(codes, n_parts), references=references),),
        tolerance=0.005,
        run_length_days=730.0,
        **TERMS,
    )


@pytest.mark.parametrize("n_slices", [1, 10, 50])
def test_false_alarms_do_not_rise_with_the_number_of_slices(n_slices: int) -> None:
    rng = np.random.default_rng([1, n_slices])
    n_years = 6
    found = [watch_errors(rng, n_slices=n_slices, n_days=365).follow() for _ in range(n_years)]
    n_alarms = sum(len(alarms) for slices in found for alarms in slices.values())
    assert n_alarms <= 2  # wished: half an alarm a year for all slices together, the other half for all rows


@pytest.mark.parametrize("n_slices", [1, 10, 50])
def test_a_tenth_of_the_rows_that_errs_three_times_as_often_is_found_within_a_week(n_slices: int) -> None:
    rng = np.random.default_rng([2, n_slices])
    waits = []
    for _ in range(10):
        watch = watch_errors(rng, n_slices=n_slices, n_days=60, rises={0: 0.3}, from_day=30)
        alarms = watch.follow()["part = 0"]
        waits.append(alarms[0].opened_on - 29 if alarms else 99)
    assert np.median(waits) <= 5
    assert max(waits) <= 10


def test_a_slice_that_rises_is_named_with_its_share_and_the_others_are_in_order() -> None:
    watch = watch_errors(np.random.default_rng(3), n_slices=10, n_days=60, rises={0: 0.3}, from_day=40)
    reading = watch.read()
    assert [each.name for each in reading.risen] == ["part = 0"]
    assert len(reading.watched) == 10
    (risen,) = reading.risen
    assert abs(risen.risen_since - 40) <= 2
    assert risen.mean == pytest.approx(0.3, abs=0.06)
    of_rows, of_rise = reading.shares["part = 0"]
    assert of_rows == pytest.approx(0.1, abs=0.02)
    assert of_rise > 0.6
    assert "part = 0" in tell_risen(reading)
    assert find_places(reading)[0]["slice"] == "part = 0"
    assert "It lies in part = 0 (10 % of the rows" in tell_places(reading)


def test_a_rise_of_all_rows_lies_in_no_slice() -> None:
    everywhere = dict.fromkeys(range(10), 0.3)
    reading = watch_errors(np.random.default_rng(4), n_slices=10, n_days=60, rises=everywhere, from_day=40).read()
    assert len(reading.risen) == 10
    assert find_places(reading) == []
    assert tell_places(reading) == "No declared slice stands out in it."


def test_a_slice_that_recovers_is_calm_again() -> None:
    rng = np.random.default_rng(5)
    watch = watch_errors(rng, n_slices=10, n_days=120, rises={0: 0.3}, from_day=40)
    is_over = (watch.entries[0].parts.codes == 0) & (watch.days >= 60)
    losses = np.where(is_over, (rng.random(len(watch.losses)) < 0.1).astype(float), watch.losses)
    watch = replace(watch, losses=losses)
    (alarm,) = watch.follow()["part = 0"]
    assert 60 <= alarm.closed_on <= 95
    assert watch.read().risen == ()


def test_thin_slices_say_how_many_rows_they_need_and_new_ones_that_they_had_none() -> None:
    rng = np.random.default_rng(6)
    held = np.r_[np.zeros(900, dtype=int), np.ones(60, dtype=int)]
    losses, days = (rng.random(960) < 0.1).astype(float), np.arange(960) % 30
    (references,) = measure_slices(losses, days=days, entries=[name_parts(held, 3)], high=1.0)
    assert [(each.n_rows, each.n_needed, each.upper is None) for each in references] == [
        (900, 100, False), (60, 100, True),
    ]  # fmt: skip
    codes = np.array([0, 1, 2])
    watch = SliceWatch(
        losses=np.zeros(3), days=np.zeros(3, dtype=int), tolerance=0.01, run_length_days=365.0,
        entries=(SliceRows(parts=name_parts(codes, 3), references=references),), **TERMS,
    )  # fmt: skip
    assert [(each.name, each.n_needed) for each in watch.read().slices] == [
        ("part = 0", None), ("part = 1", 100), ("part = 2", 100),
    ]  # fmt: skip


def test_rows_of_one_day_alone_bound_no_risk() -> None:
    (references,) = measure_slices(
        np.zeros(500), days=np.zeros(500, dtype=int), entries=[name_parts(np.zeros(500, dtype=int), 1)], high=1.0
    )
    assert references[0].upper is None
    assert references[0].n_needed > 500


@pytest.mark.parametrize("effect", [1.0, 7.0, 40.0])
def test_the_bounds_of_twenty_slices_hold_together_in_nineteen_of_twenty_worlds(effect: float) -> None:
    rng = np.random.default_rng([7, int(effect)])
    n_low, n_worlds, n_slices, n_a_day, n_days = 0, 20, 20, 400, 40
    codes = np.tile(np.arange(n_a_day) % n_slices, n_days)
    days = np.repeat(np.arange(n_days), n_a_day)
    between = 0.1 * np.sqrt((effect - 1) / n_a_day)
    for _ in range(n_worlds):
        centres = 0.3 + between * rng.normal(size=n_days)
        losses = np.clip(centres[days] + 0.1 * rng.normal(size=len(days)), 0, 1)
        (references,) = measure_slices(losses, days=days, entries=[name_parts(codes, n_slices)], high=1.0)
        n_low += any(each.upper < 0.3 for each in references)
    assert n_low <= 3


def test_slices_are_alerted_one_at_a_time_and_never_beside_all_rows() -> None:
    def alarm(first: int, end: int | None = None) -> Alarm:
        return Alarm(begins_after=None, opened_on=first, closed_on=end)

    merged = merge_alarms([alarm(20, 30)], {"a": [alarm(10, 40)], "b": [alarm(15)], "c": [alarm(22, 25)]})
    assert [(each.opened_on, each.names, each.closed_on) for each in merged] == [
        (10, ("a",), 15), (15, ("a", "b"), 20), (30, ("a", "b"), None),
    ]  # fmt: skip
    assert merge_alarms([], {}) == ()
    assert merge_alarms([alarm(1)], {"a": [alarm(1)]}) == ()
