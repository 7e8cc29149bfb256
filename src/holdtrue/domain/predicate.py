"""Predicate: a rule as a plain Python function, for processes that have no SQL engine.

It knows that part of SQL in which its meaning is exactly the engine's: comparisons, + - * /, AND, OR, NOT, IS NULL,
BETWEEN and IN, over columns and constants, with three-valued logic. All numbers are 64-bit floats; of floats, NaN is
equal to itself and greater than all others, as polars has it. A rule beyond that part is no predicate.
An expression is read in the same way; its value may be of any kind, and CASE WHEN ... THEN ... ELSE ... END chooses.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from holdtrue.domain.schema import Kind

Values = Mapping[str, object]
Evaluate = Callable[[Values], object]  # float, str, bool, or None where a value is missing

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
  | (?P<text>'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")+")
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign><>|!=|<=|>=|==|-(?!-)|/(?!\*)|[+*=<>(),])
    )""",
    re.VERBOSE,
)
_OWN = frozenset({"and", "or", "not", "is", "null", "between", "in", "true", "false"})
_CHOOSING = frozenset({"case", "when", "then", "else", "end"})
# Bare, these are the clock and no columns.
_CLOCK = frozenset({"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"})
_MOST_DIGITS = 15  # a float holds as many exactly, so that no reader of the constant can round it otherwise
_COMPARED = frozenset({"=", "==", "<>", "!=", "<", "<=", ">", ">="})


@dataclass(frozen=True)
class Predicate:
    """A rule that can be asked about one row: the columns that it reads, and whether it holds (None: not known)."""

    names: tuple[str, ...]
    ask: Callable[[Values], bool | None]


@dataclass(frozen=True)
class Expression:
    """A value that can be calculated from one row: the columns that it reads, its kind, and how (None: not known).

    `kind` is NUMBER (a float), TEXT or BOOLEAN.
    """

    names: tuple[str, ...]
    kind: Kind
    evaluate: Evaluate


class _Beyond(Exception):
    """The rule is beyond what a predicate can say."""


@dataclass(frozen=True)
class _Part:
    """A part of a rule: the kind of its value, and whether that is the same in each row."""

    kind: Kind
    evaluate: Evaluate
    is_constant: bool = False


def make_predicate(text: str, kinds: Mapping[str, Kind]) -> Predicate | None:
    """Return a rule over columns of these kinds as a predicate; None when it says more than a predicate can.

    >>> make_predicate("low <= high OR note IS NULL", {"low": Kind.NUMBER, "high": Kind.NUMBER, "note": Kind.TEXT}).ask(
    ...     {"low": 2.0, "high": 1.0, "note": "x"})
    False
    """
    try:
        reader = _Reader(text, kinds)
        part = reader.read_whole()
    except (_Beyond, RecursionError):
        return None
    if part.kind is not Kind.BOOLEAN or part.is_constant:
        return None

    def ask(values: Values) -> bool | None:
        answer = part.evaluate(values)
        return None if answer is None else bool(answer)

    return Predicate(names=tuple(reader.names), ask=ask)


def make_expression(text: str, kinds: Mapping[str, Kind]) -> Expression | None:
    """Return an expression over columns of these kinds; None when it says more than this part of SQL can.

    >>> make_expression("CASE WHEN far > 1000 THEN .3 ELSE .1 END", {"far": Kind.NUMBER}).evaluate({"far": 1200.0})
    0.3
    """
    try:
        reader = _Reader(text, kinds, own=_OWN | _CHOOSING)
        part = reader.read_whole()
    except (_Beyond, RecursionError):
        return None
    return Expression(names=tuple(reader.names), kind=part.kind, evaluate=part.evaluate)


