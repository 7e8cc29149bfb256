"""Formula: an expression over one row, as a plain Python function for processes that have no dataframes.

A formula is JSON: a list of an operation's name and its operands, such as [">", ["col", "distance"], ["lit", 500]]. All
whole numbers have 64 bits and wrap, all others are 64-bit floats; a missing value makes a result missing, but for those
operations that ask for it. What comes out as NaN or infinite is taken as missing. Polars means the same by the
expression that a formula was made of, and a training proves it on rows.
"""

import math
import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from holdtrue.domain.digest import Json
from holdtrue.domain.schema import Kind

Values = Any  # by name or by place; each is None, bool, int, float, str, or an aware datetime
Evaluate = Callable[[Values], Any]
_Make = Callable[[Json], Evaluate]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TWO_64 = 2**64
_TWO_63 = 2**63


def make_formula(text: str, *, places: Mapping[str, int] | None = None, kind: Kind | None = None) -> Evaluate:
    """Return what evaluates a formula on the values of one row.

    Args:
        text: the formula as JSON.
        places: where each name stands in a list of values, which is sooner read than a mapping; None for values by
            name. What has no place, or no name, is missing.
        kind: of the column that it is to be a value of, see `settle_value`; None for what it comes to.

    >>> make_formula('["*", ["col", "miles"], ["lit", 1.609]]')({"miles": 100})
    160.9
    >>> make_formula('["/", ["col", "miles"], ["lit", 0]]', places={"miles": 0}, kind=Kind.NUMBER)([100]) is None
    True
    """
    take = _take if places is None else partial(_take_place, places=places)

    def make(tree: Json) -> Evaluate:
        return _make(tree, make, take)

    evaluate = make(msgspec.json.decode(text))
    return evaluate if kind is None else _settle(evaluate, _SETTLERS[kind])


def settle_value(value: Any, kind: Kind) -> Any:
    """Return what a formula came to as a value of a column of this kind; NaN and infinity are missing."""
    return None if value is None else _SETTLERS[kind](value)


def _settle(evaluate: Evaluate, settle: Callable[[Any], Any]) -> Evaluate:
    def ask(values: Values) -> Any:
        value = evaluate(values)
        return None if value is None else settle(value)

    return ask


def _settle_number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def read_instant(seconds: float) -> datetime:
    """Return a moment (Unix seconds UTC) as formulas take it, to the microsecond."""
    return _EPOCH + timedelta(0, 0, round(seconds * 1_000_000))


def _make(tree: Json, make: _Make, take: Callable[[str], Evaluate]) -> Evaluate:
    name, operands = tree[0], tree[1:]
    if name == "col":
        return take(operands[0])
    if name == "lit":
        return _fix(operands[0])
    if name in _PLAIN:
        return _make_plain(_PLAIN[name], operands, make)
    if name in _PARTS:
        return _make_part(_PARTS[name], make(operands[0]), operands[1])
    return _SPECIAL[name](operands, make)


def _take(name: str) -> Evaluate:
    return lambda values: values.get(name)


def _take_place(name: str, *, places: Mapping[str, int]) -> Evaluate:
    return operator.itemgetter(places[name]) if name in places else _fix(None)


def _fix(value: Any) -> Evaluate:
    return lambda _: value


def _make_plain(work: Callable[..., Any], operands: list[Json], make: _Make) -> Evaluate:
    """Return an operation that is missing wherever one of its operands is."""
    if len(operands) == 1:
        only = make(operands[0])

        def ask_one(values: Values) -> Any:
            value = only(values)
            return None if value is None else work(value)

        return ask_one
    one = make(operands[0])
    if operands[1][0] == "lit" and (constant := operands[1][1]) is not None:

        def ask_with(values: Values) -> Any:
            value = one(values)
            return None if value is None else work(value, constant)

        return ask_with
    other = make(operands[1])

    def ask_two(values: Values) -> Any:
        left, right = one(values), other(values)
        return None if left is None or right is None else work(left, right)

    return ask_two


def _make_part(take: Callable[[datetime], int], moment: Evaluate, zone: str) -> Evaluate:
    place = UTC if zone == "UTC" else ZoneInfo(zone)

    def ask(values: Values) -> Any:
        value = moment(values)
        return None if value is None else take(value.astimezone(place))

    return ask


def _make_choice(operands: list[Json], make: _Make) -> Evaluate:
    test, first, second = (make(each) for each in operands)
    return lambda values: first(values) if test(values) else second(values)


def _make_first(operands: list[Json], make: _Make) -> Evaluate:
    parts = [make(each) for each in operands]

    def ask(values: Values) -> Any:
        for part in parts:
            if (value := part(values)) is not None:
                return value
        return None

    return ask


def _make_null(operands: list[Json], make: _Make) -> Evaluate:
    part = make(operands[0])
    return lambda values: part(values) is None


def _make_all(operands: list[Json], make: _Make) -> Evaluate:
    one, other = (make(each) for each in operands)
    return lambda values: _join_truths(one(values), other(values), decisive=False)


