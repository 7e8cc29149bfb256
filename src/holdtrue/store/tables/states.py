"""States: what the control of each loop remembers between two ticks."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from holdtrue.domain import Json
from holdtrue.store.columns import METADATA, Document
from holdtrue.store.records import compare_and_set, insert_row, refuse_endless_numbers

LOOP_STATES = sa.Table(
    "loop_states",
    METADATA,
    sa.Column("loop", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer),
    sa.Column("state", Document),
)


class States:
    """The control state of all loops."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def read(self, loop: str) -> tuple[int, dict[str, Any]] | None:
        """Return revision and state of a loop, or None when none was written yet."""
        row = self._connection.execute(sa.select(LOOP_STATES).where(LOOP_STATES.c.loop == loop)).first()
        return None if row is None else (row.revision, row.state)

    def write(self, loop: str, state: Mapping[str, Json], expected_revision: int | None) -> int:
        """Set the state if it is still at the expected revision (None or 0: not there yet); return the new revision.

        Raises:
            StateConflict: someone else changed it first.
        """
        refuse_endless_numbers(state, path=loop)
        if not expected_revision:
            insert_row(self._connection, LOOP_STATES, {"loop": loop, "revision": 1, "state": state})
            return 1
        return compare_and_set(
            self._connection,
            table=LOOP_STATES,
            key={"loop": loop},
            expected_revision=expected_revision,
            values={"state": state},
        )
