"""Feature: a column that is computed from the raw columns of a row, or from what was known of rows before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

import msgspec

from holdtrue.domain.digest import digest_of
from holdtrue.domain.row_function import RowFunction
from holdtrue.domain.schema import Kind
from holdtrue.domain.span import parse_span
from holdtrue.errors import DeclarationError

_encode = msgspec.json.Encoder().encode
DAY = timedelta(days=1)
SHORTEST = timedelta(seconds=1)
MOMENT = "__time"
"""The name by which formulas read the time of a row."""


class Gathering(StrEnum):
    """What is made of the values of past rows."""

    MEAN = "mean"
    SUM = "sum"
    COUNT = "count"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, kw_only=True)
class Past:
    """What is gathered of past rows: those that share the values of `by`, and whose label became known in a window.

    At a refresh r the window is (r - span, r]: a label that became known at r counts, one known at r - span does not.
    Refreshes are the whole multiples of `every` since 1970 UTC; a row uses the last one at or before its own time.

    Attributes:
        span: the length of the window.
        by: raw columns; empty for all rows together.
        of: the label, or a raw column of numbers or booleans.
        gathering: what is made of the values.
        every: how often it is computed anew.
    """

    span: timedelta
    by: tuple[str, ...]
    of: str
    gathering: Gathering
    every: timedelta

    @cached_property
    def digest(self) -> str:
        """The sha256 of this declaration."""
        return digest_of(self)


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A computed column.

    Attributes:
        name: of the column.
        formula: the expression as JSON, see `make_formula`; the time is its column `__time`. "" for one of the past.
        past: what is gathered; None for an expression.
        function: what makes it of the row, together with other columns; None for an expression.
        kind: of the values that the function returns for it.
    """

    name: str
    formula: str = ""
    past: Past | None = None
    function: RowFunction | None = None
    kind: Kind | None = None


@dataclass(frozen=True, kw_only=True)
class PastWindow:
    """A window over past rows; one of its methods says what is made of their values."""

    span: timedelta
    by: tuple[str, ...]
    of: str
    every: timedelta

    def mean(self) -> Past:
        """Return the mean of the values; null where there is none."""
        return self._gather(Gathering.MEAN)

    def sum(self) -> Past:
        """Return the sum of the values; null where there is none."""
        return self._gather(Gathering.SUM)

    def count(self) -> Past:
        """Return how many values there are; null where there is none."""
        return self._gather(Gathering.COUNT)

    def min(self) -> Past:
        """Return the least value; null where there is none."""
        return self._gather(Gathering.MIN)

    def max(self) -> Past:
        """Return the greatest value; null where there is none."""
        return self._gather(Gathering.MAX)

    def _gather(self, gathering: Gathering) -> Past:
        return Past(span=self.span, by=self.by, of=self.of, gathering=gathering, every=self.every)


def history(
    span: str | timedelta, *, by: str | tuple[str, ...] | list[str] = (), of: str, every: str | timedelta = DAY
) -> PastWindow:
    """Declare a window over past rows, for a feature of a loop: `history("7d", by="carrier", of="delay").mean()`.

    Only rows whose label was known count, from the moment at which it became known. It is computed anew at each whole
    multiple of `every` (since 1970 UTC); in training, in a replay and in service a row uses the last refresh before it.

    Args:
        span: the length of the window, such as "7d": (refresh - span, refresh].
        by: the raw column, or columns, whose values a row shares with those that count; none for all rows.
        of: the label, or a raw column of numbers or booleans. Of two classes the second counts 1 and the first 0.
        every: how often it is computed anew.

    Raises:
        DeclarationError: a span that cannot be read, or is shorter than a second; a column that `by` names twice.

    >>> history("7d", by="carrier", of="delay").mean().gathering
    <Gathering.MEAN: 'mean'>
    """
    length, step = parse_span(span), parse_span(every)
    for name, value in (("the window", length), ("every=", step)):
        if value < SHORTEST:
            raise DeclarationError(f"history(): {name} is {value}", expected='at least a second, such as "7d"')
    if not isinstance(of, str) or not of:
        raise DeclarationError(f"history(of={of!r})", expected="the name of the label or of a raw column")
    names = (by,) if isinstance(by, str) else tuple(by)
    if len(set(names)) < len(names):
        raise DeclarationError(f"history(by={names!r}) names a column twice", expected="each column once")
    return PastWindow(span=length, by=names, of=of, every=step)


def name_past_key(values: Sequence[object]) -> str:
    """Return the key under which a lookup keeps what was gathered for these values of `by`."""
    return _encode(values).decode()