def _make_any(operands: list[Json], make: _Make) -> Evaluate:
    one, other = (make(each) for each in operands)
    return lambda values: _join_truths(one(values), other(values), decisive=True)


def _join_truths(one: bool | None, other: bool | None, *, decisive: bool) -> bool | None:
    """Return the three-valued AND (decisive=False) or OR (decisive=True)."""
    if one is decisive or other is decisive:
        return decisive
    return None if one is None or other is None else not decisive


def _make_membership(operands: list[Json], make: _Make) -> Evaluate:
    part, members = make(operands[0]), frozenset(operands[1])

    def ask(values: Values) -> Any:
        value = part(values)
        return None if value is None else value in members

    return ask


def _make_clip(operands: list[Json], make: _Make) -> Evaluate:
    part, (low, high) = make(operands[0]), operands[1:]

    def ask(values: Values) -> Any:
        value = part(values)
        if value is None:
            return None
        if low is not None and value < low:
            return low
        return high if high is not None and value > high else value

    return ask


def _wrap(value: Any) -> Any:
    """Return a whole number as 64 bits hold it; a float as it is."""
    if isinstance(value, int) and not -_TWO_63 <= value < _TWO_63:
        return (value + _TWO_63) % _TWO_64 - _TWO_63
    return value


def _divide(one: float, other: float) -> float:
    one, other = float(one), float(other)
    if other:
        try:
            return one / other
        except OverflowError:
            return math.inf
    if not one or math.isnan(one):
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1.0, other)


def _raise(one: float, other: float) -> float:
    try:
        return math.pow(one, other)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.inf if not one else math.nan


def _take_log(value: float, base: float) -> float:
    return _divide(_take_ln(value), _take_ln(base)) if base != math.e else _take_ln(value)


def _take_ln(value: float) -> float:
    if value > 0:
        return math.log(value)
    return math.nan if value < 0 or math.isnan(value) else -math.inf


def _take_log1p(value: float) -> float:
    if value > -1:
        return math.log1p(value)
    return math.nan if value < -1 or math.isnan(value) else -math.inf


def _take_exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _take_root(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def _round_with(work: Callable[[float], float]) -> Callable[[Any], Any]:
    """Return a rounding of floats; whole numbers and what is not finite stay as they are."""

    def rounded(value: Any) -> Any:
        return float(work(value)) if isinstance(value, float) and math.isfinite(value) else value

    return rounded


def _make_whole(value: Any) -> int | None:
    if isinstance(value, float) and not (math.isfinite(value) and -_TWO_63 <= value < _TWO_63):
        return None
    return int(value)


def _rank(value: Any) -> tuple[bool, Any]:
    # NaN is equal to itself and greater than every other number.
    is_nan = isinstance(value, float) and math.isnan(value)
    return (is_nan, 0 if is_nan else value)


def _compare(work: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(one: Any, other: Any) -> bool:
        if one == one and other == other:  # neither is NaN  # noqa: PLR0124
            return work(one, other)
        return work(_rank(one), _rank(other))

    return compare


_PLAIN: Mapping[str, Callable[..., Any]] = {
    "+": lambda one, other: _wrap(one + other),
    "-": lambda one, other: _wrap(one - other),
    "*": lambda one, other: _wrap(one * other),
    "/": _divide,
    "**": _raise,
    "<": _compare(operator.lt),
    "<=": _compare(operator.le),
    ">": _compare(operator.gt),
    ">=": _compare(operator.ge),
    "==": _compare(operator.eq),
    "!=": _compare(operator.ne),
    "neg": lambda value: _wrap(-value),
    "abs": lambda value: _wrap(abs(value)),
    "not": operator.not_,
    "is_nan": math.isnan,
    "log": _take_log,
    "log1p": _take_log1p,
    "exp": _take_exp,
    "sqrt": _take_root,
    "floor": _round_with(math.floor),
    "ceil": _round_with(math.ceil),
    "float": float,
    "int": _make_whole,
    "bool": bool,
    "contains": lambda text, part: part in text,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "len_chars": len,
}
_PARTS: Mapping[str, Callable[[datetime], int]] = {
    "year": operator.attrgetter("year"),
    "quarter": lambda at: (at.month + 2) // 3,
    "month": operator.attrgetter("month"),
    "week": lambda at: at.isocalendar().week,
    "day": operator.attrgetter("day"),
    "weekday": datetime.isoweekday,
    "ordinal_day": lambda at: at.timetuple().tm_yday,
    "hour": operator.attrgetter("hour"),
    "minute": operator.attrgetter("minute"),
}
_SETTLERS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.NUMBER: _settle_number,
    Kind.INTEGER: int,
    Kind.BOOLEAN: bool,
    Kind.TEXT: str,
}
_SPECIAL: Mapping[str, Callable[[list[Json], _Make], Evaluate]] = {
    "when": _make_choice,
    "coalesce": _make_first,
    "is_null": _make_null,
    "and": _make_all,
    "or": _make_any,
    "in": _make_membership,
    "clip": _make_clip,
}
