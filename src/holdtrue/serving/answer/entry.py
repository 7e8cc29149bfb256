"""Entry: a row on its way from the request to the log."""

from dataclasses import dataclass

from holdtrue.domain import Assignment, FallbackCause, Role
from holdtrue.serving.answer.batcher import Outcome
from holdtrue.serving.answer.loaded import LoadedVersion
from holdtrue.serving.answer.patience import DeadlinePassed
from holdtrue.serving.request.body import Record
from holdtrue.serving.request.refusal import Refused
from holdtrue.serving.request.row import Event, Row


@dataclass(slots=True)
class Entry:
    """A row on its way. `version` answers it in the end, which is another than assigned after a failure.

    An entry whose outcome is an exception is not answered yet: `Refused` when the row breaks the schema.
    """

    record: Record
    prediction_id: str
    event: Event
    assignment: Assignment
    version: LoadedVersion
    row: Row
    role: Role
    fallback: str | None = None
    outcome: Outcome = ()

    @property
    def is_forced(self) -> bool:
        """Say whether a developer asked for this version by name."""
        return self.assignment.role is Role.FORCED

    @property
    def cause(self) -> FallbackCause | None:
        """Return why the row is not answered; None when it is, or may still be."""
        if not isinstance(self.outcome, Exception):
            return None
        if isinstance(self.outcome, Refused):
            return FallbackCause.SCHEMA
        return FallbackCause.DEADLINE if isinstance(self.outcome, DeadlinePassed) else FallbackCause.FAILURE
