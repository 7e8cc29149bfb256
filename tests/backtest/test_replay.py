from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from backtest.small import BEGIN, DAY, make_history, make_replay
from holdtrue.backtest import Replay
from holdtrue.backtest.replay import to_microseconds


def test_the_replay_begins_at_its_start_and_goes_to_the_last_row() -> None:
    replay = make_replay(n_days=30, rows_a_day=8, start_day=10)
    assert replay.n_rows == 20 * 8
    assert replay.times[0] == to_microseconds(BEGIN + 10 * DAY)
    assert replay.times[-1] < to_microseconds(replay.end)


def test_a_row_is_found_by_its_moment_and_the_end_lies_after_the_last_one() -> None:
    replay = make_replay(n_days=30, rows_a_day=8, start_day=10)
    assert replay.find_row(BEGIN) == 0
    assert replay.find_row(BEGIN + 10 * DAY) == 0
    assert replay.find_row(BEGIN + 10 * DAY + timedelta(microseconds=1)) == 1
    assert replay.find_row(BEGIN + 11 * DAY) == 8
    assert replay.find_row(replay.end) == replay.n_rows


def test_a_label_is_due_at_its_own_moment_and_a_missing_one_after_the_usual_delay() -> None:
    history = make_history(n_days=2, rows_a_day=4, n_unlabelled=1)
    late = history.frame.with_columns(
        pl.when(pl.int_range(pl.len()) == 0)
        .then(pl.col("__label_time") + timedelta(days=5))
        .otherwise(pl.col("__label_time"))
        .alias("__label_time")
    )
    replay = Replay(replace(history, frame=late), BEGIN, BEGIN + 2 * DAY)
    hours = (replay.due - replay.times) / 3600e6
    assert hours.tolist() == [5 * 24 + 12] + [12] * 7


def test_a_row_whose_label_never_came_is_not_labelled() -> None:
    replay = make_replay(n_days=2, rows_a_day=4, n_unlabelled=3)
    assert replay.is_labelled.tolist() == [True] * 5 + [False] * 3
    assert (replay.labels >= 0).tolist() == replay.is_labelled.tolist()


def test_rows_of_one_unit_have_one_position_and_days_are_counted_in_utc() -> None:
    replay = make_replay(n_days=2, rows_a_day=4, n_units=3)
    assert len(np.unique(replay.units)) == 3
    assert replay.unit_names[0] == replay.unit_names[3]
    assert replay.units[0] == replay.units[3]
    assert np.diff(replay.days).tolist() == [0, 0, 0, 1, 0, 0, 0]


def test_moments_of_any_zone_are_the_same_microseconds() -> None:
    assert to_microseconds(BEGIN.astimezone(ZoneInfo("America/New_York"))) == to_microseconds(BEGIN)
    assert to_microseconds(BEGIN + timedelta(microseconds=1)) - to_microseconds(BEGIN) == 1
