from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from holdtrue.monitoring import watch_labels, watch_predictions

START = datetime(2013, 1, 7, tzinfo=UTC)
DAY = timedelta(days=1)


def moments(days: list[float]) -> pl.Series:
    return pl.Series([START + day * DAY for day in days], dtype=pl.Datetime("us", "UTC"))


def office_hours(n_days: int) -> list[float]:
    """Ask eight times an hour from 8 to 18, on working days alone."""
    return [day + (8 + i / 8) / 24 for day in range(n_days) if day % 7 < 5 for i in range(80)]


def joined(came: np.ndarray, *, a_day: int = 50, lag_hours: float = 1.0) -> pl.DataFrame:
    due = moments([i / a_day for i in range(len(came))])
    known = pl.Series([at + timedelta(hours=lag_hours) if c else None for at, c in zip(due, came, strict=True)])
    return pl.DataFrame({"due_at": due, "known_at": known.cast(pl.Datetime("us", "UTC"))})


def test_nights_and_weekends_are_no_silence_but_two_weeks_are() -> None:
    asked = moments(office_hours(26))
    for days in (26, 29.3, 33):
        reading = watch_predictions(asked, now=START + days * DAY)
        assert reading is not None
        assert not reading.has_stopped, days
    reading = watch_predictions(asked, now=START + 36 * DAY)
    assert reading is not None
    assert reading.has_stopped
    assert reading.sentence == (
        "No prediction has been asked for since 2013-02-01 17:52 UTC; the longest silence before was 2.6 days."
    )


def test_a_short_past_says_nothing_of_what_is_usual() -> None:
    assert watch_predictions(moments([]), now=START + 99 * DAY) is None
    assert watch_predictions(moments([0.0]), now=START + 99 * DAY) is None
    assert watch_predictions(moments([0.1 * i for i in range(60)]), now=START + 99 * DAY) is None
    assert watch_predictions(moments([8.0 * i for i in range(19)]), now=START + 999 * DAY) is None
    for came in (np.ones(0), np.ones(1), np.ones(600)):
        assert watch_labels(joined(came.astype(bool)), now=START + 99 * DAY, took_over=START) is None


def test_what_is_on_its_way_in_a_replay_is_not_missed() -> None:
    asked = moments(office_hours(26))
    reading = watch_predictions(asked, now=START + 36 * DAY, patience=10 * DAY)
    assert reading is not None
    assert not reading.has_stopped


@pytest.mark.parametrize("share", [1.0, 0.95, 0.6, 0.1])
def test_labels_that_stop_are_found_within_days_and_the_alarm_ends_when_they_come_again(share: float) -> None:
    rng = np.random.default_rng(0)
    came = rng.random(50 * 60) < share
    came[50 * 30 : 50 * 40] = False
    table = joined(came)

    def has_stopped(day: float) -> bool:
        known = table.with_columns(known_at=pl.when(pl.col("known_at") <= START + day * DAY).then("known_at"))
        reading = watch_labels(known, now=START + day * DAY, took_over=START + 20 * DAY)
        assert reading is not None
        return reading.has_stopped

    assert not has_stopped(31)
    assert has_stopped(34 if share > 0.5 else 39)
    assert has_stopped(40.5)
    assert not has_stopped(45)


def test_a_loop_that_never_gets_labels_is_not_told_so_every_day() -> None:
    never = joined(np.zeros(50 * 60, dtype=bool))
    assert watch_labels(never, now=START + 60 * DAY, took_over=START + 20 * DAY) is None


def test_labels_that_come_a_day_late_each_night_are_no_alarm() -> None:
    late = joined(np.ones(50 * 60, dtype=bool), lag_hours=20.0)
    for day in np.arange(31, 60, 0.25):
        known = late.with_columns(known_at=pl.when(pl.col("known_at") <= START + day * DAY).then("known_at"))
        reading = watch_labels(known, now=START + day * DAY, took_over=START + 20 * DAY)
        assert reading is not None
        assert not reading.has_stopped


def test_the_usual_coverage_raises_less_than_one_false_alarm_a_year() -> None:
    rng, n_alarms = np.random.default_rng(1), 0
    for _ in range(10):
        shares = np.repeat(np.clip(rng.normal(0.9, 0.03, 365), 0, 1), 20)
        reading = watch_labels(
            joined(rng.random(len(shares)) < shares, a_day=20), now=START + 366 * DAY, took_over=START + 20 * DAY
        )
        assert reading is not None
        n_alarms += reading.evidence["n_alarms"]
    assert n_alarms <= 2  # in ten years, with coverage that wobbles by 3 points from row to row


def test_the_sentence_says_since_when_and_against_what() -> None:
    came = np.arange(50 * 40) < 50 * 30
    reading = watch_labels(joined(came), now=START + 40 * DAY, took_over=START + 20 * DAY)
    assert reading is not None
    assert reading.sentence == (
        "Labels have stopped coming: 0 % of the 451 that were due since 2013-02-06 came within a day of it,"
        " where 100 % used to. The risk is not known meanwhile."
    )
