"""Lookup: what was gathered of past rows at a refresh, for servers, which have no past rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from holdtrue.domain.feature import Past, name_past_key


@dataclass(frozen=True, kw_only=True)
class PastTable:
    """What one declaration gathered: `values` by the key of `name_past_key`, of the labels known at `refreshed_at`."""

    refreshed_at: datetime
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """The tables of a loop, by the digest of the declaration that each was gathered for."""

    tables: Mapping[str, PastTable]

    def find(self, past: Past, values: Mapping[str, object], *, at: datetime) -> float | None:
        """Return what was gathered for the values of a row of the moment `at`, see `find_by`."""
        return self.find_by(past, [values.get(name) for name in past.by], at=at)

    def find_by(self, past: Past, shared: Sequence[object], *, at: datetime) -> float | None:
        """Return what was gathered for rows that share these values of `by`; None where that is nothing.

        A row whose moment `at` is older than the refresh by more than the time between two of them gets nothing: what
        was known at its time is gone, and what is known now came later.
        """
        table = self.tables.get(past.digest)
        if table is None or None in shared or at < table.refreshed_at - past.every:
            return None
        return table.values.get(name_past_key(shared))


NO_LOOKUP = Lookup(tables={})
