"""Features: the columns of a table that a model may see, made plain."""

from collections.abc import Sequence

import polars as pl

from holdtrue.data.columns import TEXTS, find_levels
from holdtrue.data.files import name_nearest
from holdtrue.data.history import JUDGED, LATE, is_part
from holdtrue.domain import Kind, Schema, Table, format_count
from holdtrue.errors import ColumnMissing, SchemaMismatch

MANY_LEVELS = 255  # scikit-learn's histogram trees take no more categories in one column


def read_features(
    frame: pl.DataFrame, declared: Table, schema: Schema | None = None
) -> tuple[list[pl.Series], list[str]]:
    """Return the features (Float64, Int64, Boolean or Enum, null where missing) and sentences on what was left out.

    Raises:
        SchemaMismatch: a value is infinite, or a named feature is no number, boolean or text.
    """
    parts = {declared.key, declared.unit, declared.time, declared.label, declared.label_time, declared.source}
    names = [name for name in frame.columns if name not in parts] if declared.features is None else declared.features
    names = [name for name in names if name not in declared.drop]
    kinds = {} if schema is None else {column.name: column.kind for column in schema.columns}
    taken, notes = [], []
    for name in names:
        reason = _find_reason_against(frame[name])
        if reason is None:
            if schema is not None and name not in kinds:
                notes.append(f"{name!r} is not in the declared schema: it is taken as it is seen")
            column, column_notes = _make_plain(frame[name])
            taken.append(_take_kind(column, kinds.get(name)))
            notes.extend(column_notes)
        elif declared.features is not None:
            raise SchemaMismatch(
                f"the feature {name!r} {reason}",
                expected="a number, a boolean or a text",
                remedy="make such columns of it in the table, or take it out of features=[...]",
            )
        else:
            notes.append(f"{name!r} {reason}: it is not a feature")
    _refuse_infinite(taken)
    return taken, notes


def read_late(frame: pl.DataFrame, declared: Table) -> list[pl.Series]:
    """Return the columns that are known only with the label as Float64, null where missing or not finite.

    Raises:
        SchemaMismatch: one is no number or boolean.
    """
    columns = []
    for name in declared.late:
        column = frame[name]
        if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
            raise SchemaMismatch(
                f"history(of={name!r}) gathers a column that is {column.dtype}", expected="numbers or booleans"
            )
        numbers = column.cast(pl.Float64)
        columns.append(numbers.set(~numbers.is_finite(), None).alias(f"{LATE}{name}"))
    return columns


def read_judged(frame: pl.DataFrame, declared: Table) -> list[pl.Series]:
    """Return the judged columns as plain as features, each under the name that a history keeps it by.

    Raises:
        SchemaMismatch: one is no number, boolean or text.
    """
    taken = []
    for name in declared.judged:
        column = frame[name]
        if column.null_count() == len(column):
            column = column.cast(pl.String)  # nothing to tell rows apart by yet
        elif (reason := _find_reason_against(column)) is not None:
            raise SchemaMismatch(
                f"validate= judges by {name!r}, which {reason}",
                expected="a number, a boolean or a text",
                remedy="make such a column of it in the table, or judge by another",
            )
        taken.append(_make_plain(column)[0].alias(JUDGED + name))
    return taken


def check_dropped(names: Sequence[str], declared: Table) -> None:
    """Refuse a `drop=` that names no column: a slip there would let a leak in."""
    for name in declared.drop:
        if name not in names:
            raise ColumnMissing(
                f"drop= names {name!r}, which is not in {declared.path}", remedy=name_nearest(name, list(names))
            )


def _find_reason_against(column: pl.Series) -> str | None:
    dtype = column.dtype
    if is_part(column.name):
        return "has a name that holdtrue keeps for itself"
    if column.null_count() == len(column):
        return "has no value"
    if dtype.is_temporal():
        return f"is a time ({dtype})"
    if dtype.is_nested():
        return f"is a list or a struct ({dtype})"
    if dtype.is_numeric() or dtype == pl.Boolean or isinstance(dtype, TEXTS):
        return None
    return f"is {dtype}"


def _make_plain(column: pl.Series) -> tuple[pl.Series, list[str]]:
    dtype, name = column.dtype, column.name
    if dtype == pl.Boolean:
        return column, []
    if dtype.is_integer():
        return _take_whole(column), []
    if isinstance(dtype, TEXTS):
        levels = find_levels(column)
        notes = []
        if len(levels) > MANY_LEVELS:
            notes.append(
                f"{name!r} has {len(levels):,} levels; scikit-learn's histogram trees take at most {MANY_LEVELS}"
            )
        return column.cast(pl.Enum(levels)), notes
    numbers = column.cast(pl.Float64)
    n_nan = int(numbers.is_nan().sum() or 0)
    if not n_nan:
        return numbers, []
    return numbers.fill_nan(None), [f"{n_nan:,} NaN in {name!r} {'is' if n_nan == 1 else 'are'} taken as missing"]


def _take_whole(column: pl.Series) -> pl.Series:
    whole = column.cast(pl.Int64, strict=False)
    if n_beyond := whole.null_count() - column.null_count():
        raise SchemaMismatch(
            f"{format_count(n_beyond, 'value')} of {column.name!r} beyond what a 64-bit whole number holds",
            expected="whole numbers from -2**63 to 2**63 - 1",
            remedy=f"store them as floats or as texts, or leave the column out with drop=[{column.name!r}]",
        )
    return whole


def _take_kind(column: pl.Series, kind: Kind | None) -> pl.Series:
    """Return numbers in the declared kind: whole ones may be declared as numbers, and the other way round."""
    if kind is Kind.NUMBER:
        return column.cast(pl.Float64)
    return column.cast(pl.Int64) if kind is Kind.INTEGER else column


def _refuse_infinite(columns: Sequence[pl.Series]) -> None:
    for column in columns:
        if column.dtype == pl.Float64 and (n_infinite := int(column.is_infinite().sum() or 0)):
            raise SchemaMismatch(
                f"{format_count(n_infinite, 'infinite value')} in {column.name!r}",
                expected="finite numbers, or null where missing",
                remedy=f"replace them in the file, or leave the column out with drop=[{column.name!r}]",
            )
