"""Spread: steps that are done elsewhere, those that do not wait for one another at the same time."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Protocol

from holdtrue.domain import Json, Step, StepFunction, StepRecord, order_steps
from holdtrue.environments import report_progress
from holdtrue.pipeline.cache import Cache
from holdtrue.pipeline.fingerprint import fingerprint
from holdtrue.pipeline.runner import (
    Held,
    Output,
    RunOutcome,
    find_output,
    hold_encoded,
    hold_given,
    keep_output,
    name_key,
    name_output,
)


class Place(Protocol):
    """Does steps somewhere. What a step needs and returns is named by its content, so doing one twice is no harm."""

    def begin(self, step: Step, code: str, needed: Mapping[str, Held], cache: Cache) -> "Future[Output]":
        """Begin a step; the bytes in what it returns are in the cache before the future is done."""
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
) -> RunOutcome:
    """Run steps as `run_steps` does, with the same keys and outputs, in a place that does many at once.

    When one fails, those that still run are stopped; what was done before stays in the cache.
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
    records = tuple(run.records[step.name] for step in ordered)
    return RunOutcome(values={step.name: known[step.name].give() for step in ordered}, records=records)


@dataclass(frozen=True)
class _Begun:
    step: Step
    key: str
    since: float


@dataclass(kw_only=True)
class _Run:
    waiting: list[Step]
    codes: Mapping[str, str]
    known: dict[str, Held]
    cache: Cache
    place: Place
    total: int
    records: dict[str, StepRecord] = field(default_factory=dict)
    running: "dict[Future[Output], _Begun]" = field(default_factory=dict)

    def finish(self) -> None:
        """Begin each step when all that it needs is there, until all are done; raises what the first to fail raises."""
        while self.waiting or self.running:
            self._begin_what_can()
            self._report()
            if self.running:
                done, _ = wait(self.running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(self.running.pop(future), future.result())
        self._report()

    def _begin_what_can(self) -> None:
        for step in list(self.waiting):  # in order: what one finds in the cache, the next may need
            missing = {other.name for other in self.waiting} | {begun.step.name for begun in self.running.values()}
            if missing.isdisjoint(step.needs({*missing, *self.known})):
                self.waiting.remove(step)
                self._begin(step)

    def _begin(self, step: Step) -> None:
        began = time.perf_counter()
        key = name_key(step, self.codes[step.name], self.known)
        kept = find_output(self.cache, key)
        begun = _Begun(step, key, began)
        if kept is not None:
            self._note(begun, kept["output"], is_cached=True, n_attempts=1)
            return
        needed = {name: self.known[name] for name in step.needs(self.known)}
        self.running[self.place.begin(step, self.codes[step.name], needed, self.cache)] = begun

    def _take(self, begun: _Begun, output: Output) -> None:
        kept = keep_output(self.cache, begun.key, output.encoded)
        self._note(begun, kept["output"], is_cached=False, n_attempts=output.n_attempts)

    def _note(self, begun: _Begun, encoded: Json, *, is_cached: bool, n_attempts: int) -> None:
        name = begun.step.name
        self.known[name] = hold_encoded(encoded, self.cache.get_bytes)
        self.records[name] = StepRecord(
            name=name,
            key=begun.key,
            is_cached=is_cached,
            output=name_output(encoded),
            wall_seconds=time.perf_counter() - begun.since,
            n_attempts=n_attempts,
        )

    def _report(self) -> None:
        names = ", ".join(begun.step.name for begun in self.running.values())
        report_progress(len(self.records), total=self.total, text=names)
