"""Aliases: which version a name such as "champion" points at, and pointed at before."""

import sqlalchemy as sa

from holdtrue.domain import AliasEvent
from holdtrue.store.columns import METADATA, Moment
from holdtrue.store.dialect import Words
from holdtrue.store.records import decode_record, encode_record, insert_row

ALIAS_EVENTS = sa.Table(
    "alias_events",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("loop", sa.Text),
    sa.Column("alias", sa.Text),
    sa.Column("version", sa.Integer),
    sa.Column("at", Moment),
    sa.Column("actor", Words),
    sa.Column("reason", Words),
)


class Aliases:
    """The appended history of all aliases."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, event: AliasEvent) -> AliasEvent:
        """Point an alias at a version.

        Raises:
            NotFound: there is no such version.
        """
        insert_row(self._connection, ALIAS_EVENTS, encode_record(event))
        return event

    def current(self, loop: str, alias: str) -> int | None:
        """Return the number of the version that the alias points at, or None when it was never pointed."""
        events = ALIAS_EVENTS.c
        statement = (
            sa.select(events.version)
            .where(events.loop == loop, events.alias == alias)
            .order_by(events.sequence.desc())
            .limit(1)
        )
        number = self._connection.execute(statement).scalar()
        return None if number is None else int(number)

    def history(self, loop: str) -> list[AliasEvent]:
        """Return every pointing in a loop, oldest first."""
        statement = sa.select(ALIAS_EVENTS).where(ALIAS_EVENTS.c.loop == loop).order_by(ALIAS_EVENTS.c.sequence)
        return [decode_record(row, AliasEvent) for row in self._connection.execute(statement)]
