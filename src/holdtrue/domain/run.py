"""Run: one execution of a pipeline, from submission to its end, with what it cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec

from holdtrue.domain.digest import Json

SEEN_AT = "seen_at"  # among the parameters of a lost run
MOST_SHOWN_BYTES = 2 << 20  # larger figures are written to files, and not shown beside others
LOST = "the process that did the run ended before the run did"  # the error of a run that nobody finished


class RunState(StrEnum):
    """The states of a run; the last two are final."""

    SUBMITTED = "submitted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """What a run took."""

    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One step of a run: its cache key, whether it was taken from the cache, its output's digest, how often it ran."""

    name: str
    key: str
    is_cached: bool
    output: str
    wall_seconds: float
    n_attempts: int = 1


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture that a step kept. `kind` is the ending of its file: svg, png or html; `artifact` names its bytes."""

    name: str
    kind: str
    artifact: str
    n_bytes: int

    @property
    def can_be_shown(self) -> bool:
        """Say whether it can stand in a page as an image, in which nothing runs: no HTML, and nothing too large."""
        return self.kind in {"png", "svg"} and self.n_bytes <= MOST_SHOWN_BYTES


@dataclass(frozen=True, kw_only=True)
class StepNotes:
    """What a step noted down and printed when it was computed; of a step that was cached, what it did then.

    Attributes:
        step: its name.
        key: its cache key, as in its `StepRecord`.
        metrics: numbers by name; null for one that was not finite.
        parameters: JSON by name.
        figures: pictures, in the order of their names.
        log: digest of the first and last that it printed; None when it printed nothing.
        n_printed: characters that it printed in all.
    """

    step: str
    key: str
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    parameters: Mapping[str, Json] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    log: str | None = None
    n_printed: int = 0


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run. `as_of` is the business moment whose knowledge it works with; `reason` says what started it."""

    run_id: str
    loop: str
    reason: str
    as_of: datetime
    state: RunState = RunState.SUBMITTED
    dataset: str | None = None
    code: str | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)
    steps: tuple[StepRecord, ...] = ()
    result: Mapping[str, Json] = field(default_factory=dict)
    error: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cost: RunCost | None = None
    lease_owner: str | None = None
    lease_expires_at: datetime | None = None
    revision: int = 0

    @property
    def is_lost(self) -> bool:
        """Say whether it failed because whoever did it was gone, and not by what it did."""
        return self.state is RunState.FAILED and self.error == LOST

    @property
    def seen_at(self) -> datetime | None:
        """Return when whoever did a lost run gave the last sign; None where that is not known."""
        told = self.parameters.get(SEEN_AT)
        return datetime.fromisoformat(told) if isinstance(told, str) else None

    @property
    def notes(self) -> tuple[StepNotes, ...]:
        """Return what its steps noted down and printed."""
        return msgspec.convert(self.parameters.get("notes", ()), tuple[StepNotes, ...])

    @property
    def figures(self) -> tuple[tuple[str, Figure], ...]:
        """Return the pictures that steps kept in its last fit, each behind the name of its step."""
        return tuple((each.step, figure) for each in choose_last(self.steps, self.notes) for figure in each.figures)


def choose_last(steps: Sequence[StepRecord], notes: Sequence[StepNotes]) -> list[StepNotes]:
    """Return of each step what it noted in the last fit of a run, in the order of the steps."""
    by_key = {each.key: each for each in notes}
    keys = {record.name: record.key for record in steps}
    ended = {record.key for record in steps}
    keys |= {each.step: each.key for each in notes if each.key not in ended}  # the step that raised
    return [by_key[key] for key in keys.values() if key in by_key]
