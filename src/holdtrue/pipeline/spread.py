"""Spread: steps that are done elsewhere, those that do not wait for one another at the same time."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Protocol

from holdtrue.codebase.fingerprint import fingerprint
from holdtrue.domain import Json, Step, StepFunction, StepRecord, order_steps
from holdtrue.environments import report_progress
from holdtrue.pipeline.cache import Cache
from holdtrue.pipeline.runner import (
    Held,
    Output,
    RunOutcome,
    Trail,
    find_output,
    hold_encoded,
    hold_given,
    keep_output,
    leave_notes,
    name_key,
    name_output,
)


@dataclass(frozen=True, kw_only=True)
class Due:
    """A step that is to be done now.

    Attributes:
        step: what is to be done.
        code: its fingerprint.
        key: what its output is kept under.
        needed: what it takes.
        cache: gets the bytes in what it returns, notes down and prints.
        trail: gets its notes, also if it raises.
    """

    step: Step
    code: str
    key: str
    needed: Mapping[str, Held]
    cache: Cache
    trail: Trail


class Place(Protocol):
    """Does steps somewhere. What a step needs and returns is named by its content, so doing one twice is no harm."""

    def begin(self, due: Due) -> "Future[Output]":
        """Begin a step; its bytes are in the cache, and its notes in the trail, before the future is done."""
        ...

    def end(self) -> None:
        """Stop what still runs, and let go of what was sent."""
        ...


def spread_steps(
    steps: Sequence[StepFunction | Step],
    *,
    inputs: Mapping[str, object],
    cache: Cache,
    place: Place,
    parameters: Mapping[str, Json] | None = None,
    trail: Trail | None = None,
) -> RunOutcome:
    """Run steps as `run_steps` does, with the same keys, outputs and notes, in a place that does many at once.

    When one fails, those that still run are stopped; what was done before stays in the cache. The trail is told of all
    at the end, in the order in which `run_steps` would have done them.
    """
    known = hold_given(inputs, parameters or {})
    ordered = order_steps(steps, given=known)
    codes = {step.name: step.code or fingerprint(step.function) for step in ordered}
    run = _Run(waiting=list(ordered), codes=codes, known=known, cache=cache, place=place, total=len(ordered))
    try:
        run.finish()
    finally:
        place.end()
        cache.flush()
        if trail is not None:
            run.tell(ordered, trail)
    records = tuple(run.records[step.name] for step in ordered)
    return RunOutcome(values={step.name: known[step.name].give() for step in ordered}, records=records)


@dataclass(kw_only=True)
class _Run:
    waiting: list[Step]
    codes: Mapping[str, str]
    known: dict[str, Held]
    cache: Cache
    place: Place
    total: int
    records: dict[str, StepRecord] = field(default_factory=dict)
    trails: dict[str, Trail] = field(default_factory=dict)
    running: "dict[Future[Output], tuple[Due, float]]" = field(default_factory=dict)

    def finish(self) -> None:
        """Begin each step when all that it needs is there, until all are done; raises what the first to fail raises."""
        while self.waiting or self.running:
            self._begin_what_can()
            self._report()
            if self.running:
                done, _ = wait(self.running, return_when=FIRST_COMPLETED)
                # What ended well is kept before the failure of another is raised.
                for future in sorted(done, key=lambda each: each.exception() is not None):
                    self._take(*self.running.pop(future), future.result())
        self._report()

    def tell(self, ordered: Sequence[Step], trail: Trail) -> None:
        """Tell a trail of the steps that ended, and of what they and those that raised have noted."""
        trail.records.extend(self.records[step.name] for step in ordered if step.name in self.records)
        for step in ordered:
            if step.name in self.trails:
                trail.notes.update(self.trails[step.name].notes)

    def _begin_what_can(self) -> None:
        for step in list(self.waiting):  # in order: what one finds in the cache, the next may need
            missing = {other.name for other in self.waiting} | {due.step.name for due, _ in self.running.values()}
            if missing.isdisjoint(step.needs({*missing, *self.known})):
                self.waiting.remove(step)
                self._begin(step)

    def _begin(self, step: Step) -> None:
        began = time.perf_counter()
        code = self.codes[step.name]
        key = name_key(step, code, self.known)
        needed = {name: self.known[name] for name in step.needs(self.known)}
        trail = self.trails[step.name] = Trail()
        due = Due(step=step, code=code, key=key, needed=needed, cache=self.cache, trail=trail)
        kept = find_output(self.cache, key)
        if kept is None:
            self.running[self.place.begin(due)] = due, began
        else:
            self._note(due, began, kept, is_cached=True, n_attempts=1)

    def _take(self, due: Due, began: float, output: Output) -> None:
        kept = keep_output(self.cache, due.key, output)
        self._note(due, began, kept, is_cached=False, n_attempts=output.n_attempts)

    def _note(self, due: Due, began: float, kept: Mapping[str, Json], *, is_cached: bool, n_attempts: int) -> None:
        name = due.step.name
        self.known[name] = hold_encoded(kept["output"], self.cache.get_bytes)
        leave_notes(kept, due.key, due.trail)
        self.records[name] = StepRecord(
            name=name,
            key=due.key,
            is_cached=is_cached,
            output=name_output(kept["output"]),
            wall_seconds=time.perf_counter() - began,
            n_attempts=n_attempts,
        )

    def _report(self) -> None:
        names = ", ".join(due.step.name for due, _ in self.running.values())
        report_progress(len(self.records), total=self.total, text=names)
