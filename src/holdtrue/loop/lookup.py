"""Lookup: what features of the past are worth since the last refresh, kept up for the servers of a loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from holdtrue.data import History, find_refresh, gather_lookup
from holdtrue.domain import NO_LOOKUP, Lookup, Loop, Past, PastTable, encode_canonically, find_former
from holdtrue.serving import read_lookup_file, write_lookup_file
from holdtrue.store import Store


@dataclass
class LookupKeeper:
    """Writes the lookup file of one loop, once for each refresh of what its versions and its declaration gather."""

    loop: Loop
    store: Store
    _kept: Lookup | None = None

    def refresh(self, now: datetime, gather: Callable[[], History]) -> None:
        """Gather anew what a refresh is due for; `gather` returns the rows and is called only then.

        Raises:
            StoreFailed: the disk refused; servers go on with the last lookup.
        """
        wanted = list(dict.fromkeys(self._list_wanted()))
        if not wanted:
            return
        if self._kept is None:
            self._kept = read_lookup_file(self.store.folder, self.loop.name) or NO_LOOKUP
        before = self._kept.tables
        due = {past.digest: find_refresh(now, past.every) for past in wanted}
        fresh = {name for name, moment in due.items() if name in before and before[name].refreshed_at == moment}
        if len(fresh) == len(due):
            return
        known = gather()
        tables = {name: before[name] for name in fresh}
        for past in wanted:
            name, moment = past.digest, due[past.digest]
            if name not in fresh and {*past.by, past.of} <= {*known.gathered_names}:
                tables[name] = PastTable(refreshed_at=moment, values=gather_lookup(past, known, refresh=moment))
        self._kept = Lookup(tables=tables)
        write_lookup_file(self.store.folder, self.loop.name, self._kept)

    def keep(self) -> str | None:
        """Keep the lookup of now as an artifact, for a release, and return its digest; None where there is none."""
        if self._kept is None or not self._kept.tables:
            return None
        return self.store.artifacts.put(encode_canonically(self._kept))

    def _list_wanted(self) -> Iterator[Past]:
        """Yield what the declaration and the versions in service gather."""
        yield from (said for said in self.loop.declared_features.values() if isinstance(said, Past))
        with self.store.reading() as tx:
            former = find_former(tx.aliases.history(self.loop.name))
            rows = [row for row in tx.traffic.all("main") if row.loop == self.loop.name]
            numbers = {former, *(number for row in rows for number in (row.champion, row.challenger))}
            versions = [tx.versions.read(self.loop.name, number) for number in sorted(n for n in numbers if n)]
        for version in versions:
            yield from (feature.past for feature in version.signature.features if feature.past is not None)
