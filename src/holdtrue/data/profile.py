"""Profiles of tables: a small additive summary of each column, of rows in memory or of files column by column.

Profiles of hours add to those of days, of files to those of tables, exactly; a column of a million numbers packs into
about 4 kB. What is compared later has to be counted alike: measure it `like` the reference, whose centres and levels
are then taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data.files import PARQUET, count_values, find_files, name_nearest, read_files, read_types
from holdtrue.errors import ColumnMissing, SchemaMismatch, StatisticsError
from holdtrue.stats import (
    N_LEVELS,
    LevelProfile,
    NumberProfile,
    Profile,
    choose_centre,
    pack_profile,
    unpack_profile,
)

# Numbers of few values are levels: a constant has one bin only, and would never move.
MOST_LEVELS = 20
GLANCE_ROWS = 10_000
# Counting leaves Python's lock alone; files need no threads, since polars decodes on all cores.
N_THREADS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameProfile:
    """What a table looks like, column by column; immutable, and adds exactly.

    Attributes:
        columns: the profile of each column, by name, in the table's order.

    >>> day = profile_frame(pl.DataFrame({"x": [1.0, 2.0, None]}))
    >>> day.add(day).columns["x"].n_missing
    2
    """

    columns: Mapping[str, Profile]

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return max((column.n_rows for column in self.columns.values()), default=0)

    def add(self, other: FrameProfile) -> FrameProfile:
        """Return the profile of the rows of both; raises StatisticsError when they were not measured alike."""
        if self.columns.keys() != other.columns.keys():
            odd = sorted(self.columns.keys() ^ other.columns.keys())
            raise StatisticsError(f"profiles of different columns: {odd[:5]}", expected="the same columns in both")
        return FrameProfile(
            columns={name: _add(one, other.columns[name], name=name) for name, one in self.columns.items()}
        )

    def to_bytes(self) -> bytes:
        """Return the packed profile, which `from_bytes` reads on any machine."""
        return msgspec.msgpack.encode({name: pack_profile(column) for name, column in self.columns.items()})

    @classmethod
    def from_bytes(cls, packed: bytes) -> FrameProfile:
        """Return the profile that `to_bytes` packed; raises StatisticsError for anything else."""
        try:
            parts = msgspec.msgpack.decode(packed, type=dict[str, bytes])
        except msgspec.MsgspecError as problem:
            raise StatisticsError(
                f"{len(packed)} bytes that are no profile of a table", expected="what to_bytes returns"
            ) from problem
        return cls(columns={name: unpack_profile(part) for name, part in parts.items()})


def profile_frame(
    frame: pl.DataFrame, *, like: FrameProfile | None = None, columns: Collection[str] | None = None
) -> FrameProfile:
    """Return the profile of a frame: bit histograms of numbers, counted levels of texts, booleans and few numbers.

    Args:
        frame: the rows. Columns of times, lists and structs are left out.
        like: the profile of the reference, whose columns, centres and levels are taken; None freezes them here.
        columns: the columns to measure; None for all that can be (or, with `like`, for its columns).

    Raises:
        ColumnMissing: a column that was asked for is not there.
        SchemaMismatch: a column that was asked for has values of a kind that cannot be counted.
    """
    names = _choose_columns(frame.schema, like=like, columns=columns)

    def measure(name: str) -> Profile:
        return measure_column(frame.get_column(name), like=None if like is None else like.columns[name])

    mixed = _mix_kinds(names, frame.schema)
    with ThreadPoolExecutor(N_THREADS) as pool:
        measured = dict(zip(mixed, pool.map(measure, mixed), strict=True))
    return FrameProfile(columns={name: measured[name] for name in names})


def _mix_kinds(names: Sequence[str], schema: Mapping[str, pl.DataType]) -> list[str]:
    """Return the columns with those of texts spread evenly among those of numbers.

    Polars counts texts, numpy numbers: two threads at the same kind wait for each other a good part of the time.
    """
    kinds = [[name for name in names if schema[name].is_numeric() is is_number] for is_number in (True, False)]
    placed = [(place / len(kind), name) for kind in kinds for place, name in enumerate(kind)]
    return [name for _, name in sorted(placed, key=lambda each: each[0])]


def profile_files(
    path: str | Path,
    *,
    folder: Path = Path(),
    like: FrameProfile | None = None,
    columns: Collection[str] | None = None,
) -> FrameProfile:
    """Return the profile of a Parquet or CSV file, or of a glob of them; the first file freezes centres and levels.

    Parquet is read column by column, so that memory is that of a column and not that of the table.

    Args:
        path: file or glob, as in `read_files`.
        folder: where a relative path starts.
        like: see `profile_frame`.
        columns: see `profile_frame`.

    Raises:
        SourceMissing: there is no such file.
        SourceError: a file cannot be read.
        ColumnMissing: a column that was asked for is not there.
        SchemaMismatch: a column that was asked for has values of a kind that cannot be counted.
    """
    whole: FrameProfile | None = None
    for each in find_files(str(path), folder=folder):
        part = _profile_file(each, like=like or whole, columns=columns)
        whole = part if whole is None else whole.add(part)
    assert whole is not None
    return whole


def measure_column(values: pl.Series, *, like: Profile | None = None) -> Profile:
    """Return the profile of one column, with the centre or levels of `like`, or else with its own.

    >>> measure_column(pl.Series(["a", None, "b", "a"])).counts.tolist()
    [2, 1]
    """
    if like is None and _has_many_numbers(values):
        numbers = _take_numbers(values)
        return NumberProfile.measure(numbers, centre=choose_centre(numbers))
    if isinstance(like, NumberProfile):
        return NumberProfile.measure(_take_numbers(values), centre=like.centre)
    # Renamed, since the column itself may be called "n".
    return _tell_levels(values.alias("value").value_counts(name="n"), like=like)


def _has_many_numbers(values: pl.Series) -> bool:
    """Return whether a column holds more than 20 different numbers, so that it is no column of levels."""
    if not values.dtype.is_numeric():
        return False
    # What a glance finds is there; only a column of few numbers is worth the price of all its rows.
    return values.head(GLANCE_ROWS).n_unique() > MOST_LEVELS or values.n_unique() > MOST_LEVELS


def _profile_file(path: Path, *, like: FrameProfile | None, columns: Collection[str] | None) -> FrameProfile:
    if not path.name.lower().endswith(PARQUET):
        return profile_frame(read_files(str(path), folder=Path()).frame, like=like, columns=columns)
    types = read_types(path)

    def measure(name: str) -> Profile:
        asked = None if like is None else like.columns[name]
        if isinstance(asked, LevelProfile) or not (types[name].is_numeric() or isinstance(asked, NumberProfile)):
            return _tell_levels(count_values(path, name), like=asked)
        values = read_files(str(path), folder=Path(), columns=[name]).frame.get_column(name)
        return measure_column(values, like=asked)

    names = _choose_columns(types, like=like, columns=columns)
    return FrameProfile(columns={name: measure(name) for name in names})


def _choose_columns(
    schema: Mapping[str, pl.DataType], *, like: FrameProfile | None, columns: Collection[str] | None
) -> list[str]:
    if columns is None and like is None:
        return [name for name, dtype in schema.items() if _is_countable(dtype)]
    wanted = list(columns if columns is not None else like.columns if like is not None else ())
    for name in wanted:
        if name not in schema or (like is not None and name not in like.columns):
            where = "rows" if name not in schema else "profile of the reference"
            there = schema if name not in schema or like is None else like.columns
            raise ColumnMissing(f"the column {name!r} is not in the {where}", remedy=name_nearest(name, there))
        if not _is_countable(schema[name]):
            raise SchemaMismatch(
                f"the column {name!r} is {schema[name]}",
                expected="numbers, texts or booleans",
                remedy="leave it out, or make numbers of it (an age in days of a time)",
            )
    return wanted


def _is_countable(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Boolean | pl.Null)


def _take_numbers(values: pl.Series) -> NDArray[np.float64]:
    numbers = values.cast(pl.Float64, strict=False)
    return (numbers.fill_null(float("nan")) if numbers.null_count() else numbers).to_numpy()


def _tell_levels(counted: pl.DataFrame, *, like: LevelProfile | None) -> LevelProfile:
    """Return the profile of distinct values (`value`) and their rows (`n`)."""
    if counted.schema["value"].is_numeric():  # 3 and 3.0 are one level, NaN is missing
        counted = counted.with_columns(pl.col("value").cast(pl.Float64, strict=False).fill_nan(None))
    counted = counted.select(level=pl.col("value").cast(pl.String), n=pl.col("n").cast(pl.Int64))
    present = counted.drop_nulls("level").group_by("level").agg(pl.col("n").sum())
    # Of a million levels only those that are counted apart become Python's.
    if like is None:
        apart = present.sort("n", "level", descending=[True, False]).head(N_LEVELS)
    else:
        apart = present.filter(pl.col("level").is_in(like.levels))
    named = dict(apart.iter_rows())
    levels = tuple(named) if like is None else like.levels
    n_present = int(present["n"].sum())
    return LevelProfile(
        levels,
        np.array([named.get(level, 0) for level in levels], dtype=np.int64),
        n_other=n_present - sum(named.values()),
        n_missing=int(counted["n"].sum()) - n_present,
    )


def _add(one: Profile, other: Profile, *, name: str) -> Profile:
    if isinstance(one, NumberProfile) and isinstance(other, NumberProfile):
        return one.add(other)
    if isinstance(one, LevelProfile) and isinstance(other, LevelProfile):
        return one.add(other)
    raise StatisticsError(
        f"the column {name!r} is numbers in one profile and levels in the other",
        expected="both measured like one reference",
    )
