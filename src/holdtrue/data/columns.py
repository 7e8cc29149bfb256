"""Columns: the schema of a frame as seen, and later frames and requests brought to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from holdtrue.data.files import name_nearest
from holdtrue.domain import Column, Json, Kind, Schema
from holdtrue.errors import ColumnMissing, SchemaMismatch

TEXTS = (pl.String, pl.Categorical, pl.Enum)
Rows = Sequence[Mapping[str, Json]]


def infer_schema(frame: pl.DataFrame, names: Sequence[str]) -> Schema:
    """Return the schema of these columns as seen: levels and ranges of these rows, nullable where a null was seen."""
    return Schema(tuple(_describe_column(frame[name]) for name in names))


def conform(frame: pl.DataFrame | Rows, schema: Schema) -> pl.DataFrame:
    """Return the columns of `schema`, in its order and types, from a frame or a list of rows; others are left out.

    A level that an open text column does not know becomes null (`count_unseen` counts them). Nulls are let through
    here: `check_frame` tells where they are not allowed, and what else is.

    Raises:
        ColumnMissing: a column is not there.
        SchemaMismatch: a value cannot be taken as its column's kind, or is outside a closed set.
    """
    if not isinstance(frame, pl.DataFrame):
        frame = _make_frame(frame, schema)
    for name in schema.names:
        if name not in frame.columns:
            raise ColumnMissing(f"the column {name!r} is missing", remedy=name_nearest(name, _list_own(frame)))
    return frame.select(_conform_column(frame[column.name], column) for column in schema.columns)


def _list_own(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if not name.startswith("__")]


def count_unseen(frame: pl.DataFrame | Rows, schema: Schema) -> dict[str, int]:
    """Return, for each text column that has some, how many values are levels that the schema does not know."""
    if not isinstance(frame, pl.DataFrame):
        frame = _make_frame(frame, schema)
    counts = {}
    for column in schema.columns:
        if column.kind is Kind.TEXT and isinstance(frame.schema.get(column.name), TEXTS):
            texts = frame[column.name].cast(pl.String)
            n_unseen = int((~texts.is_in(list(column.levels))).sum() or 0)
            if n_unseen:
                counts[column.name] = n_unseen
    return counts


def fits_kind(dtype: pl.DataType, kind: Kind) -> bool:
    """Say whether a column of this type can hold values of the kind; one without any value can."""
    if dtype == pl.Null:
        return True
    if kind is Kind.TEXT:
        return isinstance(dtype, TEXTS)
    return dtype == pl.Boolean if kind is Kind.BOOLEAN else dtype.is_numeric()


def overlay_schema(declared: Schema, seen: Schema) -> Schema:
    """Return the schema of rows as seen, in which what was declared has the last word; the columns stay the same."""
    known = {column.name: column for column in declared.columns}

    def overlay(column: Column) -> Column:
        said = known.get(column.name)
        if said is None:
            return column
        return replace(column, kind=said.kind, nullable=said.nullable, unit=said.unit, limits=said.limits)

    return replace(declared, columns=tuple(overlay(column) for column in seen.columns))


def narrow_levels(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with the levels of its text columns cut to those that occur in these rows, sorted."""
    narrowed = []
    for name, dtype in frame.schema.items():
        if isinstance(dtype, TEXTS):
            seen = find_levels(frame[name])
            if not isinstance(dtype, pl.Enum) or len(seen) < len(dtype.categories):
                narrowed.append(frame[name].cast(pl.Enum(seen)))
    return frame.with_columns(narrowed) if narrowed else frame


def find_levels(column: pl.Series) -> list[str]:
    """Return the texts that occur in the column, sorted by their code points."""
    return sorted(column.unique().drop_nulls().cast(pl.String).to_list())


