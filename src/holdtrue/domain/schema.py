"""Schema: the columns that a model is fed and what they may hold, the same for a training frame and for a request."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from holdtrue.domain.digest import digest_of
from holdtrue.errors import DeclarationError

Bound = int | float


class Kind(StrEnum):
    """What the values of a column are."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a column refuses beyond values of another kind, because its declaration says so.

    Attributes:
        low: the least value that is allowed; None for any.
        high: the greatest value that is allowed; None for any.
        levels: the closed set of texts that are allowed; None leaves the set open.
        max_null_share: the share (0..1) of a table's rows that may be null; None for any.
        is_unique: whether a value may occur once only in a table; nulls do not count.
    """

    low: Bound | None = None
    high: Bound | None = None
    levels: tuple[str, ...] | None = None
    max_null_share: float | None = None
    is_unique: bool = False


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its kind, whether nulls are allowed, what was seen in it and what it refuses.

    `levels` are the texts that were seen, `low` and `high` the range (numbers only); they inform and do not refuse, as
    `limits` do. An unseen level of an open column is taken as missing and counted. `unit` is free text.
    """

    name: str
    kind: Kind
    nullable: bool = True
    levels: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    limits: Limits = Limits()

    @property
    def is_closed(self) -> bool:
        """Say whether texts outside the declared set are refused."""
        return self.limits.levels is not None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What must hold in each row: an SQL expression over columns, such as "arrives >= departs AND distance > 0".

    A rule that comes out as null, because a value is missing, is not broken, as with CHECK in a database.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Schema:
    """The feature columns in the order in which the model takes them, and what was declared of table and rows.

    Attributes:
        columns: the columns. A declared schema may name fewer than there are, and others than features.
        rules: what must hold in each row.
        min_rows: fewer rows are refused; None for any number.
        fresh_within: the newest row must not be older than this; None for any age.
        is_ordered: whether rows must come in order of time.
    """

    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = field(default=(), kw_only=True)
    min_rows: int | None = field(default=None, kw_only=True)
    fresh_within: timedelta | None = field(default=None, kw_only=True)
    is_ordered: bool = field(default=False, kw_only=True)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def digest(self) -> str:
        """Return the sha256 of this schema."""
        return digest_of(self)

    def column(self, name: str) -> Column:
        """Return the column of that name; `KeyError` when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True)
class SchemaFile:
    """A declared schema that stands in a TOML file; `path` is relative to the folder of the declaring file."""

    path: str


def column(
    name: str,
    kind: Kind | str,
    *,
    unit: str = "",
    nullable: bool = True,
    low: Bound | None = None,
    high: Bound | None = None,
    levels: Sequence[str] = (),
    closed: bool = False,
    max_null_share: float | None = None,
    unique: bool = False,
    seen: Sequence[float] = (),
) -> Column:
    """Declare a column of a schema.

    Args:
        name: as in the table.
        kind: "number", "integer", "boolean" or "text".
        unit: free text, such as "km".
        nullable: whether a value may be missing.
        low: the least number that is allowed.
        high: the greatest number that is allowed.
        levels: texts that occur.
        closed: whether other texts than `levels` are refused.
        max_null_share: share (0..1) of a table's rows that may be null.
        unique: whether a value may occur once only in a table.
        seen: least and greatest number that were seen; they inform.

    Raises:
        DeclarationError: an unknown kind, or limits that the kind cannot have or that contradict each other.

    >>> column("distance", "number", low=0, unit="mile").limits.low
    0
    """
    if kind not in set(Kind):
        raise _cannot_be(name, f"kind {kind!r}", f"one of {', '.join(Kind)}")
    if len(seen) not in (0, 2):
        raise _cannot_be(name, f"seen {seen!r}", "the least and the greatest number")
    limits = Limits(
        low=low,
        high=high,
        levels=tuple(levels) if closed else None,
        max_null_share=max_null_share,
        is_unique=unique,
    )
    declared = Column(
        name=name,
        kind=Kind(kind),
        nullable=nullable,
        levels=tuple(levels),
        low=float(seen[0]) if seen else None,
        high=float(seen[1]) if seen else None,
        unit=unit,
        limits=limits,
    )
    _check_column(declared)
    return declared


def _check_column(declared: Column) -> None:
    name, kind, levels, limits = declared.name, declared.kind, declared.levels, declared.limits
    ranges = {"seen": (declared.low, declared.high), "low and high": (limits.low, limits.high)}
    for what, (low, high) in ranges.items():
        ends = [end for end in (low, high) if end is not None]
        if ends and kind not in (Kind.NUMBER, Kind.INTEGER):
            raise _cannot_be(name, f"kind {kind.value} and {what}", "these for numbers only")
        if not all(math.isfinite(end) for end in ends) or (len(ends) == 2 and ends[0] > ends[1]):
            raise _cannot_be(name, f"{what} {', '.join(map(str, ends))}", "finite numbers, the lower first")
    if kind is not Kind.TEXT and (levels or declared.is_closed):
        raise _cannot_be(name, f"kind {kind.value} and levels", "levels and closed for texts only")
    if declared.is_closed and not levels:
        raise _cannot_be(name, "a closed set without levels", "the levels that are allowed")
    if len(set(levels)) < len(levels):
        raise _cannot_be(name, "a level twice", "each level once")
    share = limits.max_null_share
    if share is not None and (not declared.nullable or not 0 <= share <= 1):
        raise _cannot_be(name, f"max_null_share {share}", "a share from 0 to 1, of a nullable column")


def _cannot_be(name: str, found: str, expected: str) -> DeclarationError:
    return DeclarationError(f"the column {name!r} has {found}", expected=expected)
