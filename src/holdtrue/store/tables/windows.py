"""Windows: the measured quality of a version over time; measured again as more labels come."""

from collections.abc import Sequence

import sqlalchemy as sa

from holdtrue.domain import Window
from holdtrue.store.columns import METADATA, Document, Moment
from holdtrue.store.dialect import make_insert
from holdtrue.store.records import decode_record, encode_record

WINDOWS = sa.Table(
    "windows",
    METADATA,
    sa.Column("loop", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("starts_at", Moment, primary_key=True),
    sa.Column("ends_at", Moment),
    sa.Column("n_rows", sa.Integer),
    sa.Column("n_due", sa.Integer),
    sa.Column("n_labelled", sa.Integer),
    sa.Column("loss", sa.Float),
    sa.Column("loss_low", sa.Float),
    sa.Column("loss_high", sa.Float),
    sa.Column("metrics", Document),
)
_KEY = [column.name for column in WINDOWS.primary_key]


class Windows:
    """The windows of all versions; one is named by its loop, version and start."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def put(self, windows: Sequence[Window]) -> None:
        """Keep windows; one that is there already is replaced."""
        if not windows:
            return
        statement = make_insert(self._connection, WINDOWS)
        changes = {column.name: statement.excluded[column.name] for column in WINDOWS.c if not column.primary_key}
        upsert = statement.on_conflict_do_update(index_elements=_KEY, set_=changes)
        with self._connection.begin_nested():
            self._connection.execute(upsert, [encode_record(window) for window in windows])

    def all(self, loop: str, version: int | None = None) -> list[Window]:
        """Return the windows of a loop, or of one of its versions, by start and version."""
        statement = sa.select(WINDOWS).where(WINDOWS.c.loop == loop)
        if version is not None:
            statement = statement.where(WINDOWS.c.version == version)
        rows = self._connection.execute(statement.order_by(WINDOWS.c.starts_at, WINDOWS.c.version))
        return [decode_record(row, Window) for row in rows]
