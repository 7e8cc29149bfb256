"""Slices: a file of rows read slice by slice, so that it may be larger than memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from holdtrue.data.columns import TEXTS
from holdtrue.data.files import CSV, CSV_NULLS, PARQUET, UNREADABLE, find_files
from holdtrue.domain import Column, Kind, Schema
from holdtrue.errors import SourceError, SourceMissing

JSON_LINES = (".jsonl", ".ndjson")
_TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True, eq=False)
class SlicedFile:
    """Rows that are read slice by slice.

    Attributes:
        paths: the files, in order.
        schema: the names and types of all columns, as they are read.
        n_rows: how many rows there are.
    """

    paths: tuple[Path, ...]
    schema: dict[str, pl.DataType]
    n_rows: int
    rows: pl.LazyFrame

    def read(self, *, start: int, slice_rows: int) -> Iterator[pl.DataFrame]:
        """Yield slices of so many rows (the last one may be shorter) from a row on.

        Raises:
            SourceError: the file cannot be read to its end.
        """
        waiting: list[pl.DataFrame] = []
        n_waiting = 0
        try:
            batches = self.rows.slice(start).collect_batches(chunk_size=slice_rows, maintain_order=True)
            for batch in batches:
                waiting.append(batch)
                n_waiting += batch.height
                while n_waiting >= slice_rows:
                    whole = pl.concat(waiting)
                    yield whole.head(slice_rows)
                    waiting, n_waiting = [whole.slice(slice_rows)], n_waiting - slice_rows
        except UNREADABLE as error:
            raise _unreadable(self.paths, error) from error
        if n_waiting:
            yield pl.concat(waiting)


def open_slices(path: str, *, folder: Path, schema: Schema, texts: Sequence[str] = ()) -> SlicedFile:
    """Open a Parquet, CSV or JSON lines file, or a glob of them, to be read slice by slice.

    Columns of the schema are read from a CSV file as texts: `take_kinds` makes values of them, row by row.

    Args:
        path: file or glob, absolute or relative to `folder`.
        folder: where a relative path starts.
        schema: the columns that a model is fed.
        texts: columns of CSV files that are text whatever they look like.

    Raises:
        SourceMissing: there is no such file.
        SourceError: it is of another format, or cannot be read.
    """
    paths = _find(path, folder)
    try:
        rows = _scan(paths, [*texts, *schema.names])
        found = rows.collect_schema()
        n_rows = int(rows.select(pl.len()).collect(engine="streaming").item())
    except UNREADABLE as error:
        raise _unreadable(paths, error) from error
    return SlicedFile(paths=tuple(paths), schema=dict(found), n_rows=n_rows, rows=rows)


def take_kinds(frame: pl.DataFrame, schema: Schema) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Return the frame with the texts of its number and boolean columns as such values.

    Also returned are, for each column that holds some, the texts that are no such value; they are null in the frame.
    """
    taken: list[pl.Series] = []
    strange: dict[str, pl.Series] = {}
    for column in schema.columns:
        texts = frame[column.name]
        if column.kind is Kind.TEXT or not isinstance(texts.dtype, TEXTS):
            continue
        values = _read_texts(texts.cast(pl.String), column)
        is_strange = values.is_null() & texts.is_not_null()
        if is_strange.any():
            strange[column.name] = texts.cast(pl.String).set(~is_strange, None)
        taken.append(values)
    return frame.with_columns(taken), strange


def _read_texts(texts: pl.Series, column: Column) -> pl.Series:
    if column.kind is Kind.BOOLEAN:
        return texts.str.to_lowercase().replace_strict(
            list(_TRUTHS), list(_TRUTHS.values()), default=None, return_dtype=pl.Boolean
        )
    numbers = texts.str.strip_chars().cast(pl.Float64, strict=False)
    if column.kind is Kind.INTEGER:
        whole = texts.str.strip_chars().cast(pl.Int64, strict=False)
        return whole if whole.null_count() == numbers.null_count() else numbers
    return numbers


def _find(path: str, folder: Path) -> list[Path]:
    if path.lower().endswith(JSON_LINES):
        place = folder / path
        found = [place] if place.is_file() else sorted(each for each in folder.glob(path) if each.is_file())
        if not found:
            raise SourceMissing(f"the file {place} is not there", expected="a Parquet, CSV or JSON lines file")
        return found
    return find_files(path, folder=folder)


def _scan(paths: Sequence[Path], texts: Sequence[str]) -> pl.LazyFrame:
    name = paths[0].name.lower()
    if name.endswith(PARQUET):
        return pl.scan_parquet(list(paths), glob=False)
    if name.endswith(JSON_LINES):
        return pl.scan_ndjson(list(paths), infer_schema_length=None)
    assert name.endswith(CSV), "find_files knows no other ending"
    there = pl.scan_csv(list(paths), glob=False, infer_schema_length=0).collect_schema().names()
    return pl.scan_csv(
        list(paths),
        glob=False,
        try_parse_dates=True,
        infer_schema_length=None,
        null_values=CSV_NULLS,
        schema_overrides={name: pl.String for name in texts if name in there},
    )


def _unreadable(paths: Sequence[Path], error: BaseException) -> SourceError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return SourceError(
        f"the file {paths[0]} cannot be read: {reason}", expected="a whole Parquet, CSV or JSON lines file"
    )
