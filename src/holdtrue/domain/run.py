"""Run: one execution of a pipeline, from submission to its end, with what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from holdtrue.domain.digest import Json

SEEN_AT = "seen_at"  # among the parameters of a lost run
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
