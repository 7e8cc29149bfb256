"""Verdicts: what was judged, and what the share guard of the database goes by."""

import sqlalchemy as sa

from holdtrue.domain import VerdictRecord
from holdtrue.store.columns import METADATA, Document, Moment
from holdtrue.store.records import decode_record, encode_record, insert_row

VERDICTS = sa.Table(
    "verdicts",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("verdict_id", sa.Text),
    sa.Column("loop", sa.Text),
    sa.Column("stage", sa.Text),
    sa.Column("challenger", sa.Text),
    sa.Column("champion", sa.Text),
    sa.Column("evaluation", sa.Text),
    sa.Column("code", sa.Text),
    sa.Column("ruling", sa.Text),
    sa.Column("verdicts", Document),
    sa.Column("decided_at", Moment),
    sa.Column("expires_at", Moment),
)


class Verdicts:
    """The appended verdicts of all loops."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, record: VerdictRecord) -> VerdictRecord:
        """Keep a verdict.

        Raises:
            StateConflict: its id is taken.
        """
        insert_row(self._connection, VERDICTS, encode_record(record))
        return record

    def for_challenger(self, loop: str, digest: str) -> list[VerdictRecord]:
        """Return the verdicts on the version with that digest, oldest first."""
        return self._select(VERDICTS.c.loop == loop, VERDICTS.c.challenger == digest)

    def all(self, loop: str) -> list[VerdictRecord]:
        """Return the verdicts of a loop, oldest first."""
        return self._select(VERDICTS.c.loop == loop)

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[VerdictRecord]:
        statement = sa.select(VERDICTS).where(*conditions).order_by(VERDICTS.c.sequence)
        return [decode_record(row, VerdictRecord) for row in self._connection.execute(statement)]