class _Reader:
    """Reads a rule by recursive descent: each method reads one level of SQL's precedence."""

    def __init__(self, text: str, kinds: Mapping[str, Kind], *, own: frozenset[str] = _OWN) -> None:
        self.kinds = kinds
        self.names: dict[str, None] = {}
        self.tokens: list[tuple[str, str]] = []
        place, end = 0, len(text.rstrip())
        while place < end:
            match = _TOKEN.match(text, place)
            if match is None or match.lastgroup is None:
                raise _Beyond
            kind, token = match.lastgroup, match.group(match.lastgroup)
            is_own = kind == "word" and token.lower() in own
            self.tokens.append(("own", token.lower()) if is_own else (kind, token))
            place = match.end()
        self.place = 0

    def read_whole(self) -> _Part:
        part = self.read_or()
        if self.place < len(self.tokens):
            raise _Beyond
        return part

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "")

    def take(self, kind: str, *tokens: str) -> str | None:
        found = self.peek()
        if found[0] != kind or (tokens and found[1] not in tokens):
            return None
        self.place += 1
        return found[1]

    def need(self, kind: str, *tokens: str) -> str:
        token = self.take(kind, *tokens)
        if token is None:
            raise _Beyond
        return token

    def read_or(self) -> _Part:
        part = self.read_and()
        while self.take("own", "or"):
            part = _join(part, self.read_and(), strong=True)
        return part

    def read_and(self) -> _Part:
        part = self.read_not()
        while self.take("own", "and"):
            part = _join(part, self.read_not(), strong=False)
        return part

    def read_not(self) -> _Part:
        return _negate(self.read_not()) if self.take("own", "not") else self.read_test()

    def read_test(self) -> _Part:
        part = self.read_sum()
        sign = self.take("sign", *_COMPARED)
        if sign is not None:
            part = _compare(part, sign, self.read_sum())
        elif self.take("own", "is"):
            is_negated = self.take("own", "not") is not None
            self.need("own", "null")
            part = _ask_null(part, is_negated=is_negated)
        elif self.peek()[1] in ("not", "between", "in") and self.peek()[0] == "own":
            is_negated = self.take("own", "not") is not None
            found = self.read_range(part) if self.need("own", "between", "in") == "between" else self.read_set(part)
            part = _negate(found) if is_negated else found
        if self.peek()[1] in _COMPARED or self.peek() in (("own", "is"), ("own", "between"), ("own", "in")):
            raise _Beyond  # a < b < c, a = b IS NULL: read otherwise by each engine
        return part

    def read_range(self, part: _Part) -> _Part:
        low = self.read_sum()
        self.need("own", "and")
        return _join(_compare(part, ">=", low), _compare(part, "<=", self.read_sum()), strong=False)

    def read_set(self, part: _Part) -> _Part:
        self.need("sign", "(")
        members = [self.read_constant()]
        while self.take("sign", ","):
            members.append(self.read_constant())
        self.need("sign", ")")
        if part.is_constant or any(member.kind is not part.kind for member in members):
            raise _Beyond
        held, evaluate = frozenset(member.evaluate({}) for member in members), part.evaluate

        def contains(values: Values) -> bool | None:
            value = evaluate(values)
            return None if value is None else value in held

        return _Part(Kind.BOOLEAN, contains)

    def read_constant(self) -> _Part:
        part = self.read_factor()
        if not part.is_constant or part.kind is Kind.BOOLEAN:
            raise _Beyond
        return part

    def read_sum(self) -> _Part:
        part = self.read_product()
        while sign := self.take("sign", "+", "-"):
            part = _calculate(part, sign, self.read_product())
        return part

    def read_product(self) -> _Part:
        part = self.read_factor()
        while sign := self.take("sign", "*", "/"):
            part = _calculate(part, sign, self.read_factor())
        return part

    def read_factor(self) -> _Part:
        if self.take("sign", "-"):
            return _flip(self.read_factor())
        if self.take("sign", "("):
            part = self.read_or()
            self.need("sign", ")")
            return part
        if self.take("own", "case"):
            return self.read_case()
        if number := self.take("number"):
            return _read_number(number)
        if text := self.take("text"):
            return _fix(Kind.TEXT, text[1:-1].replace("''", "'"))
        if truth := self.take("own", "true", "false"):
            return _fix(Kind.BOOLEAN, truth == "true")
        if quoted := self.take("quoted"):
            return self.read_column(quoted[1:-1].replace('""', '"'))
        word = self.need("word")
        _need(word.lower() not in _CLOCK)
        return self.read_column(word)

    def read_case(self) -> _Part:
        ways: list[tuple[Evaluate, Evaluate]] = []
        kinds: set[Kind] = set()
        while self.take("own", "when"):
            condition = self.read_or()
            _need(condition.kind is Kind.BOOLEAN and not condition.is_constant)
            self.need("own", "then")
            chosen = self.read_or()
            ways.append((condition.evaluate, chosen.evaluate))
            kinds.add(chosen.kind)
        otherwise: Evaluate = _know_nothing
        if self.take("own", "else"):
            last = self.read_or()
            otherwise = last.evaluate
            kinds.add(last.kind)
        self.need("own", "end")
        _need(bool(ways) and len(kinds) == 1)

        def choose(values: Values) -> object:
            return next((value for holds, value in ways if holds(values) is True), otherwise)(values)

        return _Part(kinds.pop(), choose)

    def read_column(self, name: str) -> _Part:
        if name not in self.kinds or self.peek() == ("sign", "("):
            raise _Beyond
        self.names[name] = None
        kind = self.kinds[name]
        if kind in (Kind.TEXT, Kind.BOOLEAN):
            return _Part(kind, lambda values: values[name])

        def read(values: Values) -> float | None:
            value = values[name]
            return None if value is None else float(value)  # type: ignore[arg-type]

        return _Part(Kind.NUMBER, read)


