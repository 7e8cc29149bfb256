"""Frames: rows that a user's own function gives, frame by frame."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import polars as pl

from holdtrue.data.files import FileRead, find_shared_type, name_nearest
from holdtrue.errors import ColumnMissing, SchemaMismatch, SourceError

# A function does not say when its rows have changed: it is asked again after so many seconds.
REFRESH_SECONDS = 60


def read_given(function: Callable[[], Iterable[Any]], name: str) -> FileRead:
    """Return the rows of all frames that a function gives, in their order; all of them or none.

    Frames may be of polars, or of whatever hands its columns over as Arrow (pandas, pyarrow).

    Raises:
        SourceError: the function raised, or gave no frames.
        ColumnMissing: frames do not have the same columns.
        SchemaMismatch: a column is of another type in another frame.
    """
    try:
        frames = [_take_frame(frame, name) for frame in function()]
    except SourceError:
        raise
    except (Exception, SystemExit) as error:  # code that exits ends what it was asked for, and not who asked
        raise SourceError(f"{name} raised {type(error).__name__}: {error}", expected="frames") from error
    if not frames:
        raise SourceError(f"{name} gave no frames", expected="at least one")
    schema = dict(frames[0].schema)
    for number, frame in enumerate(frames[1:], start=2):
        _check_frame(frame, schema, f"frame {number} of {name}")
    united = pl.concat([frame.select(pl.col(each).cast(dtype) for each, dtype in schema.items()) for frame in frames])
    return FileRead(frame=united, source=name, names=tuple(schema), notes=())


def print_given(name: str) -> tuple[tuple[str, int, int], ...]:
    """Return what is equal while a function need not be asked again: for a minute."""
    return ((name, int(time.monotonic() // REFRESH_SECONDS), 0),)


def _take_frame(frame: Any, name: str) -> pl.DataFrame:
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    if hasattr(frame, "__arrow_c_stream__"):
        return pl.DataFrame(frame)
    raise SourceError(
        f"{name} gave a {type(frame).__name__}", expected="frames of polars, pandas or pyarrow, one after the other"
    )


def _check_frame(frame: pl.DataFrame, schema: dict[str, pl.DataType], what: str) -> None:
    """Refuse a frame that differs from those before, or widen `schema` to what holds both."""
    for name, dtype in schema.items():
        if name not in frame.columns:
            raise ColumnMissing(f"the column {name!r} is not in {what}", remedy=name_nearest(name, frame.columns))
        shared = find_shared_type(dtype, frame.schema[name])
        if shared is None:
            raise SchemaMismatch(
                f"the column {name!r} is {frame.schema[name]} in {what} and {dtype} before",
                expected="one type in all frames",
            )
        schema[name] = shared
    extra = [name for name in frame.columns if name not in schema]
    if extra:
        raise ColumnMissing(
            f"{what} has the column {extra[0]!r}, and those before have not", expected="the same columns"
        )
