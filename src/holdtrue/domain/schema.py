"""Schema: the columns that a model is fed, the same for a training frame and for a request."""

from dataclasses import dataclass
from enum import StrEnum

from holdtrue.domain.digest import digest_of


class Kind(StrEnum):
    """What the values of a column are."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its kind, whether nulls are allowed, and for text the levels that were seen.

    `is_closed` says that no other level than `levels` is allowed; in an open column an unseen level is taken as missing
    and counted. `low` and `high` are the range that was seen (numbers only); they inform and do not refuse.
    """

    name: str
    kind: Kind
    nullable: bool = True
    levels: tuple[str, ...] = ()
    is_closed: bool = False
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Schema:
    """The feature columns in the order in which the model takes them."""

    columns: tuple[Column, ...]

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
