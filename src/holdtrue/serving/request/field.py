"""Fields: reading one JSON value as the column that the signature declares."""

import difflib
import math
from collections.abc import Callable, Iterable

from holdtrue.domain import Column, Kind
from holdtrue.serving.request.place import Place
from holdtrue.serving.request.refusal import Code, Refused

_INT64 = 2**63
_WORDS = {Kind.NUMBER: "a number", Kind.INTEGER: "a whole number", Kind.BOOLEAN: "true or false", Kind.TEXT: "text"}
_SHOWN_CHARACTERS = 60
_LISTED_NAMES = 12


class Unseen:
    """Marks a level that training had not seen; the model takes it as missing."""


UNSEEN = Unseen()


def make_field_reader(column: Column) -> Callable[[object, Place], object]:
    """Return the function (value, place) -> value for the model, of one column.

    It returns None for an allowed null and `UNSEEN` for a level that an open column had not seen.
    It raises `Refused` for everything else that the column does not allow.
    """
    read = _READERS[column.kind]
    levels, limits = frozenset(column.levels), column.limits
    allowed = None if limits.levels is None else frozenset(limits.levels)
    is_limited = limits.low is not None or limits.high is not None
    low = -math.inf if limits.low is None else limits.low
    high = math.inf if limits.high is None else limits.high

    def read_field(value: object, place: Place) -> object:
        if value is None:
            if column.nullable:
                return None
            raise Refused(
                Code.NULL_NOT_ALLOWED,
                f"{column.name!r} is null",
                path=place.field(column.name),
                expected=describe_column(column),
            )
        known = read(value, column, place)
        if column.kind is not Kind.TEXT:
            if is_limited and not low <= known <= high:  # type: ignore[operator]
                raise _refuse_range(value, column, place)
            return known
        if allowed is not None and known not in allowed:
            raise _refuse_level(str(value), column, place)
        return known if known in levels else UNSEEN

    return read_field


def describe_column(column: Column) -> str:
    """Say in words what a column takes."""
    limits = column.limits
    words = _WORDS[column.kind] if limits.levels is None else f"one of {name_some(limits.levels)}"
    words += "" if limits.low is None else f" from {limits.low}"
    words += "" if limits.high is None else f" up to {limits.high}"
    return f"{words} or null" if column.nullable else words


def describe_value(value: object) -> str:
    """Say in words what kind of JSON value was found, and show its beginning.

    >>> describe_value("far"), describe_value([1])
    ('the text "far"', 'a list')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f'the text "{shorten(value)}"'
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return f"the number {shorten(repr(value))}"


def shorten(text: str) -> str:
    """Cut a text of the client's to a length that can be shown."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def name_some(names: Iterable[str]) -> str:
    """List names, the first dozen of them."""
    every = [str(name) for name in names]
    listed = ", ".join(every[:_LISTED_NAMES])
    return listed if len(every) <= _LISTED_NAMES else f"{listed} and {len(every) - _LISTED_NAMES} more"


def suggest_name(name: str, known: Iterable[str]) -> str:
    """Return a remedy that names the nearest known name, or an empty text when none is near."""
    near = difflib.get_close_matches(name[:_SHOWN_CHARACTERS], list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def _read_number(value: object, column: Column, place: Place) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse_type(value, column, place)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refused(
            Code.OUT_OF_RANGE,
            f"{column.name!r} is {describe_value(value)}",
            path=place.field(column.name),
            expected="a finite 64-bit number",
        )
    return number


def _read_integer(value: object, column: Column, place: Place) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse_type(value, column, place)
    if isinstance(value, float) and not value.is_integer():
        raise _refuse_type(value, column, place)
    whole = int(value)
    if not -_INT64 <= whole < _INT64:
        raise Refused(
            Code.OUT_OF_RANGE,
            f"{column.name!r} is {describe_value(value)}",
            path=place.field(column.name),
            expected="a 64-bit whole number",
        )
    return whole


def _read_boolean(value: object, column: Column, place: Place) -> bool:
    if not isinstance(value, bool):
        raise _refuse_type(value, column, place)
    return value


def _read_text(value: object, column: Column, place: Place) -> str:
    if not isinstance(value, str):
        raise _refuse_type(value, column, place)
    return value


_READERS: dict[Kind, Callable[[object, Column, Place], object]] = {
    Kind.NUMBER: _read_number,
    Kind.INTEGER: _read_integer,
    Kind.BOOLEAN: _read_boolean,
    Kind.TEXT: _read_text,
}


def _refuse_type(value: object, column: Column, place: Place) -> Refused:
    found = f"{column.name!r} is {describe_value(value)}"
    return Refused(Code.WRONG_TYPE, found, path=place.field(column.name), expected=describe_column(column))


def _refuse_range(value: object, column: Column, place: Place) -> Refused:
    found = f"{column.name!r} is {describe_value(value)}"
    return Refused(Code.OUT_OF_RANGE, found, path=place.field(column.name), expected=describe_column(column))


def _refuse_level(value: str, column: Column, place: Place) -> Refused:
    return Refused(
        Code.LEVEL_NOT_ALLOWED,
        f'{column.name!r} is "{shorten(value)}", which the declared set does not hold',
        path=place.field(column.name),
        expected=describe_column(column),
        remedy=suggest_name(value, column.limits.levels or ()),
    )
