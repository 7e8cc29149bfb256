"""Runs: executions of a pipeline, changed only by compare-and-set."""

import dataclasses

import sqlalchemy as sa

from holdtrue.domain import Run
from holdtrue.errors import NotFound
from holdtrue.store.columns import METADATA, Document, Moment
from holdtrue.store.dialect import Words
from holdtrue.store.records import compare_and_set, decode_record, encode_record, insert_row

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.Text),
    sa.Column("loop", sa.Text),
    sa.Column("reason", Words),
    sa.Column("as_of", Moment),
    sa.Column("state", sa.Text),
    sa.Column("dataset", sa.Text),
    sa.Column("code", sa.Text),
    sa.Column("parameters", Document),
    sa.Column("steps", Document),
    sa.Column("result", Document),
    sa.Column("error", Words),
    sa.Column("started_at", Moment),
    sa.Column("ended_at", Moment),
    sa.Column("cost", Document),
    sa.Column("lease_owner", Words),
    sa.Column("lease_expires_at", Moment),
    sa.Column("revision", sa.Integer),
)


class Runs:
    """The runs of all loops."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, run: Run) -> Run:
        """Keep a new run, with the revision that it has.

        Raises:
            StateConflict: its id is taken.
        """
        insert_row(self._connection, RUNS, encode_record(run))
        return run

    def update(self, run: Run, expected_revision: int) -> Run:
        """Change a run if it is still at the expected revision; return it as kept, one revision higher.

        Raises:
            StateConflict: someone else changed it first.
            NotFound: there is no such run.
        """
        revision = compare_and_set(
            self._connection,
            table=RUNS,
            key={"run_id": run.run_id},
            expected_revision=expected_revision,
            values=encode_record(run),
        )
        return dataclasses.replace(run, revision=revision)

    def read(self, run_id: str) -> Run:
        """Return the run with that id; raises `NotFound`."""
        row = self._connection.execute(sa.select(RUNS).where(RUNS.c.run_id == run_id)).first()
        if row is None:
            raise NotFound(f"there is no run {run_id!r}", expected="the id of a run")
        return decode_record(row, Run)

    def all(self, loop: str) -> list[Run]:
        """Return the runs of a loop, oldest first."""
        statement = sa.select(RUNS).where(RUNS.c.loop == loop).order_by(RUNS.c.sequence)
        return [decode_record(row, Run) for row in self._connection.execute(statement)]
