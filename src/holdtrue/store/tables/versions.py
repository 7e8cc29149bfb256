"""Versions and their releases: appended, never changed."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdtrue.domain import Version
from holdtrue.errors import NotFound
from holdtrue.store.columns import METADATA, Document, Moment
from holdtrue.store.records import decode_record, encode_record, insert_row

VERSIONS = sa.Table(
    "versions",
    METADATA,
    sa.Column("loop", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("digest", sa.Text),
    sa.Column("artifact", sa.Text),
    sa.Column("format", sa.Text),
    sa.Column("signature", Document),
    sa.Column("lineage", Document),
    sa.Column("loss", Document),
    sa.Column("metrics", Document),
    sa.Column("created_at", Moment),
    sa.Column("slices", Document),
)
RELEASES = sa.Table(
    "releases",
    METADATA,
    sa.Column("loop", sa.Text, primary_key=True),
    sa.Column("version_number", sa.Integer, primary_key=True),
    sa.Column("release_digest", sa.Text),
    sa.Column("artifact", sa.Text),
    sa.Column("signature_hex", sa.Text),
    sa.Column("at", Moment),
)


@dataclass(frozen=True, kw_only=True)
class ReleaseRow:
    """Where a version's release document is: the digest that was signed, the artifact that holds it, the signature."""

    loop: str
    version_number: int
    release_digest: str
    artifact: str
    signature_hex: str
    at: datetime


class Versions:
    """The versions of all loops, and the release of each."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, version: Version) -> Version:
        """Keep a version and return it.

        Raises:
            StateConflict: its number or its digest is taken in this loop.
        """
        insert_row(self._connection, VERSIONS, encode_record(version))
        return version

    def read(self, loop: str, number: int) -> Version:
        """Return the version of that number.

        Raises:
            NotFound: the loop has no such version; the message lists those that it has.
        """
        statement = sa.select(VERSIONS).where(VERSIONS.c.loop == loop, VERSIONS.c.number == number)
        row = self._connection.execute(statement).first()
        if row is None:
            numbers = sa.select(VERSIONS.c.number).where(VERSIONS.c.loop == loop).order_by(VERSIONS.c.number)
            names = [f"v{found}" for found in self._connection.scalars(numbers)]
            raise NotFound(
                f"loop {loop!r} has no version v{number}",
                expected=f"one of {', '.join(names)}" if names else "a version; this loop has none yet",
            )
        return decode_record(row, Version)

    def find_digest(self, loop: str, digest: str) -> Version | None:
        """Return the version with that digest, or None."""
        statement = sa.select(VERSIONS).where(VERSIONS.c.loop == loop, VERSIONS.c.digest == digest)
        row = self._connection.execute(statement).first()
        return None if row is None else decode_record(row, Version)

    def all(self, loop: str) -> list[Version]:
        """Return the versions of a loop, oldest first."""
        statement = sa.select(VERSIONS).where(VERSIONS.c.loop == loop).order_by(VERSIONS.c.number)
        return [decode_record(row, Version) for row in self._connection.execute(statement)]

    def next_number(self, loop: str) -> int:
        """Return the number that the next version of the loop takes; the first is 1."""
        highest = sa.select(sa.func.max(VERSIONS.c.number)).where(VERSIONS.c.loop == loop)
        return int(self._connection.execute(highest).scalar() or 0) + 1

    def append_release(
        self, loop: str, version_number: int, release_digest: str, artifact: str, signature_hex: str, at: datetime
    ) -> ReleaseRow:
        """Keep where the release of a version is, and return the row.

        Raises:
            StateConflict: the version has a release already.
            NotFound: there is no such version.
        """
        row = ReleaseRow(
            loop=loop,
            version_number=version_number,
            release_digest=release_digest,
            artifact=artifact,
            signature_hex=signature_hex,
            at=at,
        )
        insert_row(self._connection, RELEASES, encode_record(row))
        return row

    def read_release(self, loop: str, version_number: int) -> ReleaseRow | None:
        """Return where the release of a version is, or None when it has none."""
        statement = sa.select(RELEASES).where(RELEASES.c.loop == loop, RELEASES.c.version_number == version_number)
        row = self._connection.execute(statement).first()
        return None if row is None else decode_record(row, ReleaseRow)