def _describe_column(values: pl.Series) -> Column:
    nullable, dtype = values.null_count() > 0, values.dtype
    if isinstance(dtype, TEXTS):
        return Column(name=values.name, kind=Kind.TEXT, nullable=nullable, levels=tuple(find_levels(values)))
    if dtype == pl.Boolean:
        return Column(name=values.name, kind=Kind.BOOLEAN, nullable=nullable)
    if not dtype.is_numeric():
        raise SchemaMismatch(f"the column {values.name!r} is {dtype}", expected="numbers, booleans or texts")
    kind = Kind.INTEGER if dtype.is_integer() else Kind.NUMBER
    known = values.filter(values.is_finite()) if dtype.is_float() else values
    ends = [None if end is None else float(end) for end in (known.min(), known.max())]  # type: ignore[arg-type]
    return Column(name=values.name, kind=kind, nullable=nullable, low=ends[0], high=ends[1])


def _make_frame(rows: Rows, schema: Schema) -> pl.DataFrame:
    columns = []
    for column in schema.columns:
        if rows and not any(column.name in row for row in rows):
            raise ColumnMissing(f"no row has {column.name!r}", remedy=name_nearest(column.name, list(rows[0])))
        values = [row.get(column.name) for row in rows]
        try:
            columns.append(pl.Series(column.name, values, dtype=None if rows else pl.Null, strict=True))
        except (TypeError, pl.exceptions.PolarsError):
            columns.append(_make_mixed(column, values))
    return pl.DataFrame(columns)


def _make_mixed(column: Column, values: list[Json]) -> pl.Series:
    numeric: set[type] = {int, float}
    if {type(value) for value in values if value is not None} <= numeric:
        return pl.Series(column.name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    plain: dict[Kind, set[type]] = {Kind.TEXT: {str}, Kind.BOOLEAN: {bool}}
    expected = plain.get(column.kind, numeric)
    wrong = next(value for value in values if value is not None and type(value) not in expected)
    raise _mismatch(column, f"{wrong!r}")


def _conform_column(values: pl.Series, column: Column) -> pl.Series:
    dtype = values.dtype
    if dtype == pl.Null:
        return values.cast(polars_type(column))
    if column.kind is Kind.TEXT and isinstance(dtype, TEXTS):
        return _conform_text(values, column)
    if column.kind is Kind.NUMBER and dtype.is_numeric():
        return values.cast(pl.Float64).fill_nan(None)
    if column.kind is Kind.INTEGER and dtype.is_numeric():
        whole = values.cast(pl.Float64).fill_nan(None) if not dtype.is_integer() else values
        if not dtype.is_integer() and not (whole.drop_nulls() == whole.drop_nulls().round()).all():
            raise _mismatch(column, f"{whole.filter(whole != whole.round())[0]}")
        return whole.cast(pl.Int64)
    if column.kind is Kind.BOOLEAN and dtype == pl.Boolean:
        return values
    raise _mismatch(column, f"{dtype}")


def polars_type(column: Column) -> pl.DataType:
    """Return the polars type that holds a column of the schema."""
    if column.kind is Kind.TEXT:
        return pl.Enum(column.levels)
    return {Kind.NUMBER: pl.Float64(), Kind.INTEGER: pl.Int64(), Kind.BOOLEAN: pl.Boolean()}[column.kind]


def _conform_text(values: pl.Series, column: Column) -> pl.Series:
    taken = values if values.dtype == polars_type(column) else values.cast(pl.Enum(column.levels), strict=False)
    allowed = column.limits.levels
    if allowed is not None and taken.null_count() > values.null_count():
        # What is allowed may be more than what was seen: such a level is taken as missing, as in an open column.
        unseen = values.filter(taken.is_null() & values.is_not_null()).cast(pl.String)
        wrong = unseen.filter(~unseen.is_in(list(allowed)))
        if len(wrong):
            raise SchemaMismatch(
                f"{wrong[0]!r} in {column.name!r} is outside its closed set", expected=f"one of {', '.join(allowed)}"
            )
    return taken


def _mismatch(column: Column, found: str) -> SchemaMismatch:
    return SchemaMismatch(f"{column.name!r} holds {found}", expected=f"values of kind {column.kind.value}")
