"""Evidence: how the evidence of a rollout came together, traced anew from the log for the page's picture."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from holdtrue.data import LabelReader, PredictionReader, load_last_snapshot, read_history
from holdtrue.domain import EvidencePoint, Rollout
from holdtrue.errors import SourceError
from holdtrue.loop import trace_evidence

from .project import Project

# The page asks every few seconds; evidence moves with labels, which come slower.
SECONDS_KEPT = 5.0


@dataclass
class EvidenceTracer:
    """Traces the evidence of one project's rollouts, and keeps the last trace for a while."""

    project: Project
    _rollout: Rollout | None = None
    _points: tuple[EvidencePoint, ...] = ()
    _traced_at: float = field(default=-SECONDS_KEPT)

    def __post_init__(self) -> None:
        name, store = self.project.loop.name, self.project.store
        self._reader, self._labels = PredictionReader(store.folder / "log" / name), LabelReader(store, name)

    def trace(self, rollout: Rollout) -> tuple[EvidencePoint, ...]:
        """Return where the evidence of a rollout stood as its labels fell due, in order of time."""
        is_settled = rollout.ended_at is not None and rollout == self._rollout
        if is_settled or (rollout == self._rollout and time.monotonic() - self._traced_at < SECONDS_KEPT):
            return self._points
        self._rollout, self._traced_at = rollout, time.monotonic()
        self._points = self._trace(rollout)
        return self._points

    def _trace(self, rollout: Rollout) -> tuple[EvidencePoint, ...]:
        name, store = self.project.loop.name, self.project.store
        log, now = self._reader.read(), rollout.ended_at or self.project.clock.now()
        if not log.height:
            return ()
        labels = self._labels.read(as_of=now, predictions=log)
        with store.reading() as tx:
            versions = {number: tx.versions.read(name, number) for number in (rollout.champion, rollout.challenger)}
        return trace_evidence(log, labels, rollout, versions, label_delay=self._label_delay, now=now)

    @cached_property
    def _label_delay(self) -> timedelta:
        return find_label_delay(self.project)


def find_label_delay(project: Project) -> timedelta:
    """Return how long after a prediction its label is due; where the table knows, it is read, or its last snapshot."""
    data = project.loop.table
    if data.label_delay is not None:
        return data.label_delay
    try:
        return read_history(data, folder=project.folder, task=project.loop.declared_task).label_delay
    except SourceError:
        kept = load_last_snapshot(project.store, project.loop.name)
        if kept is None:
            raise
        return kept.label_delay
