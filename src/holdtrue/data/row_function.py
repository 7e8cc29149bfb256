"""RowFunction: the columns that a function of the project makes, row by row; their kinds are declared or told."""

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import polars as pl

from holdtrue.data.columns import find_levels
from holdtrue.data.files import name_nearest
from holdtrue.data.history import KEY, TIME
from holdtrue.domain import Ask, Feature, Kind, RowFunction, RowFunctionFailed, ask_row
from holdtrue.errors import ColumnMissing, DeclarationError

_KINDS: Mapping[object, Kind] = {float: Kind.NUMBER, int: Kind.INTEGER, bool: Kind.BOOLEAN, str: Kind.TEXT}
_DTYPES = {Kind.NUMBER: pl.Float64(), Kind.INTEGER: pl.Int64(), Kind.BOOLEAN: pl.Boolean(), Kind.TEXT: pl.String()}
_NO_NAMES = "a function that returns a dict with a name for each column"


@dataclass(frozen=True, kw_only=True, eq=False)
class DeclaredFunction:
    """A function that a loop declares, with its kept source, run in namespaces of its own.

    Attributes:
        module: where it stands among the kept modules.
        code: its transitive fingerprint.
        source: digest of its kept source.
        ask: the function itself.
        kept: the same of the kept source.
        moved: the same once more, where the clock goes by another time.
    """

    module: str
    code: str
    source: str
    ask: Callable[..., Any]
    kept: Callable[..., Any]
    moved: Callable[..., Any]

    @property
    def told(self) -> str:
        """Return what it is called in errors, with its place."""
        return tell_function(self.ask)


def tell_function(function: Callable[..., Any]) -> str:
    """Return what a function is called in errors, with its file and line."""
    code = getattr(function, "__code__", None)
    name = getattr(function, "__name__", "the function")
    return name if code is None else f"{name} ({code.co_filename.rpartition('/')[2]}, line {code.co_firstlineno})"


def read_function(
    name: str,
    declared: DeclaredFunction,
    frame: pl.DataFrame,
    *,
    columns: Sequence[str],
    time: str,
    failed: MutableMapping[int, RowFunctionFailed],
) -> tuple[Feature, ...]:
    """Return the columns that a declared function makes, of the kinds that it declares or that its rows show.

    Args:
        name: under which the loop declares it.
        declared: the function.
        frame: the rows.
        columns: what it is given of them beside the time.
        time: the name of the time.
        failed: takes what it fails on, by the place of the row.

    Raises:
        DeclarationError: its values are of more kinds than one, or all missing.
    """
    takes = (*columns, time)
    function = RowFunction(
        name=name, module=declared.module, function=declared.ask.__name__, code=declared.code, source=declared.source,
        takes=takes, time=time,
    )  # fmt: skip
    said = _read_annotation(declared)
    if isinstance(said, dict) and None not in said.values():
        return tuple(Feature(name=each, function=function, kind=kind) for each, kind in said.items())
    return _infer_columns(declared, frame, function, said, failed)


def compute_columns(
    frame: pl.DataFrame,
    features: Sequence[Feature],
    ask: Ask,
    *,
    failed: MutableMapping[int, RowFunctionFailed] | None = None,
) -> list[pl.Series]:
    """Return the columns that one function makes of rows of raw columns and `__time`.

    Args:
        frame: the rows.
        features: the columns; all of them of one function.
        ask: the function.
        failed: takes what the function fails on, by the place of the row, which is missing then; None to raise it.

    Raises:
        ColumnMissing: a column that it takes is not there.
        RowFunctionFailed: it fails on a row; names it.
    """
    function = features[0].function
    assert function is not None, "these are columns of a function"
    values: list[list[Any]] = []
    nothing, told = [None] * len(features), tell_function(ask)
    for place, row in enumerate(list_rows(frame, function)):
        try:
            values.append(ask_row(ask, row, features, told=told))
        except RowFunctionFailed as failure:
            if failed is None:
                raise name_row(failure, frame, place) from failure.__cause__
            failed[place] = failure
            values.append(nothing)
    columns = zip(*values, strict=True) if values else [()] * len(features)
    return [_make_column(each, list(column)) for each, column in zip(features, columns, strict=True)]


def list_rows(frame: pl.DataFrame, function: RowFunction) -> Iterator[dict[str, Any]]:
    """Yield rows as a function takes them: the same that a server would give it of a request."""
    for name in function.takes:
        if name != function.time and name not in frame.columns:
            raise ColumnMissing(f"the column {name!r} is missing", remedy=name_nearest(name, frame.columns))
    asked = frame.select(
        pl.col(TIME).dt.replace_time_zone(None).alias(name) if name == function.time else _spell(frame[name])
        for name in function.takes
    )
    time = function.time
    for row in asked.iter_rows(named=True):
        row[time] = row[time].replace(tzinfo=UTC)
        yield row


def name_row(failure: RowFunctionFailed, frame: pl.DataFrame, place: int) -> RowFunctionFailed:
    """Return a failure that says of which row it is."""
    key = f"the row {frame[KEY][place]!r}" if KEY in frame.columns else f"row {place}"
    return RowFunctionFailed(f"{failure.found}, for {key}", expected=failure.expected, remedy=failure.remedy)


