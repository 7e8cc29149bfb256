"""Rollouts: one active at most in each loop, changed only by compare-and-set."""

import dataclasses

import sqlalchemy as sa

from holdtrue.domain import Rollout, RolloutStatus
from holdtrue.errors import NotFound
from holdtrue.store.columns import METADATA, Document, Moment
from holdtrue.store.dialect import Words
from holdtrue.store.records import compare_and_set, decode_record, encode_record, insert_row

ROLLOUTS = sa.Table(
    "rollouts",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("rollout_id", sa.Text),
    sa.Column("loop", sa.Text),
    sa.Column("champion", sa.Integer),
    sa.Column("challenger", sa.Integer),
    sa.Column("plan", Document),
    sa.Column("terms", Document),
    sa.Column("started_at", Moment),
    sa.Column("stage_index", sa.Integer),
    sa.Column("stage_started_at", Moment),
    sa.Column("status", sa.Text),
    sa.Column("ended_at", Moment),
    sa.Column("sentence", Words),
    sa.Column("revision", sa.Integer),
    sa.Column("exposures", Document),
)


class Rollouts:
    """The rollouts of all loops."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, rollout: Rollout) -> Rollout:
        """Keep a new rollout.

        Raises:
            StateConflict: its id is taken, or the loop has an active rollout.
            NotFound: its champion or challenger is no version of the loop.
        """
        insert_row(self._connection, ROLLOUTS, encode_record(rollout))
        return rollout

    def update(self, rollout: Rollout, expected_revision: int) -> Rollout:
        """Change a rollout if it is still at the expected revision; return it as kept, one revision higher.

        Raises:
            StateConflict: someone else changed it first.
            NotFound: there is no such rollout.
        """
        revision = compare_and_set(
            self._connection,
            table=ROLLOUTS,
            key={"rollout_id": rollout.rollout_id},
            expected_revision=expected_revision,
            values=encode_record(rollout),
        )
        return dataclasses.replace(rollout, revision=revision)

    def read(self, rollout_id: str) -> Rollout:
        """Return the rollout with that id; raises `NotFound`."""
        row = self._connection.execute(sa.select(ROLLOUTS).where(ROLLOUTS.c.rollout_id == rollout_id)).first()
        if row is None:
            raise NotFound(f"there is no rollout {rollout_id!r}", expected="the id of a rollout")
        return decode_record(row, Rollout)

    def active(self, loop: str) -> Rollout | None:
        """Return the loop's active rollout, or None."""
        statement = sa.select(ROLLOUTS).where(ROLLOUTS.c.loop == loop, ROLLOUTS.c.status == RolloutStatus.ACTIVE.value)
        row = self._connection.execute(statement).first()
        return None if row is None else decode_record(row, Rollout)

    def all(self, loop: str) -> list[Rollout]:
        """Return the rollouts of a loop, oldest first."""
        statement = sa.select(ROLLOUTS).where(ROLLOUTS.c.loop == loop).order_by(ROLLOUTS.c.sequence)
        return [decode_record(row, Rollout) for row in self._connection.execute(statement)]
