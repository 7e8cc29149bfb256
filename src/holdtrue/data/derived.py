"""Derived: the computed columns of a history, the same by polars here as by the plain functions of a server."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from holdtrue.data.columns import conform, find_levels
from holdtrue.data.expression import read_expression
from holdtrue.data.files import name_nearest
from holdtrue.data.history import KEY, LABEL_TIME, PARTS, TIME, History, is_part
from holdtrue.data.past import find_refresh, gather_column, gather_lookup, look_up_column
from holdtrue.data.typed_expression import TIME_SORT, Sort, find_names, type_formula
from holdtrue.domain import (
    MOMENT,
    NO_LOOKUP,
    Feature,
    Kind,
    Lookup,
    Loop,
    Past,
    PastTable,
    Signature,
    Table,
    Task,
    make_formula,
    settle_value,
)
from holdtrue.errors import ColumnMissing, DeclarationError

N_PROVED = 200
N_POWERS = 15
TOLERANCE = 1e-9
_EDGES: Mapping[Sort, Sequence[object]] = {
    Kind.NUMBER: (0.0, -1.0, 1e-300, 1e300),
    Kind.INTEGER: (0, -1, 2**62, -(2**63)),
    Kind.BOOLEAN: (False, True, False, True),
    Kind.TEXT: ("", "é", "a b", "Z"),
}


def derive_history(history: History, loop: Loop) -> History:
    """Return a history with the columns that its loop computes, each proved on some of its rows.

    Raises:
        DeclarationError: a feature cannot be meant, or would not come out the same in a server; names it.
    """
    if not loop.features or history.features:
        return history
    features = read_declared(loop.features, history, loop.table)
    frame = derive_columns(history.frame, features, known=history)
    _prove(frame, features, loop)
    _prove_lookups(replace(history, frame=frame), features)
    return replace(history, frame=frame, features=features)


def take_rows(rows: History, signature: Signature, *, known: History | None = None) -> pl.DataFrame:
    """Return rows as a version takes them, with the features as that version computes them.

    Args:
        rows: the rows.
        signature: of the version.
        known: what its features of the past are gathered of; None for these rows.
    """
    frame = rows.frame
    if signature.features and signature.features != rows.features:
        own = frame.drop(feature.name for feature in rows.features)
        frame = derive_columns(own, signature.features, known=known or rows)
    return conform(frame, signature.schema)


def read_declared(declared: Mapping[str, object], history: History, table: Table) -> tuple[Feature, ...]:
    """Return the declared features as they are kept with a version.

    Raises:
        DeclarationError: see `derive_history`.
    """
    raw = list(history.feature_names)
    taken = {*raw, table.label, table.time, table.key, table.unit, table.label_time, *PARTS}
    features: list[Feature] = []
    sorts = _find_sorts(history.frame)
    for name, said in declared.items():
        if name in taken:
            raise DeclarationError(
                f"the feature {name!r} has the name of a column of the table", expected="another name for it"
            )
        if isinstance(said, Past):
            _check_past(name, said, history, raw)
            features.append(Feature(name=name, past=said))
            sorts[name] = Kind.NUMBER
            continue
        assert isinstance(said, pl.Expr), "the loop's declaration has checked it"
        columns = [*raw, *(feature.name for feature in features)]
        tree = read_expression(name, said, columns=columns, time=table.time)
        made = type_formula(name, tree, sorts)
        features.append(Feature(name=name, formula=json.dumps(made.tree, separators=(",", ":"))))
        sorts[name] = made.sort
    return tuple(features)


def derive_columns(
    frame: pl.DataFrame,
    features: Sequence[Feature],
    *,
    known: History | None = None,
    lookup: Lookup = NO_LOOKUP,
    earlier: History | None = None,
) -> pl.DataFrame:
    """Return a frame of raw columns and `__time` with the computed columns after them, in their order.

    Args:
        frame: the rows.
        features: what is computed.
        known: what features of the past are gathered of; None to take them from a lookup.
        lookup: what they are worth now, as servers take them.
        earlier: what rows from before the lookup's refresh gather them of; None to leave them missing there.

    Raises:
        ColumnMissing: a raw column is not there.
        DeclarationError: an operation is given what it cannot take.
    """
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
        made = type_formula(feature.name, tree, _find_sorts(frame))
        plain = _ask_polars(frame, feature.name, made.expression)
        frame = frame.with_columns(plain.cast(pl.Enum(find_levels(plain))) if made.sort is Kind.TEXT else plain)
    return frame


def _ask_polars(frame: pl.DataFrame, name: str, expression: pl.Expr) -> pl.Series:
    try:
        asked = _spell_texts(frame).select(expression.alias(name)).to_series()
    except pl.exceptions.PolarsError as error:
        raise DeclarationError(
            f"the feature {name!r} cannot be computed ({error})", expected="an expression over the columns"
        ) from error
    # Of a constant polars makes one row.
    return asked if len(asked) == frame.height else asked.new_from_index(0, frame.height)


def _check_past(name: str, past: Past, history: History, raw: Sequence[str]) -> None:
    for column in past.by:
        if column not in raw:
            raise DeclarationError(
                f"the feature {name!r} gathers by {column!r}, which a request does not carry",
                expected=f"raw columns: {', '.join(raw[:12])}",
                remedy=name_nearest(column, raw),
            )
        if history.frame[column].dtype.is_float():
            raise DeclarationError(
                f"the feature {name!r} gathers by {column!r}, a number", expected="texts, whole numbers or booleans"
            )
    if past.of == history.label:
        if history.task is Task.MULTICLASS:
            raise DeclarationError(
                f"the feature {name!r} gathers the label, which has {len(history.classes)} classes",
                expected="a number, or a label of two classes",
            )
        return
    dtype = history.frame.schema.get(past.of)
    if past.of not in raw or dtype is None or not (dtype.is_numeric() or dtype == pl.Boolean):
        raise DeclarationError(
            f"the feature {name!r} gathers {past.of!r}",
            expected=f"the label {history.label!r}, or a raw column of numbers or booleans",
            remedy=name_nearest(past.of, [history.label, *raw]),
        )


def _need_columns(frame: pl.DataFrame, names: Sequence[str]) -> None:
    for name in names:
        if name not in frame.columns:
            raise ColumnMissing(f"the column {name!r} is missing", remedy=name_nearest(name, frame.columns))


def _find_sorts(frame: pl.DataFrame) -> dict[str, Sort]:
    return {name: _find_sort(dtype) for name, dtype in frame.schema.items()}


def _find_sort(dtype: pl.DataType) -> Sort:
    if dtype.is_temporal():
        return TIME_SORT
    if dtype == pl.Boolean:
        return Kind.BOOLEAN
    if dtype.is_integer():
        return Kind.INTEGER
    return Kind.NUMBER if dtype.is_numeric() else None if dtype == pl.Null else Kind.TEXT


def _spell_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose texts are plain: an Enum knows no constant beyond its levels."""
    return frame.with_columns(pl.col(pl.Enum, pl.Categorical).cast(pl.String))


