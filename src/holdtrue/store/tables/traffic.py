"""Traffic: the wanted split of each loop in each service; the database itself guards every rise of a share."""

import dataclasses

import sqlalchemy as sa

from holdtrue.domain import Traffic
from holdtrue.errors import StoreFailed
from holdtrue.store.columns import METADATA, Moment
from holdtrue.store.records import compare_and_set, encode_record

TRAFFIC = sa.Table(
    "traffic",
    METADATA,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("loop", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer),
    sa.Column("salt", sa.Text),
    sa.Column("champion", sa.Integer),
    sa.Column("challenger", sa.Integer),
    sa.Column("is_shadowed", sa.Boolean),
    sa.Column("decided_at", Moment),
)
TRAFFIC_SHARES = sa.Table(
    "traffic_shares",
    METADATA,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("loop", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("share", sa.Float),
)


class TrafficRows:
    """The traffic of all loops in all services."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def read(self, service: str, loop: str) -> Traffic | None:
        """Return the wanted split, or None when the service does not serve the loop yet.

        Raises:
            StoreFailed: the row and its guarded shares contradict each other, so someone went around this class.
        """
        rows = sa.select(TRAFFIC).where(TRAFFIC.c.service == service, TRAFFIC.c.loop == loop)
        row = self._connection.execute(rows).first()
        return None if row is None else self._decode(row)

    def all(self, service: str) -> list[Traffic]:
        """Return the wanted splits of a service, by the name of the loop."""
        statement = sa.select(TRAFFIC).where(TRAFFIC.c.service == service).order_by(TRAFFIC.c.loop)
        return [self._decode(row) for row in self._connection.execute(statement).all()]

    def write(self, traffic: Traffic, expected_revision: int | None) -> Traffic:
        """Set the wanted split if it is still at the expected revision (None: not there yet); return it as kept.

        A new row keeps the revision that it comes with; a changed one gets `expected_revision + 1`.

        Raises:
            StateConflict: someone else changed it first.
            PromotionRefused: a version's share would rise without a verdict that allows it; nothing is changed.
            NotFound: there is no such row to change, or no such version.
        """
        values = encode_record(traffic)
        del values["challenger_share"]
        key = {"service": traffic.service, "loop": traffic.loop}
        with self._connection.begin_nested():
            if expected_revision is None:
                self._connection.execute(sa.insert(TRAFFIC).values(values))
            else:
                revision = compare_and_set(
                    self._connection, table=TRAFFIC, key=key, expected_revision=expected_revision, values=values
                )
                traffic = dataclasses.replace(traffic, revision=revision)
            self._write_shares(traffic)
        return traffic

    def _write_shares(self, traffic: Traffic) -> None:
        """Lower first, then raise; rows are changed, not replaced, because the guard compares with what was there."""
        is_row = sa.and_(TRAFFIC_SHARES.c.service == traffic.service, TRAFFIC_SHARES.c.loop == traffic.loop)
        before = self._read_shares(traffic.service, traffic.loop)
        gone = [version for version in before if version not in traffic.shares]
        self._connection.execute(sa.delete(TRAFFIC_SHARES).where(is_row, TRAFFIC_SHARES.c.version.in_(gone)))
        for version, share in sorted(traffic.shares.items(), key=lambda pair: pair[1] - before.get(pair[0], 0.0)):
            if version not in before:
                row = {"service": traffic.service, "loop": traffic.loop, "version": version, "share": share}
                self._connection.execute(sa.insert(TRAFFIC_SHARES).values(row))
            elif before[version] != share:
                statement = sa.update(TRAFFIC_SHARES).where(is_row, TRAFFIC_SHARES.c.version == version)
                self._connection.execute(statement.values(share=share))

    def _read_shares(self, service: str, loop: str) -> dict[int, float]:
        shares = TRAFFIC_SHARES.c
        statement = sa.select(shares.version, shares.share).where(shares.service == service, shares.loop == loop)
        return {row.version: row.share for row in self._connection.execute(statement)}

    def _decode(self, row: sa.Row[tuple[object, ...]]) -> Traffic:
        fields = dict(row._mapping)
        shares = self._read_shares(fields["service"], fields["loop"])
        traffic = Traffic(**fields, challenger_share=shares.get(fields["challenger"], 0.0))
        if shares != traffic.shares:
            raise StoreFailed(
                f"the traffic of {traffic.loop!r} says {traffic.shares}, its guarded shares say {shares}",
                expected="both the same, as traffic.write() keeps them",
                remedy="write the traffic anew (holdtrue rollback)",
            )
        return traffic