def _spell(column: pl.Series) -> pl.Series:
    dtype = column.dtype
    if isinstance(dtype, pl.Enum | pl.Categorical):
        return column.cast(pl.String)
    return column.fill_nan(None) if dtype.is_float() else column


def _make_column(feature: Feature, values: list[Any]) -> pl.Series:
    kind = feature.kind
    assert kind is not None, "the kinds of a function's columns are known"
    column = pl.Series(feature.name, values, dtype=_DTYPES[kind])
    return column.cast(pl.Enum(find_levels(column))) if kind is Kind.TEXT else column


def _read_annotation(declared: DeclaredFunction) -> dict[str, Kind | None] | Kind | None:
    """Return the kinds of a function's columns, the one kind of them all, or None where it declares neither."""
    try:
        hints = typing.get_type_hints(declared.ask)
        said = hints.get("return")
        if typing.is_typeddict(said) or (isinstance(said, type) and dataclasses.is_dataclass(said)):
            return {name: _read_kind(name, hint, declared) for name, hint in typing.get_type_hints(said).items()}
    except (NameError, AttributeError) as error:
        raise DeclarationError(f"the types of {declared.told} cannot be read ({error})") from error
    parts = typing.get_args(said)
    return _read_kind("dict", parts[1], declared) if len(parts) == 2 and parts[0] is str else None


def _read_kind(name: str, hint: object, declared: DeclaredFunction) -> Kind | None:
    parts = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        parts = tuple(part for part in parts if part is not type(None))
        hint = parts[0] if len(parts) == 1 else hint
    if hint in _KINDS:
        return _KINDS[hint]
    if name == "dict" or hint in (object, Any):
        return None
    raise DeclarationError(
        f"{declared.told} declares {name!r} as {hint}", expected="float, int, bool or str, each perhaps | None"
    )


def _infer_columns(
    declared: DeclaredFunction,
    frame: pl.DataFrame,
    function: RowFunction,
    said: dict[str, Kind | None] | Kind | None,
    failed: MutableMapping[int, RowFunctionFailed],
) -> tuple[Feature, ...]:
    """Return the columns as the rows show them: a number is a number, whole or not, unless it is declared as int."""
    names: list[str] | None = list(said) if isinstance(said, dict) else None
    kinds: dict[str, Kind | None] = dict(said) if isinstance(said, dict) else {}
    features: list[Feature] = []
    for place, row in enumerate(list_rows(frame, function)):
        try:
            if names is None:
                names = _read_names(declared, row)
                kinds = dict.fromkeys(names, said if isinstance(said, Kind) else None)
            features = features or [Feature(name=each, kind=kinds[each]) for each in names]
            values = ask_row(declared.ask, row, features, told=declared.told)
        except RowFunctionFailed as failure:
            failed[place] = failure
            continue
        for feature, value in zip(features, values, strict=True):
            name = feature.name
            if feature.kind is None and value is not None and (seen := _see_kind(value)) is not kinds[name]:
                kinds[name] = _settle_kind(name, kinds[name], seen, value, declared, frame, place)
    for name, kind in kinds.items():
        if kind is None:
            raise DeclarationError(
                f"{declared.told} returns nothing but None for {name!r}",
                expected="a value of a row of the table, or a declared type",
                remedy="declare what it returns: a TypedDict or a dataclass as its return annotation",
            )
    return tuple(Feature(name=name, function=function, kind=kind) for name, kind in kinds.items())


def _read_names(declared: DeclaredFunction, row: dict[str, Any]) -> list[str]:
    """Return the names that a function returns of a row."""
    names: list[str] = []

    def ask(given: dict[str, Any]) -> Any:
        found = declared.ask(given)
        if dataclasses.is_dataclass(found) and not isinstance(found, type):
            found = {each.name: getattr(found, each.name) for each in dataclasses.fields(found)}
        names.extend(found if isinstance(found, Mapping) else ())
        return {} if isinstance(found, Mapping) else found

    ask_row(ask, dict(row), [], told=declared.told)
    if not names or not all(isinstance(name, str) for name in names):
        raise RowFunctionFailed(f"{declared.told} returned the names {names}", expected=_NO_NAMES)
    return names


def _see_kind(value: object) -> Kind:
    if isinstance(value, bool):
        return Kind.BOOLEAN
    return Kind.TEXT if isinstance(value, str) else Kind.NUMBER


def _settle_kind(
    name: str,
    known: Kind | None,
    seen: Kind,
    value: object,
    declared: DeclaredFunction,
    frame: pl.DataFrame,
    place: int,
) -> Kind:
    if known is None:
        return seen
    raise DeclarationError(
        f"{declared.told} returned {value!r} for {name!r} of the row {frame[KEY][place]!r}, where it is {known.value}",
        expected="values of one kind in a column: numbers, texts, or True and False",
        remedy="declare what it returns: a TypedDict or a dataclass as its return annotation",
    )
