"""Beliefs: what a version believes of its own answers; asked anew as answers and labels come."""

from collections.abc import Sequence

import sqlalchemy as sa

from holdtrue.domain import Belief
from holdtrue.store.columns import METADATA, Document, Moment
from holdtrue.store.dialect import make_insert
from holdtrue.store.records import decode_record, encode_record

BELIEFS = sa.Table(
    "beliefs",
    METADATA,
    sa.Column("loop", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("as_of", Moment),
    sa.Column("n_awaiting", sa.Integer),
    sa.Column("awaiting", sa.Float),
    sa.Column("measured", Document),
    sa.Column("believed", sa.Float),
    sa.Column("excess", Document),
    sa.Column("corrected", Document),
    sa.Column("n_drawn", sa.Integer),
    sa.Column("n_needed", sa.Integer),
    sa.Column("precision", sa.Float),
)
_KEY = [column.name for column in BELIEFS.primary_key]


class Beliefs:
    """The latest beliefs of all versions; one is named by its loop, version and metric."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def put(self, beliefs: Sequence[Belief]) -> None:
        """Keep beliefs; one that is there already is replaced."""
        if not beliefs:
            return
        statement = make_insert(self._connection, BELIEFS)
        changes = {column.name: statement.excluded[column.name] for column in BELIEFS.c if not column.primary_key}
        upsert = statement.on_conflict_do_update(index_elements=_KEY, set_=changes)
        with self._connection.begin_nested():
            self._connection.execute(upsert, [encode_record(belief) for belief in beliefs])

    def read(self, loop: str, version: int) -> list[Belief]:
        """Return what a version believes, by metric; empty where it was never asked."""
        statement = sa.select(BELIEFS).where(BELIEFS.c.loop == loop, BELIEFS.c.version == version)
        return [decode_record(row, Belief) for row in self._connection.execute(statement.order_by(BELIEFS.c.metric))]
