"""Row function: a function of the project that makes columns of one row, asked in one way everywhere."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from holdtrue.domain.schema import Kind
from holdtrue.errors import HoldtrueError

Ask = Callable[[dict[str, Any]], Any]
_TWO_63 = 2**63
_MOST = 2**1023  # a whole number beyond it is no float
_NUMBER, _INTEGER = Kind.NUMBER, Kind.INTEGER
_OWN_KINDS = {str: Kind.TEXT, bool: Kind.BOOLEAN}
_FORMS: tuple[type, ...] = (bool, int, float, str)
_WORDS = {Kind.NUMBER: "a number", Kind.INTEGER: "a whole number", Kind.BOOLEAN: "True or False", Kind.TEXT: "a text"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowFunction:
    """A function as a version carries it.

    Attributes:
        name: under which the loop declares it.
        module: where it stands among the kept modules.
        function: its name there.
        code: its transitive fingerprint.
        source: digest of the artifact that keeps its source. Two texts of one meaning are one function.
        takes: the names of the row that it is given.
        time: the one of them that is the row's time, an aware datetime in UTC.
    """

    name: str
    module: str
    function: str
    code: str
    source: str = dataclasses.field(compare=False)
    takes: tuple[str, ...]
    time: str

    @property
    def key(self) -> str:
        """Return what tells its code from that of others."""
        return f"{self.module}.{self.function} {self.code}"


class Made(Protocol):
    """A column that a function makes."""

    @property
    def name(self) -> str:
        """Return its name."""
        ...

    @property
    def kind(self) -> Kind | None:
        """Return the kind of its values."""
        ...


class RowFunctionFailed(HoldtrueError):
    """A function of the project raised on a row, or returned what it may not; its exception is the cause."""


def ask_row(ask: Ask, row: dict[str, Any], made: Sequence[Made], *, told: str) -> list[Any]:
    """Return what a function makes of a row, as values of the columns that it makes; NaN and infinity are missing.

    Args:
        ask: the function.
        row: None, bool, int, float, str by name, and the time as an aware datetime.
        made: its columns; None as the kind of one takes whatever comes.
        told: what the function is called in errors.

    Raises:
        RowFunctionFailed: it raised, or returned other names or values.
    """
    try:
        found = ask(row)
    except (Exception, SystemExit) as error:
        raise _tell_raised(error, row, told) from error
    if type(found) is not dict and not isinstance(found, Mapping):
        if not dataclasses.is_dataclass(found) or isinstance(found, type):
            raise RowFunctionFailed(f"{told} returned {_describe(found)}", expected="a dict of columns by name")
        found = {each.name: getattr(found, each.name) for each in dataclasses.fields(found)}
    if len(found) != len(made):
        raise _refuse_names(found, made, told)
    values: list[Any] = []
    for each in made:
        try:
            value = found[each.name]
        except KeyError:
            raise _refuse_names(found, made, told) from None
        values.append(None if value is None else _settle(value, each, told))
    return values


def _settle(value: Any, made: Made, told: str) -> Any:
    """Return a value as its column keeps it."""
    kind, form = made.kind, type(value)
    if form is float:
        if kind is _NUMBER or kind is None:
            return value if math.isfinite(value) else None
    elif form is str or form is bool:
        if kind is None or kind is _OWN_KINDS[form]:
            return value
    elif form is int:
        if kind is _NUMBER:
            return float(value) if abs(value) < _MOST else None
        if (kind is _INTEGER or kind is None) and -_TWO_63 <= value < _TWO_63:
            return value
    elif form.__module__ == "numpy" and getattr(value, "shape", None) == () and type(value.item()) in _FORMS:
        return _settle(value.item(), made, told)
    elif own := next((each for each in _FORMS if isinstance(value, each)), None):  # a float64 of numpy, an IntEnum
        return _settle(own(value), made, told)
    expected = "a number, a text, True, False or None" if kind is None else f"{_WORDS[kind]}, or None"
    raise RowFunctionFailed(f"{told} returned {_describe(value)} for {made.name!r}", expected=expected)


def _tell_raised(error: BaseException, row: Mapping[str, Any], told: str) -> RowFunctionFailed:
    said = f"{told} raised {type(error).__name__}" + (f": {error}" if str(error) else "")
    is_name = isinstance(error, KeyError) and error.args and error.args[0] not in row
    return RowFunctionFailed(said, expected=f"a row has {', '.join(row)}" if is_name else "")


def _refuse_names(found: Mapping[Any, Any], made: Sequence[Made], told: str) -> RowFunctionFailed:
    names = [each.name for each in made]
    lost, more = [n for n in names if n not in found], [n for n in found if n not in names]
    said = [f"left out {', '.join(map(repr, lost))}"] if lost else []
    said += [f"returned {', '.join(map(repr, more))}, which it does not make of other rows"] if more else []
    return RowFunctionFailed(
        f"{told} {' and '.join(said)}", expected=f"the same names of every row: {', '.join(names)}"
    )


def _describe(value: object) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:60] + '...'} ({type(value).__name__})"
