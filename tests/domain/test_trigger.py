"""Triggers: every moment of a clock comes once, whatever the clocks do."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import holdtrue as ht
from holdtrue.domain import Loop, Triggers
from holdtrue.errors import DeclarationError

BERLIN = "Europe/Berlin"
LAST = datetime(2026, 3, 1, 12, tzinfo=UTC)


def declare(name: str, retrain: object) -> Loop:
    data = ht.table("rows.parquet", key="key", time="at", label="late", label_delay="1d")
    return Loop(name, data=data, retrain=retrain)  # type: ignore[arg-type]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_time_of_the_day_is_that_of_its_zone_in_winter_and_in_summer() -> None:
    daily = ht.every("1 day", at="03:00", tz=BERLIN)
    assert daily.find_due(utc("2026-03-27T12:00"), None, utc("2026-03-28T01:59")) is None
    assert daily.find_due(utc("2026-03-27T12:00"), None, utc("2026-03-28T02:00")) == utc("2026-03-28T02:00")
    assert daily.find_due(utc("2026-03-29T12:00"), None, utc("2026-03-30T02:00")) == utc("2026-03-30T01:00")


def test_a_time_that_the_clocks_skip_comes_when_they_have_moved_on() -> None:
    nightly = ht.cron("30 2 * * *", tz=BERLIN).calendar
    assert nightly.find_next(utc("2026-03-28T12:00")) == utc("2026-03-29T01:00")
    assert nightly.find_next(utc("2026-03-29T01:00")) == utc("2026-03-30T00:30")


def test_a_time_that_the_clocks_show_twice_comes_once() -> None:
    nightly = ht.cron("30 2 * * *", tz=BERLIN).calendar
    first = nightly.find_next(utc("2026-10-24T12:00"))
    assert first == utc("2026-10-25T00:30")
    # Also for who asks between the first 02:30 and the second.
    assert nightly.find_next(utc("2026-10-25T00:45")) == utc("2026-10-26T01:30")
    assert nightly.find_next(utc("2026-10-25T01:15")) == utc("2026-10-26T01:30")
    assert nightly.find_next(first) == utc("2026-10-26T01:30")


@given(
    start=st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2027, 1, 1)),
    minutes=st.lists(st.integers(1, 60 * 30), min_size=1, max_size=40),
    line=st.sampled_from(["30 2 * * *", "0 3 * * 1", "*/45 * * * *", "0 * * * *", "15 1,2,3 * * *", "0 0 1 * *"]),
)
def test_whoever_looks_now_and_then_answers_each_moment_at_most_once_and_misses_none(
    start: datetime, minutes: list[int], line: str
) -> None:
    calendar = ht.cron(line, tz=BERLIN).calendar
    now = begin = start.replace(tzinfo=UTC)
    answered, asked = [], begin
    for each in minutes:
        before, now = now, now + timedelta(minutes=each)
        due = calendar.find_last(asked, now)
        # There is something to answer just when a moment lies between two looks.
        assert (due is not None) == (calendar.find_next(before) <= now)
        if due is not None:
            assert before < due <= now
            answered.append(due)
            asked = due
    assert answered == sorted(set(answered))


def test_a_calendar_that_nobody_looked_at_for_years_gives_its_last_moment_alone() -> None:
    leap = ht.cron("0 0 29 2 *").calendar
    assert leap.find_last(utc("2020-01-01"), utc("2026-01-01")) == utc("2024-02-29")
    often = ht.cron("* * * * *").calendar
    assert often.find_last(utc("2020-01-01"), utc("2026-01-01T00:00:30")) == utc("2026-01-01")


def test_a_schedule_of_days_waits_for_its_time_of_the_day_and_asks_again_the_next_day_when_refused() -> None:
    weekly = ht.every("7 days", at="03:00")
    assert weekly.find_due(LAST, None, LAST + timedelta(days=6.5)) is None
    due = weekly.find_due(LAST, None, LAST + timedelta(days=7))
    assert due == utc("2026-03-08T03:00")
    assert weekly.find_due(LAST, due, LAST + timedelta(days=7)) is None
    assert weekly.find_due(LAST, due, LAST + timedelta(days=8)) == utc("2026-03-09T03:00")


def test_triggers_of_any_number_are_joined_and_each_is_found() -> None:
    joined = (
        ht.every("1 day", at="03:00", tz=BERLIN)
        | ht.cron("0 12 * * 1")
        | ht.cron("0 13 * * 1")
        | ht.on_new_data(min_rows=10)
        | ht.after("other")
        | ht.on_risk()
    )
    assert isinstance(joined, Triggers)
    assert joined.every is not None
    assert len(joined.crons) == 2
    assert joined.on_new_data is not None
    assert [each.loop for each in joined.afters] == ["other"]
    assert joined.on_risk is not None
    assert len(list(joined | ht.cron("0 12 * * 1"))) == 6


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (ht.every, "names no time"),
        (lambda: ht.every("1 day", days=2), "twice"),
        (lambda: ht.every("12h", at="03:00"), "whole days"),
        (lambda: ht.every("1 day", at="25:00"), "no time of the day"),
        (lambda: ht.every("1 day", at="03:00", tz="Mars/Base"), "no time zone"),
        (lambda: ht.every("1 day", tz=BERLIN), "without a time"),
        (lambda: ht.every("sometimes"), "cannot be read"),
        (lambda: ht.cron("0 3 * *"), "4 fields"),
        (lambda: ht.cron("0 3 * * MOO"), "day-of-week"),
        (lambda: ht.cron("0 0 31 2 *"), "cannot be read"),
        (lambda: ht.cron("0 3 * * 1", tz="../etc"), "no time zone"),
        (lambda: ht.on_new_data(min_rows=0), "min_rows=0"),
        (lambda: ht.after(""), "names no loop"),
        (lambda: ht.every("1 day") | ht.every("2 days"), "one kind"),
        (lambda: ht.on_risk() | ht.cron("0 3 * * *") | ht.on_risk(), "one kind"),
        (lambda: declare("a", ht.after("a")), "after itself"),
        (lambda: declare("a", "daily"), "no trigger"),
        (lambda: ht.every(days=float("nan")), "days=nan"),
        (lambda: ht.every(days=1e12), "days=1000000000000"),
        (lambda: ht.every("99999999999d"), "longer than any calendar"),
        (lambda: ht.every("1 day", at=3), "at=3 is no time"),
        (lambda: ht.cron(5), "0 fields"),
        (lambda: ht.on_new_data(min_rows=float("nan")), "min_rows=nan"),
        (lambda: ht.on_risk(tolerance=float("nan")), "tolerance=nan"),
        (lambda: ht.every(days=1) | None, "joined with None"),
    ],
)
def test_a_trigger_that_makes_no_sense_is_refused_when_it_is_declared(make: object, match: str) -> None:
    with pytest.raises(DeclarationError, match=match):
        make()  # type: ignore[operator]