def _prove(frame: pl.DataFrame, features: Sequence[Feature], loop: Loop) -> None:
    """Show on rows that polars means by each expression what a server will compute."""
    rows = frame.gather_every(max(1, frame.height // N_PROVED)).head(N_PROVED)
    for feature in features:
        if feature.formula:
            said = loop.features[feature.name]
            assert isinstance(said, pl.Expr), "the loop's declaration has checked it"
            _prove_translation(rows, feature, said, loop.table.time)
    edges = _lay_edges(rows, features)
    for sample in (rows, derive_columns(edges, [f for f in features if f.formula])):
        _prove_formulas(sample, features)


def _prove_translation(rows: pl.DataFrame, feature: Feature, said: pl.Expr, time: str) -> None:
    own = _ask_polars(rows.with_columns(pl.col(TIME).alias(time)), feature.name, said)
    _compare(rows, feature.name, own.to_list(), "polars itself")


def _prove_formulas(rows: pl.DataFrame, features: Sequence[Feature]) -> None:
    kinds = {name: sort for name, sort in _find_sorts(rows).items() if isinstance(sort, Kind)}
    plain = _spell_texts(rows)
    for feature in features:
        if feature.formula:
            ask = _make_formula(feature)
            answers = [settle_value(ask(row), kinds[feature.name]) for row in plain.iter_rows(named=True)]
            _compare(rows, feature.name, answers, "a server")


def _prove_lookups(known: History, features: Sequence[Feature]) -> None:
    """Show on the rows whose labels came last that a server finds in a lookup what training gathers for them."""
    rows = known.frame.filter(known.frame[LABEL_TIME].is_not_null()).top_k(N_PROVED, by=LABEL_TIME)
    newest = rows[LABEL_TIME].max()
    if not isinstance(newest, datetime):
        return
    kinds = _find_sorts(rows)
    plain = _spell_texts(rows)
    for feature in features:
        past = feature.past
        if past is None:
            continue
        refresh = find_refresh(newest, past.every) + past.every
        table = PastTable(refreshed_at=refresh, values=gather_lookup(past, known, refresh=refresh))
        lookup = Lookup(tables={past.digest: table})
        asked = rows.with_columns(pl.lit(refresh, dtype=rows.schema[TIME]).alias(TIME))
        wanted = pl.Series(feature.name, gather_column(asked, past, known)).fill_nan(None)
        for row, value in zip(plain.iter_rows(named=True), wanted, strict=True):
            found = lookup.find(past, {name: _settle(row[name], kinds[name]) for name in past.by}, at=refresh)
            if not _are_equal(value, found):
                raise DeclarationError(
                    f"the feature {feature.name!r} of the row {row[KEY]!r} is {value!r} at {refresh:%Y-%m-%d %H:%M}"
                    f" UTC, and {found!r} by the lookup of a server",
                    expected="the same everywhere",
                    remedy="gather by texts, whole numbers or booleans",
                )


def _settle(value: object, sort: Sort) -> object:
    """Return a value of a row as a server reads it of a request."""
    return settle_value(value, sort) if isinstance(sort, Kind) else value


def _make_formula(feature: Feature) -> Callable[[Mapping[str, object]], object]:
    try:
        return make_formula(feature.formula)
    except (KeyError, ValueError) as error:  # polars brings its own time zones, Python takes those of the system
        raise DeclarationError(
            f"the feature {feature.name!r} cannot be served ({error})",
            expected="time zones that Python knows",
            remedy="pip install tzdata, here and where it is served",
        ) from error


def _compare(rows: pl.DataFrame, name: str, answers: Sequence[object], by: str) -> None:
    for place, (wanted, got) in enumerate(zip(rows[name].to_list(), answers, strict=True)):
        if not _are_equal(wanted, got):
            key = f" of the row {rows[KEY][place]!r}" if KEY in rows.columns else ""
            raise DeclarationError(
                f"the feature {name!r}{key} is {wanted!r} in 64 bits, and {got!r} by {by}",
                expected="the same everywhere",
                remedy="cast what it is made of to Float64 or Int64 first: small whole numbers overflow",
            )


def _are_equal(one: object, other: object) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    numbers = [float(each) if isinstance(each, int | float) and math.isfinite(each) else None for each in (one, other)]
    if numbers[0] is None or numbers[1] is None:
        return numbers[0] is numbers[1]
    return math.isclose(numbers[0], numbers[1], rel_tol=TOLERANCE, abs_tol=1e-12)


def _lay_edges(rows: pl.DataFrame, features: Sequence[Feature]) -> pl.DataFrame:
    """Return rows that no table may have: without any value, with the extremes of each kind, the powers of a base."""
    computed = {feature.name for feature in features if feature.formula}
    powers = [power for feature in features if feature.formula for power in _find_powers(json.loads(feature.formula))]
    columns = []
    for name, dtype in rows.schema.items():
        if name in computed or (is_part(name) and name != MOMENT):
            continue
        sort = _find_sort(dtype)
        if sort == TIME_SORT:
            columns.append(pl.concat([rows[name].head(1)] * (5 + len(powers))))
            continue
        ends: Sequence[object] = _EDGES.get(sort, (None,) * 4)
        more: list[object] = [None] * len(powers)
        if sort is Kind.NUMBER:
            more = [*powers]
        elif sort is Kind.INTEGER:
            more = [int(power) if power < 2**63 else None for power in powers]
        kept = pl.String() if sort is Kind.TEXT else dtype
        columns.append(pl.Series(name, [None, *ends, *more], dtype=kept, strict=False))
    return pl.DataFrame(columns)


def _find_powers(tree: object) -> Iterator[float]:
    """Yield the powers of the constant bases of a formula's logarithms: there a last bit decides what is rounded."""
    if not isinstance(tree, list) or tree[:1] == ["lit"]:
        return
    if tree[:1] == ["log"] and tree[2][0] == "lit" and tree[2][1] and tree[2][1] > 0:
        yield from (float(tree[2][1]) ** power for power in range(1, N_POWERS + 1))
    for each in tree:
        yield from _find_powers(each)
