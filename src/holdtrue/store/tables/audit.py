"""Audit: the hash chain of everything that was decided; the database refuses to change or remove a link."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from holdtrue.domain import FIRST, AuditEntry, Json, link_digest
from holdtrue.errors import DeclarationError
from holdtrue.store.columns import METADATA, Document, Moment, decode_moment
from holdtrue.store.dialect import Words, as_bytes, is_postgres, read_words
from holdtrue.store.records import decode_record, encode_record, insert_row, refuse_endless_numbers

AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("loop", sa.Text, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("at", Moment),
    sa.Column("actor", Words),
    sa.Column("action", Words),
    sa.Column("subject", Words),
    sa.Column("sentence", Words),
    sa.Column("detail", Document),
    sa.Column("previous", sa.Text),
    sa.Column("digest", sa.Text),
)
AUDIT_HEADS = sa.Table(
    "audit_heads",
    METADATA,
    sa.Column("loop", sa.Text, primary_key=True),
    sa.Column("sequence", sa.Integer),
    sa.Column("digest", sa.Text),
)
_TEXTS = ("at", "actor", "action", "subject", "sentence", "detail", "previous", "digest")


class AuditLog:
    """The audit chains of all loops; a trigger of the database moves the head with each entry."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(
        self,
        *,
        loop: str,
        at: datetime,
        actor: str,
        action: str,
        subject: str,
        sentence: str,
        detail: Mapping[str, Json] | None = None,
    ) -> AuditEntry:
        """Add a link to the chain of a loop and return it."""
        if at.tzinfo is None:
            raise DeclarationError(f"the moment {at.isoformat()} has no time zone", expected="an aware datetime")
        refuse_endless_numbers(detail, path="detail")
        sequence, previous = self._head(loop) or (0, FIRST)
        link: dict[str, Any] = {
            "loop": loop,
            "sequence": sequence + 1,
            "at": at.astimezone(UTC),
            "actor": actor,
            "action": action,
            "subject": subject,
            "sentence": sentence,
            # As it will be read back: the digest must not depend on how a number or a tuple was said.
            "detail": msgspec.json.decode(msgspec.json.encode(detail or {})),
            "previous": previous,
        }
        entry = AuditEntry(**link, digest=link_digest(**link))
        insert_row(self._connection, AUDIT, encode_record(entry))
        return entry

    def all(self, loop: str) -> list[AuditEntry]:
        """Return the chain of a loop, oldest link first."""
        statement = sa.select(AUDIT).where(AUDIT.c.loop == loop).order_by(AUDIT.c.sequence)
        return [decode_record(row, AuditEntry) for row in self._connection.execute(statement)]

    def verify(self, loop: str) -> int | None:
        """Return the sequence of the first link that is broken, or None when the whole chain holds."""
        # As bytes: a damaged text may be no text any more, and must be named rather than stop the reading.
        columns = [as_bytes(self._connection, AUDIT.c[name]).label(name) for name in _TEXTS]
        statement = sa.select(AUDIT.c.sequence, *columns).where(AUDIT.c.loop == loop).order_by(AUDIT.c.sequence)
        read = read_words if is_postgres(self._connection) else str
        expected, previous = 1, FIRST
        for row in self._connection.execute(statement):
            if row.sequence != expected or not _is_sound(dict(row._mapping), read, loop=loop, previous=previous):
                return expected
            expected, previous = expected + 1, row.digest.decode()
        head = self._head(loop) or (0, FIRST)
        return None if head == (expected - 1, previous) else expected

    def _head(self, loop: str) -> tuple[int, str] | None:
        row = self._connection.execute(sa.select(AUDIT_HEADS).where(AUDIT_HEADS.c.loop == loop)).first()
        return None if row is None else (row.sequence, row.digest)


def _is_sound(fields: dict[str, Any], read: Callable[[str], str], *, loop: str, previous: str) -> bool:
    """Say whether a link's digest is that of its fields, and its `previous` that of the link before."""
    try:
        texts = {name: read(fields[name].decode()) for name in _TEXTS}
        digest = texts.pop("digest")
        at, detail = decode_moment(texts.pop("at")), msgspec.json.decode(texts.pop("detail"))
        expected = link_digest(loop=loop, sequence=fields["sequence"], at=at, detail=detail, **texts)
    except (ValueError, AttributeError, msgspec.DecodeError):
        return False
    return bool(digest == expected and texts["previous"] == previous)
