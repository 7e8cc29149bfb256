"""Alerts: open questions for a person; at most one open for each loop, version and cause."""

from datetime import datetime

import sqlalchemy as sa

from holdtrue.domain import Alert
from holdtrue.errors import NotFound
from holdtrue.store.columns import METADATA, Document, Moment
from holdtrue.store.dialect import Words
from holdtrue.store.records import decode_record, encode_record, insert_row

ALERTS = sa.Table(
    "alerts",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("alert_id", sa.Text),
    sa.Column("loop", sa.Text),
    sa.Column("version", sa.Integer),
    sa.Column("cause", sa.Text),
    sa.Column("sentence", Words),
    sa.Column("opened_at", Moment),
    sa.Column("closed_at", Moment),
    sa.Column("evidence", Document),
)


class Alerts:
    """The alerts of all loops."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, alert: Alert) -> Alert:
        """Open an alert.

        Raises:
            StateConflict: its id is taken, or one with the same loop, version and cause is open.
        """
        insert_row(self._connection, ALERTS, encode_record(alert))
        return alert

    def close(self, alert_id: str, at: datetime) -> None:
        """Close an alert; one that is closed already stays as it is. Raises `NotFound`."""
        is_row = ALERTS.c.alert_id == alert_id
        self._connection.execute(sa.update(ALERTS).where(is_row, ALERTS.c.closed_at.is_(None)).values(closed_at=at))
        if self._connection.execute(sa.select(ALERTS.c.sequence).where(is_row)).first() is None:
            raise NotFound(f"there is no alert {alert_id!r}", expected="the id of an alert")

    def open(self, loop: str) -> list[Alert]:
        """Return the open alerts of a loop, oldest first."""
        return self._select(ALERTS.c.loop == loop, ALERTS.c.closed_at.is_(None))

    def all(self, loop: str) -> list[Alert]:
        """Return the alerts of a loop, oldest first."""
        return self._select(ALERTS.c.loop == loop)

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Alert]:
        statement = sa.select(ALERTS).where(*conditions).order_by(ALERTS.c.sequence)
        return [decode_record(row, Alert) for row in self._connection.execute(statement)]
