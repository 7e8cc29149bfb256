"""Labels: every label as it came; the last one received for a key counts, the earlier ones are kept."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from holdtrue.domain import LabelFact
from holdtrue.store.columns import METADATA, Document
from holdtrue.store.dialect import COUNTED, Words, is_one_of, is_postgres, make_insert
from holdtrue.store.records import encode_record

BATCH_ROWS = 50_000
COLUMNS = ("sequence", "key", "prediction_id", "label", "at", "received_at")

LABELS = sa.Table(
    "labels",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("loop", sa.Text),
    sa.Column("key", Words),
    sa.Column("prediction_id", Words),
    sa.Column("label", Document),
    sa.Column("at", sa.Float),
    sa.Column("received_at", sa.Float),
)
LABEL_OFFSETS = sa.Table(
    "label_offsets",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger),
)


class Labels:
    """The labels of all loops, and how far each label segment was taken in."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, facts: Sequence[LabelFact]) -> int:
        """Keep labels and return how many were new; one that equals an earlier one in every field is left out."""
        if not facts:
            return 0
        rows = [encode_record(fact) for fact in facts]
        with self._connection.begin_nested():
            statement = make_insert(self._connection, LABELS).on_conflict_do_nothing()
            return int(self._connection.execute(statement, rows, execution_options=COUNTED).rowcount)

    def all(self, loop: str) -> list[LabelFact]:
        """Return the labels of a loop in the order of receipt."""
        columns = [LABELS.c[name] for name in ("loop", "label", "at", "received_at", "key", "prediction_id")]
        statement = sa.select(*columns).where(LABELS.c.loop == loop).order_by(LABELS.c.received_at, LABELS.c.sequence)
        return [LabelFact(**row._mapping) for row in self._connection.execute(statement)]

    def walk(self, loop: str, *, after: int = 0) -> Iterator[dict[str, tuple[Any, ...]]]:
        """Yield the labels of a loop that were written after the one of that sequence, in that order, many at a time.

        Columns: `sequence` (never given twice), `key` and `prediction_id`, of which one is None, `label` as JSON text,
        `at` and `received_at`. Nobody needs an object for each of millions.
        """
        # On SQLite texts stand as they are: a call for each of them would take longer than to read them.
        words = Words if is_postgres(self._connection) else sa.Text
        kinds = {"key": words, "prediction_id": words, "label": sa.Text}
        columns = [sa.type_coerce(LABELS.c[name], kinds.get(name, LABELS.c[name].type)) for name in COLUMNS]
        statement = sa.select(*columns).where(LABELS.c.loop == loop, LABELS.c.sequence > after)
        for rows in self._connection.execute(statement.order_by(LABELS.c.sequence)).partitions(BATCH_ROWS):
            yield dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))

    def latest(
        self, loop: str, *, keys: Sequence[str], prediction_ids: Sequence[str]
    ) -> dict[tuple[str | None, str | None], LabelFact]:
        """Return the label received last of each event that is named, by (key, prediction_id), one of which is None."""
        columns = [LABELS.c[name] for name in ("loop", "label", "at", "received_at", "key", "prediction_id")]
        is_meant = sa.or_(
            is_one_of(self._connection, LABELS.c.key, keys),
            is_one_of(self._connection, LABELS.c.prediction_id, prediction_ids),
        )
        statement = sa.select(*columns).where(LABELS.c.loop == loop, is_meant)
        rows = self._connection.execute(statement.order_by(LABELS.c.received_at, LABELS.c.sequence))
        return {(row.key, row.prediction_id): LabelFact(**row._mapping) for row in rows}

    def count(self, loop: str) -> int:
        """Return how many labels a loop has received."""
        statement = sa.select(sa.func.count()).select_from(LABELS).where(LABELS.c.loop == loop)
        return int(self._connection.execute(statement).scalar_one())

    def erase(self, loop: str, key: str, *, prediction_ids: Sequence[str] = ()) -> int:
        """Remove all labels of a key, and of the predictions made for it; return how many went."""
        is_meant = sa.or_(LABELS.c.key == key, is_one_of(self._connection, LABELS.c.prediction_id, prediction_ids))
        return int(self._connection.execute(sa.delete(LABELS).where(LABELS.c.loop == loop, is_meant)).rowcount)

    def offset(self, name: str) -> int:
        """Return up to which byte the segment of that name was taken in; 0 for one never seen."""
        statement = sa.select(LABEL_OFFSETS.c.position).where(LABEL_OFFSETS.c.name == name)
        return int(self._connection.execute(statement).scalar() or 0)

    def offsets(self) -> dict[str, int]:
        """Return the offset of every segment that was taken in."""
        return {row.name: row.position for row in self._connection.execute(sa.select(LABEL_OFFSETS))}

    def set_offset(self, name: str, n: int) -> None:
        """Say that the segment was taken in up to byte `n`; in the same transaction as its labels."""
        statement = make_insert(self._connection, LABEL_OFFSETS).values(name=name, position=n)
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"position": statement.excluded.position})
        )
