"""Derived: the computed columns of a history, the same by polars here as by the plain functions of a server."""

import json
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

import polars as pl

from holdtrue.clock import format_span
from holdtrue.data.columns import conform
from holdtrue.data.computed import derive_columns, find_sorts
from holdtrue.data.expression import read_expression
from holdtrue.data.files import name_nearest
from holdtrue.data.function_proof import prove_functions
from holdtrue.data.history import LABEL, LABEL_TIME, LATE, PARTS, PROPENSITY, History, is_part
from holdtrue.data.proof import prove_expressions, prove_lookups
from holdtrue.data.row_function import DeclaredFunction, name_row, read_function
from holdtrue.data.typed_expression import Sort, type_formula
from holdtrue.domain import Feature, Kind, Loop, Past, RowFunctionFailed, Signature, Task
from holdtrue.errors import DeclarationError, SourceError


def derive_history(
    history: History, loop: Loop, functions: Mapping[str, DeclaredFunction] = MappingProxyType({})
) -> History:
    """Return a history with the columns that its loop computes, each proved on some of its rows.

    Rows of the loop's own log on which a function fails are left out: the server did not compute them either.

    Args:
        history: the rows.
        loop: declares the features.
        functions: the functions among them, by name.

    Raises:
        DeclarationError: a feature cannot be meant, or would not come out the same in a server; names it.
        RowFunctionFailed: a function fails on a row of the table.
    """
    if not loop.declared_features or history.features:
        return history
    calls = {f"{each.module}.{each.ask.__name__} {each.code}": each.ask for each in functions.values()}
    history, failed = replace(history, calls=calls), dict[int, RowFunctionFailed]()
    features = read_declared(loop, history, functions, failed)
    frame = derive_columns(history.frame, features, known=history, failed=failed)
    is_sound = _find_sound(frame, failed)
    sound = frame.filter(is_sound)
    prove_expressions(sound, features, loop, calls)
    prove_lookups(replace(history, frame=frame), features)
    prove_functions(sound, features, functions)
    notes = [f"{len(failed):,} rows of the prediction log, on which a function fails, were left out"] if failed else []
    return replace(history, frame=sound, features=features, notes=(*history.notes, *notes))


def _find_sound(frame: pl.DataFrame, failed: Mapping[int, RowFunctionFailed]) -> pl.Series:
    """Say of each row whether no function failed on it.

    Raises:
        RowFunctionFailed: one failed on a row that is not the loop's own.
    """
    for place, failure in sorted(failed.items()):
        if PROPENSITY not in frame.columns or frame[PROPENSITY][place] is None:
            raise name_row(failure, frame, place) from failure.__cause__
    return ~pl.Series(range(frame.height)).is_in(list(failed))


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


def read_declared(
    loop: Loop,
    history: History,
    functions: Mapping[str, DeclaredFunction],
    failed: MutableMapping[int, RowFunctionFailed],
) -> tuple[Feature, ...]:
    """Return the declared features as they are kept with a version.

    `failed` takes what functions fail on, by the place of the row.

    Raises:
        DeclarationError: see `derive_history`.
    """
    raw, table = list(history.feature_names), loop.table
    taken = {*raw, table.label, table.time, table.key, table.unit, table.label_time, *PARTS}
    features: list[Feature] = []
    frame, n_laid = history.frame, 0
    sorts = find_sorts(frame)
    for name, said in loop.declared_features.items():
        columns = [*raw, *(feature.name for feature in features)]
        if name in functions:
            frame = derive_columns(frame, features[n_laid:], known=history, failed=failed)
            n_laid = len(features)
            made = read_function(name, functions[name], frame, columns=columns, time=table.time, failed=failed)
        else:
            made = (_read_plain(name, said, history, columns=columns, time=table.time, sorts=sorts),)
        for feature in made:
            _check_name(feature, {*taken, *(each.name for each in features)})
            sorts[feature.name] = Kind.NUMBER if feature.past is not None else feature.kind or sorts[feature.name]
        features.extend(made)
    return tuple(features)


def _read_plain(
    name: str, said: object, history: History, *, columns: Sequence[str], time: str, sorts: dict[str, Sort]
) -> Feature:
    """Return a feature that is gathered of the past, or an expression, whose sort is added to those of the others."""
    if isinstance(said, Past):
        _check_past(name, said, history, list(history.feature_names))
        return Feature(name=name, past=said)
    if not isinstance(said, pl.Expr):
        raise DeclarationError(f"the feature {name!r} is {said!r}", expected="a polars expression or a function")
    made = type_formula(name, read_expression(name, said, columns=columns, time=time), sorts)
    sorts.setdefault(name, made.sort)
    return Feature(name=name, formula=json.dumps(made.tree, separators=(",", ":")))


def _check_name(feature: Feature, taken: Collection[str | None]) -> None:
    if feature.name in taken or feature.name.startswith("__") or is_part(feature.name):
        by = "" if feature.function is None else f" of {feature.function.function}()"
        raise DeclarationError(
            f"the feature {feature.name!r}{by} has the name of a column of the table, or of another feature",
            expected="another name for it",
        )


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
    if past.of in history.late_names:
        _check_late(name, past, history)
        return
    dtype = history.frame.schema.get(past.of)
    if past.of not in raw or dtype is None or not (dtype.is_numeric() or dtype == pl.Boolean):
        raise DeclarationError(
            f"the feature {name!r} gathers {past.of!r}",
            expected=f"the label {history.label!r}, or a column of numbers or booleans: one that requests carry, or one"
            " that is known only with the label and stands in drop=[...]",
            remedy=name_nearest(past.of, [*history.gathered_names]),
        )


def _check_late(name: str, past: Past, history: History) -> None:
    """Refuse a column of which the newest labels bring nothing: what is gathered of it would silently run dry."""
    known = history.frame.filter(pl.col(LABEL).is_not_null())
    newest = known[LABEL_TIME].max()
    if not isinstance(newest, datetime):
        return
    window = known.filter(pl.col(LABEL_TIME) > newest - past.span)
    if window[f"{LATE}{past.of}"].null_count() < window.height:
        return
    raise SourceError(
        f"none of the {window.height:,} rows whose label became known in the {format_span(past.span)} to"
        f" {newest:%Y-%m-%d %H:%M} UTC has a value of {past.of!r}, of which the feature {name!r} is gathered",
        expected=f"rows of the table that bring {past.of!r} with the label: labels sent for the log do not carry it",
        remedy="have the table extended by the rows that were answered: there they count from their label's time",
    )
