"""Values that are written when the label is: only rows that still wait for theirs, or label times, show it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from holdtrue.data import History, read_frame
from holdtrue.domain import NoLeak, Ruling, table
from holdtrue.validation import find_leaks

N_ROWS = 2_000
START = datetime(2024, 1, 1, tzinfo=UTC)
RNG = np.random.default_rng(0)


def make_history(delays_minutes: np.ndarray, **features: object) -> History:
    time = pl.Series([START + timedelta(hours=i) for i in range(N_ROWS)])
    known = pl.Series([START + timedelta(hours=i, minutes=float(d)) for i, d in enumerate(delays_minutes)])
    x = RNG.normal(size=N_ROWS)
    frame = pl.DataFrame(
        {"id": np.arange(N_ROWS), "at": time, "known": known, "y": x + 2 * RNG.normal(size=N_ROWS) > 1, "x": x}
        | features
    )
    declared = table("t.parquet", key="id", time="at", label="y", label_time="known")
    return read_frame(frame, declared).known_at(START + timedelta(hours=N_ROWS))


def judge(history: History):
    train = history.rows(until=START + timedelta(hours=1_500)).dataset()
    return find_leaks(train, NoLeak(), known=history)


FREE = RNG.uniform(60, 3_000, N_ROWS)
TERMS = RNG.choice([1_440.0, 2_880.0], N_ROWS)


def is_open(delays: np.ndarray) -> np.ndarray:
    return np.arange(N_ROWS) * 60 + delays > N_ROWS * 60


@pytest.mark.parametrize("delays", [FREE, TERMS, np.full(N_ROWS, 300.0)], ids=["free", "terms", "few wait"])
def test_a_value_that_is_missing_until_the_label_is_known_fails(delays) -> None:
    note = pl.Series(RNG.normal(size=N_ROWS)).set(pl.Series(is_open(delays)), None)
    verdict = judge(make_history(delays, note=note))
    assert verdict.ruling is Ruling.FAILED
    assert verdict.evidence["columns"] == ["note"]


def test_a_sensor_that_failed_at_another_moment_passes() -> None:
    for first in (N_ROWS - 100, N_ROWS - 20):
        note = pl.Series(RNG.normal(size=N_ROWS)).set(pl.Series(np.arange(N_ROWS) >= first), None)
        assert judge(make_history(FREE, note=note)).ruling is Ruling.PASSED


def test_the_moment_at_which_the_label_became_known_fails() -> None:
    moments = START.timestamp() + np.arange(N_ROWS) * 3_600 + FREE * 60
    for leak in (moments, moments * 1_000, FREE, 7 * FREE / 60):
        verdict = judge(make_history(FREE, closed=leak))
        assert verdict.ruling is Ruling.FAILED
        assert verdict.evidence["columns"] == ["closed"]


def test_a_planned_end_is_named_and_its_term_is_not() -> None:
    ends = START.timestamp() + np.arange(N_ROWS) * 3_600 + TERMS * 60
    verdict = judge(make_history(TERMS, ends=ends, term=TERMS))
    assert verdict.ruling is Ruling.PASSED
    assert verdict.evidence["suspects"] == ["ends"]


def test_an_earlier_moment_is_honest() -> None:
    opened = START.timestamp() + np.arange(N_ROWS) * 3_600 - RNG.uniform(0, 1e6, N_ROWS)
    assert judge(make_history(FREE, opened=opened)).evidence["suspects"] == []


def test_what_the_team_allows_passes() -> None:
    history = make_history(FREE, took=FREE)
    assert judge(history).ruling is Ruling.FAILED
    train = history.rows(until=START + timedelta(hours=1_500)).dataset()
    assert find_leaks(train, NoLeak(allow=("took",)), known=history).ruling is Ruling.PASSED
