"""Datasets: what each snapshot holds; the rows themselves are an artifact."""

import sqlalchemy as sa

from holdtrue.domain import DatasetRecord
from holdtrue.errors import NotFound
from holdtrue.store.columns import METADATA, Document, Moment
from holdtrue.store.dialect import Words, make_insert
from holdtrue.store.records import decode_record, encode_record

DATASETS = sa.Table(
    "datasets",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("loop", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("as_of", Moment),
    sa.Column("n_rows", sa.Integer),
    sa.Column("n_labelled", sa.Integer),
    sa.Column("starts_at", Moment),
    sa.Column("ends_at", Moment),
    sa.Column("schema", Document),
    sa.Column("task", sa.Text),
    sa.Column("classes", Document),
    sa.Column("source", Words),
)


class Datasets:
    """The snapshots of all loops."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, record: DatasetRecord) -> DatasetRecord:
        """Keep a snapshot's record; return the one that is kept: the first, when the loop has this digest already."""
        statement = make_insert(self._connection, DATASETS).values(encode_record(record))
        self._connection.execute(statement.on_conflict_do_nothing(index_elements=["loop", "digest"]))
        return self.read(record.loop, record.digest)

    def read(self, loop: str, digest: str) -> DatasetRecord:
        """Return the record of a snapshot; raises `NotFound`."""
        statement = sa.select(DATASETS).where(DATASETS.c.loop == loop, DATASETS.c.digest == digest)
        row = self._connection.execute(statement).first()
        if row is None:
            raise NotFound(f"loop {loop!r} has no dataset {digest}", expected="the digest of one of its snapshots")
        return decode_record(row, DatasetRecord)

    def all(self, loop: str) -> list[DatasetRecord]:
        """Return the records of a loop, oldest first."""
        statement = sa.select(DATASETS).where(DATASETS.c.loop == loop).order_by(DATASETS.c.sequence)
        return [decode_record(row, DatasetRecord) for row in self._connection.execute(statement)]
