"""Lookup: what was gathered of past rows at a refresh, for servers, which have no past rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from holdtrue.domain.feature import Past


@dataclass(frozen=True, kw_only=True)
class PastTable:
    """What one declaration gathered: `values` by the key of `Past.find_key`, of the labels known at `refreshed_at`."""

    refreshed_at: datetime
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """The tables of a loop, by the digest of the declaration that each was gathered for."""

    tables: Mapping[str, PastTable]

    def find(self, past: Past, values: Mapping[str, object], *, at: datetime) -> float | None:
        """Return what was gathered for the values of a row of the moment `at`; None where that is nothing.

        A row that is older than the refresh by more than the time between two of them gets nothing: what was known
        at its time is gone, and what is known now came later.
        """
        table, key = self.tables.get(past.digest), past.find_key(values)
        if table is None or key is None or at < table.refreshed_at - past.every:
            return None
        return table.values.get(key)


NO_LOOKUP = Lookup(tables={})