def _know_nothing(_: Values) -> None:
    return None


def _fix(kind: Kind, value: object) -> _Part:
    return _Part(kind, lambda _: value, is_constant=True)


def _read_number(text: str) -> _Part:
    if sum(letter.isdigit() for letter in text.lower().split("e")[0]) > _MOST_DIGITS or not math.isfinite(float(text)):
        raise _Beyond
    return _fix(Kind.NUMBER, float(text))


def _need(is_fit: bool) -> None:
    if not is_fit:
        raise _Beyond


def _flip(part: _Part) -> _Part:
    _need(part.kind is Kind.NUMBER)
    if part.is_constant:
        return _fix(Kind.NUMBER, 0.0 - float(part.evaluate({})))  # type: ignore[arg-type]
    return _calculate(_fix(Kind.NUMBER, 0.0), "-", part)


def _calculate(left: _Part, sign: str, right: _Part) -> _Part:
    # What two constants make is left to the engine: it may calculate in decimals.
    _need(left.kind is right.kind is Kind.NUMBER and not (left.is_constant and right.is_constant))
    first, second, combine = left.evaluate, right.evaluate, _OPERATIONS[sign]

    def calculate(values: Values) -> float | None:
        one, other = first(values), second(values)
        return None if one is None or other is None else combine(one, other)  # type: ignore[arg-type]

    return _Part(Kind.NUMBER, calculate)


def _divide(one: float, other: float) -> float:
    if other:
        return one / other
    return math.nan if not one or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1.0, other)


_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": _divide,
}


def _compare(left: _Part, sign: str, right: _Part) -> _Part:
    _need(left.kind is right.kind and not (left.is_constant and right.is_constant))
    _need(left.kind is not Kind.BOOLEAN or sign in ("=", "==", "<>", "!="))
    first, second, holds = left.evaluate, right.evaluate, _COMPARISONS[sign]

    def compare(values: Values) -> bool | None:
        one, other = first(values), second(values)
        return None if one is None or other is None else holds(_rank(one), _rank(other))

    return _Part(Kind.BOOLEAN, compare)


def _rank(value: object) -> tuple[bool, object]:
    """Return what orders values as the engine does: NaN is equal to itself and above all others."""
    return (True, 0.0) if isinstance(value, float) and math.isnan(value) else (False, value)


_COMPARISONS: dict[str, Callable[[tuple[bool, object], tuple[bool, object]], bool]] = {
    "=": lambda one, other: one == other,
    "==": lambda one, other: one == other,
    "<>": lambda one, other: one != other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def _ask_null(part: _Part, *, is_negated: bool) -> _Part:
    _need(not part.is_constant)
    evaluate = part.evaluate
    return _Part(Kind.BOOLEAN, lambda values: (evaluate(values) is None) is not is_negated)


def _negate(part: _Part) -> _Part:
    _need(part.kind is Kind.BOOLEAN and not part.is_constant)
    evaluate = part.evaluate

    def negate(values: Values) -> bool | None:
        value = evaluate(values)
        return None if value is None else not value

    return _Part(Kind.BOOLEAN, negate)


def _join(left: _Part, right: _Part, *, strong: bool) -> _Part:
    """Return AND (`strong` false) or OR (true): one strong side settles it, else an unknown side leaves it unknown."""
    _need(left.kind is right.kind is Kind.BOOLEAN and not (left.is_constant or right.is_constant))
    first, second = left.evaluate, right.evaluate

    def join(values: Values) -> bool | None:
        one, other = first(values), second(values)
        if one is strong or other is strong:
            return strong
        return None if one is None or other is None else not strong

    return _Part(Kind.BOOLEAN, join)
