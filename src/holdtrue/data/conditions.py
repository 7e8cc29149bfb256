"""Conditions: what a schema asks of each row of a frame, as polars expressions."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from holdtrue.data.columns import TEXTS, fits_kind
from holdtrue.data.files import name_nearest
from holdtrue.data.rules import ENGINE_ERRORS, read_rule, tell_engine_error
from holdtrue.domain import Column, Kind, Schema

LISTED_LEVELS = 12
_AS_READ = "as read: "


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What each row must keep.

    Attributes:
        broken: an expression over `lay_plain(...)` that is true in the rows that do not, and else false or null.
        names: the columns whose values show it.
        told: what such rows do, for a sentence that begins with their number.
    """

    broken: pl.Expr
    names: tuple[str, ...]
    told: str


def lay_plain(frame: pl.DataFrame) -> pl.LazyFrame:
    """Return a frame in which rules find each number as a 64-bit float (missing where NaN) and each text as a text.

    That is how they find the values of a request. The columns as they were read stand beside them.
    """
    plain = []
    for name, dtype in frame.schema.items():
        if dtype.is_numeric():
            plain.append(pl.col(name).cast(pl.Float64).fill_nan(None))
        elif isinstance(dtype, TEXTS):
            plain.append(pl.col(name).cast(pl.String))
    return frame.lazy().with_columns(pl.all().name.prefix(_AS_READ)).with_columns(plain)


def find_conditions(
    frame: pl.DataFrame, schema: Schema, *, has_unique: bool = True
) -> tuple[list[Condition], list[str]]:
    """Return what the schema asks of each row, and sentences on what cannot even be asked of this frame.

    `has_unique` says whether the rows are a table, in which a value may be said to occur once only.
    """
    conditions: list[Condition] = []
    breaches: list[str] = []
    for column in schema.columns:
        problem = tell_unfit(frame, column)
        if problem is None:
            conditions.extend(_ask_column(column, frame.schema[column.name], has_unique=has_unique))
        else:
            breaches.append(problem)
    empty = lay_plain(frame.clear())
    for rule in schema.rules:
        expression, told = read_rule(rule), f"break the rule {rule.name!r} ({rule.text})"
        names = tuple(dict.fromkeys(expression.meta.root_names()))
        problem = _tell_unasked(empty, expression, frame.columns, names)
        if problem is None:
            conditions.append(Condition(broken=expression.not_(), names=names, told=told))
        else:
            breaches.append(f"the rule {rule.name!r} ({rule.text}) cannot be asked: {problem}")
    return conditions, breaches


def tell_unfit(frame: pl.DataFrame, column: Column) -> str | None:
    """Say why a column of the frame is not of the declared kind, or None when it is."""
    if column.name not in frame.columns:
        return f"the column {column.name!r} is missing; {name_nearest(column.name, frame.columns)}"
    values = frame[column.name]
    if fits_kind(values.dtype, column.kind):
        return None
    told = f"{column.name!r} holds {values.dtype}, expected values of kind {column.kind.value}"
    if column.kind in (Kind.NUMBER, Kind.INTEGER) and isinstance(values.dtype, TEXTS):
        texts = values.cast(pl.String)
        is_strange = texts.cast(pl.Float64, strict=False).is_null() & texts.is_not_null()
        row = is_strange.arg_max() if is_strange.any() else None
        told += f"; the first that is no number is {texts[row]!r} in row {row:,}" if row is not None else ""
    return told


def _ask_column(column: Column, dtype: pl.DataType, *, has_unique: bool) -> Iterator[Condition]:
    name, limits = column.name, column.limits
    raw = pl.col(_AS_READ + name)
    value = raw.fill_nan(None) if dtype.is_float() else raw

    def ask(broken: pl.Expr, told: str) -> Condition:
        return Condition(broken=broken, names=(name,), told=told)

    if not column.nullable:
        yield ask(value.is_null(), f"have a null {name!r}, which is not nullable")
    if dtype == pl.Null:
        return
    if dtype.is_float():
        yield ask(raw.is_infinite(), f"have an infinite {name!r}")
        if column.kind is Kind.INTEGER:
            yield ask(raw != raw.round(), f"have in {name!r} no whole number")
    if limits.low is not None:
        yield ask(value < limits.low, f"have {name!r} below {limits.low}")
    if limits.high is not None:
        yield ask(value > limits.high, f"have {name!r} above {limits.high}")
    if limits.levels is not None:
        shown = ", ".join(limits.levels[:LISTED_LEVELS]) + (", ..." if len(limits.levels) > LISTED_LEVELS else "")
        yield ask(
            ~raw.cast(pl.String).is_in(list(limits.levels)),
            f"have {name!r} outside its closed set ({shown})",
        )
    if limits.is_unique and has_unique:
        yield ask(value.is_not_null() & ~value.is_first_distinct(), f"repeat a value of {name!r}, which is unique")


def _tell_unasked(empty: pl.LazyFrame, rule: pl.Expr, known: list[str], names: tuple[str, ...]) -> str | None:
    for name in names:
        if name not in known:
            return f"the column {name!r} is not there; {name_nearest(name, known)}"
    try:
        kept = empty.select(rule.alias("kept")).collect()["kept"]
    except ENGINE_ERRORS as error:
        return tell_engine_error(error)
    if len(kept):
        return "it says something of all rows together, not of each"
    return None if kept.dtype == pl.Boolean else f"it gives {kept.dtype}, not true or false"
