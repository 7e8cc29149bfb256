from datetime import UTC, date, datetime

import polars as pl
import pytest

from holdtrue.data.moment import name_moments, read_moments
from holdtrue.errors import DeclarationError, SchemaMismatch


def naive(*texts: str) -> pl.Series:
    return pl.Series("at", [datetime.fromisoformat(text) for text in texts])


def test_naive_times_without_a_zone_are_refused_and_told_how_to_give_one() -> None:
    with pytest.raises(SchemaMismatch, match=r'no time zone.*time_zone="UTC"'):
        read_moments(naive("2024-01-01T10:00:00"), time_zone=None)


def test_naive_times_are_read_in_their_zone() -> None:
    times, notes = read_moments(naive("2024-01-01T10:00:00"), time_zone="Europe/Paris")
    assert times.to_list() == [datetime(2024, 1, 1, 9, tzinfo=UTC)]
    assert notes == ("the naive times of 'at' were read in Europe/Paris",)


def test_a_time_that_the_clocks_skipped_is_read_as_if_they_had_not_moved() -> None:
    times, notes = read_moments(naive("2024-03-31T02:30:00", "2024-03-31T03:30:00"), time_zone="Europe/Paris")
    assert times.to_list() == [datetime(2024, 3, 31, 1, 30, tzinfo=UTC)] * 2
    assert notes[1].startswith("1 of them do not exist there")


def test_a_time_that_came_twice_is_the_later_one() -> None:
    times, notes = read_moments(naive("2024-10-27T02:30:00"), time_zone="Europe/Paris")
    assert times.to_list() == [datetime(2024, 10, 27, 1, 30, tzinfo=UTC)]
    assert notes[1].startswith("1 of them occurred twice there")


def test_a_zone_that_nobody_knows_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Europe/Atlantis"):
        read_moments(naive("2024-01-01T10:00:00"), time_zone="Europe/Atlantis")


def test_aware_times_keep_their_moment_whatever_zone_is_said() -> None:
    column = naive("2024-01-01T10:00:00").dt.replace_time_zone("America/New_York").dt.cast_time_unit("ms")
    times, notes = read_moments(column, time_zone="Europe/Paris")
    assert times.to_list() == [datetime(2024, 1, 1, 15, tzinfo=UTC)]
    assert times.dtype == pl.Datetime("us", "UTC")
    assert notes == ()


def test_texts_and_dates_are_times() -> None:
    assert read_moments(pl.Series("at", ["2024-01-01T10:00:00Z"]), time_zone=None)[0][0].hour == 10
    assert read_moments(pl.Series("at", [date(2024, 1, 1)]), time_zone="UTC")[0][0] == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("values", [[1, 2], ["yesterday", "today"]])
def test_what_is_no_time_is_refused(values: list[object]) -> None:
    with pytest.raises(SchemaMismatch, match="'at'"):
        read_moments(pl.Series("at", values), time_zone="UTC")


def test_a_moment_is_named_as_python_writes_it() -> None:
    moments = [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 1, 2, 3, 450000, tzinfo=UTC)]
    assert name_moments(pl.Series(moments)).to_list() == [moment.isoformat() for moment in moments]
