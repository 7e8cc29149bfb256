"""Cache: outputs of pipeline steps by the digest of everything that went into them."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from holdtrue.domain import Json
from holdtrue.store.columns import METADATA, Document
from holdtrue.store.dialect import COUNTED
from holdtrue.store.records import refuse_endless_numbers

STEP_CACHE = sa.Table(
    "step_cache",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", Document),
)
# Made once: a pipeline of many small steps asks so often that making them would cost as much as the database.
_GET = sa.select(STEP_CACHE.c.value).where(STEP_CACHE.c.key == sa.bindparam("wanted"))
_PUTS = {
    dialect.__name__.rpartition(".")[2]: dialect.insert(STEP_CACHE).on_conflict_do_nothing(index_elements=["key"])
    for dialect in (sqlite, postgresql)
}
_AT_ONCE = 500  # SQLite takes a bounded number of values in one statement


class Cache:
    """The step cache; a value must be something else than null, for that says "not there"."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> Json | None:
        """Return the value that is kept under the key, or None."""
        return self._connection.execute(_GET, {"wanted": key}).scalar()

    def all(self) -> list[tuple[str, Json]]:
        """Return all keys with their values."""
        return [(row.key, row.value) for row in self._connection.execute(sa.select(STEP_CACHE))]

    def remove(self, keys: Sequence[str]) -> None:
        """Forget what is kept under these keys."""
        for first in range(0, len(keys), _AT_ONCE):
            some = keys[first : first + _AT_ONCE]
            self._connection.execute(sa.delete(STEP_CACHE).where(STEP_CACHE.c.key.in_(some)))

    def put(self, key: str, value: Json) -> Json:
        """Keep a value unless the key has one already; return the one that is kept."""
        refuse_endless_numbers(value, path=key)
        put, row = _PUTS[self._connection.dialect.name], {"key": key, "value": value}
        is_new = self._connection.execute(put, row, execution_options=COUNTED).rowcount == 1
        return value if is_new else self.get(key)
