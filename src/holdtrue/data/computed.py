"""Computed: the columns that features make of rows, by polars; functions of the project are asked row by row."""

import json
from collections.abc import Mapping, MutableMapping, Sequence
from itertools import groupby

import polars as pl

from holdtrue.data.columns import find_levels
from holdtrue.data.files import name_nearest
from holdtrue.data.history import History
from holdtrue.data.past import gather_column, look_up_column
from holdtrue.data.row_function import compute_columns
from holdtrue.data.typed_expression import TIME_SORT, Sort, find_names, type_formula
from holdtrue.domain import NO_LOOKUP, Ask, Feature, Kind, Lookup, RowFunction, RowFunctionFailed
from holdtrue.errors import ColumnMissing, DeclarationError, NotFound


def derive_columns(
    frame: pl.DataFrame,
    features: Sequence[Feature],
    *,
    known: History | None = None,
    lookup: Lookup = NO_LOOKUP,
    earlier: History | None = None,
    calls: Mapping[str, Ask] | None = None,
    failed: MutableMapping[int, RowFunctionFailed] | None = None,
) -> pl.DataFrame:
    """Return a frame of raw columns and `__time` with the computed columns after them, in their order.

    Args:
        frame: the rows.
        features: what is computed.
        known: what features of the past are gathered of; None to take them from a lookup.
        lookup: what they are worth now, as servers take them.
        earlier: what rows from before the lookup's refresh gather them of; None to leave them missing there.
        calls: the functions that compute columns; None for those of `known`.
        failed: takes what these fail on, by the place of the row, which is missing then; None to raise it.

    Raises:
        ColumnMissing: a raw column is not there.
        DeclarationError: an operation is given what it cannot take.
        NotFound: a function that is needed is not at hand.
        RowFunctionFailed: a function fails on a row.
    """
    if calls is None:
        calls = known.calls if known is not None else {}
    for function, made in groupby(features, key=lambda each: each.function):
        if function is not None:
            frame = frame.with_columns(compute_columns(frame, list(made), _find_call(function, calls), failed=failed))
        else:
            frame = _derive_plain(frame, list(made), known, lookup, earlier)
    return frame


def _find_call(function: RowFunction, calls: Mapping[str, Ask]) -> Ask:
    if function.key not in calls:
        raise NotFound(
            f"the function {function.function} of {function.module} is not at hand as a version takes it",
            expected=f"one with the fingerprint {function.code[:12]}",
            remedy="a version brings its functions where this project has signed its release; else deploy its code",
        )
    return calls[function.key]


def _derive_plain(
    frame: pl.DataFrame, features: Sequence[Feature], known: History | None, lookup: Lookup, earlier: History | None
) -> pl.DataFrame:
    for feature in features:
        if feature.past is not None:
            past = feature.past
            _need_columns(frame, past.by)
            if known is None:
                values = look_up_column(frame, past, lookup, earlier=earlier)
            else:
                values = gather_column(frame, past, known)
            frame = frame.with_columns(pl.Series(feature.name, values).fill_nan(None))
            continue
        tree = json.loads(feature.formula)
        _need_columns(frame, sorted(find_names(tree)))
        made = type_formula(feature.name, tree, find_sorts(frame))
        plain = ask_polars(frame, feature.name, made.expression)
        frame = frame.with_columns(plain.cast(pl.Enum(find_levels(plain))) if made.sort is Kind.TEXT else plain)
    return frame


def ask_polars(frame: pl.DataFrame, name: str, expression: pl.Expr) -> pl.Series:
    """Return what polars makes of an expression, of each row; raises `DeclarationError` where it cannot."""
    try:
        asked = spell_plain(frame).select(expression.alias(name)).to_series()
    except pl.exceptions.PolarsError as error:
        raise DeclarationError(
            f"the feature {name!r} cannot be computed ({error})", expected="an expression over the columns"
        ) from error
    # Of a constant polars makes one row.
    return asked if len(asked) == frame.height else asked.new_from_index(0, frame.height)


def _need_columns(frame: pl.DataFrame, names: Sequence[str]) -> None:
    for name in names:
        if name not in frame.columns:
            raise ColumnMissing(f"the column {name!r} is missing", remedy=name_nearest(name, frame.columns))


def find_sorts(frame: pl.DataFrame) -> dict[str, Sort]:
    """Return what the values of each column are to a formula."""
    return {name: find_sort(dtype) for name, dtype in frame.schema.items()}


def find_sort(dtype: pl.DataType) -> Sort:
    """Return what values of a type are to a formula."""
    if dtype.is_temporal():
        return TIME_SORT
    if dtype == pl.Boolean:
        return Kind.BOOLEAN
    if dtype.is_integer():
        return Kind.INTEGER
    return Kind.NUMBER if dtype.is_numeric() else None if dtype == pl.Null else Kind.TEXT


def spell_plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose texts are plain: an Enum knows no constant beyond its levels."""
    return frame.with_columns(pl.col(pl.Enum, pl.Categorical).cast(pl.String))
