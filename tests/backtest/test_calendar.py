from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdtrue.backtest.calendar import choose_look, lay_moments, lay_periods

MARCH = datetime(2013, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def test_the_last_moment_is_the_end_even_when_the_steps_do_not_fit() -> None:
    assert lay_moments(MARCH, MARCH + 10 * DAY, 4 * DAY) == [MARCH + 4 * DAY, MARCH + 8 * DAY, MARCH + 10 * DAY]


def test_an_end_on_a_step_is_not_laid_twice() -> None:
    assert lay_moments(MARCH, MARCH + 8 * DAY, 4 * DAY) == [MARCH + 4 * DAY, MARCH + 8 * DAY]


def test_a_span_shorter_than_one_step_has_its_end_alone() -> None:
    assert lay_moments(MARCH, MARCH + DAY, 4 * DAY) == [MARCH + DAY]


@pytest.mark.parametrize(("schedule", "look"), [(14 * DAY, DAY), (7 * DAY, DAY), (DAY, DAY / 7), (90 * DAY, 7 * DAY)])
def test_a_loop_looks_several_times_in_each_interval_and_at_most_daily_to_weekly(
    schedule: timedelta, look: timedelta
) -> None:
    assert choose_look(schedule) == look


@given(start=moments, days=st.floats(0.5, 7000))
def test_periods_follow_each_other_and_cover_the_span_whatever_its_length(start: datetime, days: float) -> None:
    end = start + days * DAY
    periods = lay_periods(start, end)
    assert periods[0].start == start
    assert periods[-1].end == end
    assert all(before.end == after.start for before, after in pairwise(periods))
    assert all(period.start < period.end for period in periods)
    assert len(periods) <= 27


@pytest.mark.parametrize(
    ("days", "starts"),
    [
        (5, [1, 2, 3, 4, 5]),  # days
        (60, [1, 4, 11]),  # weeks begin on Monday: 4 March 2013
    ],
)
def test_short_spans_are_shown_by_day_and_longer_ones_by_week(days: int, starts: list[int]) -> None:
    assert [period.start.day for period in lay_periods(MARCH, MARCH + days * DAY)][: len(starts)] == starts


def test_a_year_is_shown_by_calendar_months() -> None:
    periods = lay_periods(datetime(2013, 3, 14, 7, tzinfo=UTC), datetime(2014, 3, 14, tzinfo=UTC))
    assert [(p.start.year, p.start.month, p.start.day) for p in periods[:3]] == [
        (2013, 3, 14), (2013, 4, 1), (2013, 5, 1)
    ]  # fmt: skip
    assert [p.start.month for p in periods] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3]


def test_the_last_hours_that_another_zone_cuts_off_are_no_month_of_their_own() -> None:
    periods = lay_periods(MARCH, datetime(2014, 1, 1, 4, tzinfo=UTC))
    assert len(periods) == 10
    assert periods[-1].start == datetime(2013, 12, 1, tzinfo=UTC)
    assert periods[-1].end == datetime(2014, 1, 1, 4, tzinfo=UTC)
