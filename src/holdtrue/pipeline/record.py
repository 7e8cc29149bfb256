"""Records of runs: submitted, running, then succeeded or failed; each step of that way is one compare-and-set."""

import dataclasses
import traceback
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from holdtrue.clock import Clock
from holdtrue.domain import LOST, SEEN_AT, Json, Run, RunCost, RunState, StepRecord
from holdtrue.environments import spell_out
from holdtrue.errors import HoldtrueError, StateConflict, TrainingFailed
from holdtrue.pipeline.cost import CostMeter
from holdtrue.store import Store, Transaction

_UNFINISHED = (RunState.SUBMITTED, RunState.RUNNING)


def submit_run(
    tx: Transaction,
    *,
    loop: str,
    reason: str,
    as_of: datetime,
    run_id: str | None = None,
    dataset: str | None = None,
    code: str | None = None,
    parameters: Mapping[str, Json] | None = None,
) -> Run:
    """Record a run that is to be done; `reason` is a sentence, `as_of` the moment whose knowledge it works with."""
    run = Run(
        run_id=run_id or uuid.uuid4().hex,
        loop=loop,
        reason=reason,
        as_of=as_of,
        dataset=dataset,
        code=code,
        parameters=dict(parameters or {}),
    )
    return tx.runs.append(run)


def start_run(tx: Transaction, run: Run, *, now: datetime, owner: str | None = None) -> Run:
    """Record that a submitted run begins; raises `StateConflict` when it has begun already."""
    _refuse_unless(run, (RunState.SUBMITTED,), RunState.RUNNING)
    return _change(tx, dataclasses.replace(run, state=RunState.RUNNING, started_at=now, lease_owner=owner))


def succeed_run(
    tx: Transaction,
    run: Run,
    *,
    now: datetime,
    result: Mapping[str, Json],
    steps: Sequence[StepRecord] = (),
    cost: RunCost | None = None,
) -> Run:
    """Record that a run has done its work."""
    _refuse_unless(run, (RunState.RUNNING,), RunState.SUCCEEDED)
    done = dataclasses.replace(
        run, state=RunState.SUCCEEDED, ended_at=now, result=dict(result), steps=tuple(steps), cost=cost
    )
    return _change(tx, done)


def fail_run(
    tx: Transaction,
    run: Run,
    *,
    now: datetime,
    error: str,
    steps: Sequence[StepRecord] = (),
    cost: RunCost | None = None,
) -> Run:
    """Record that a run has failed, with the error as `describe_error` tells it."""
    _refuse_unless(run, _UNFINISHED, RunState.FAILED)
    failed = dataclasses.replace(run, state=RunState.FAILED, ended_at=now, error=error, steps=tuple(steps), cost=cost)
    return _change(tx, failed)


def fail_lost_runs(tx: Transaction, loop: str, *, now: datetime) -> list[Run]:
    """Record as failed the runs that a killed process left unfinished; for whoever now controls the loop alone.

    Steps that such a run had finished stay in the cache: its repetition goes on after them.
    """
    lost = [run for run in tx.runs.all(loop) if run.state in _UNFINISHED]
    return [fail_lost_run(tx, run, now=now) for run in lost]


def fail_lost_run(tx: Transaction, run: Run, *, now: datetime, seen_at: datetime | None = None) -> Run:
    """Record a run as lost: whoever did it is gone. What its steps returned stays in the cache.

    `seen_at` is when its lease was last renewed. It has ended since, and nothing says when: only until then it counts.
    """
    if seen_at is not None:
        run = dataclasses.replace(run, parameters={**run.parameters, SEEN_AT: min(seen_at, now).isoformat()})
    return fail_run(tx, run, now=now, error=LOST)


def describe_error(error: BaseException) -> str:
    """Return an error as it stands in a record: its sentences, and the user's traceback where there is one."""
    if isinstance(error, TrainingFailed) and error.traceback_text:
        return spell_out(f"{error}\n\n{error.traceback_text}")
    if isinstance(error, HoldtrueError):
        return spell_out(str(error))
    return spell_out("".join(traceback.format_exception(error)))


@dataclass
class RunNotes:
    """What the work of a run notes down for its record. A `cost` that was measured elsewhere counts over our own."""

    run: Run
    result: Mapping[str, Json] = field(default_factory=dict)
    steps: Sequence[StepRecord] = ()
    cost: RunCost | None = None


@dataclass(frozen=True)
class Recorder:
    """Records runs in a store, in transactions of its own.

    with recorder.recording(run) as notes:
        notes.result = work()
    """

    store: Store
    clock: Clock

    def submit(self, *, loop: str, reason: str, as_of: datetime, parameters: Mapping[str, Json] | None = None) -> Run:
        """Record a run that is to be done."""
        with self.store.transaction() as tx:
            return submit_run(tx, loop=loop, reason=reason, as_of=as_of, parameters=parameters)

    @contextmanager
    def recording(self, run: Run) -> Iterator[RunNotes]:
        """Record that the run begins, and at the end of the block that it succeeded, or failed with what was raised.

        The error passes on, an interrupt too. No transaction is open while the block runs.
        """
        with self.store.transaction() as tx:
            running = start_run(tx, run, now=self.clock.now())
        notes, meter = RunNotes(running), CostMeter.start()
        try:
            yield notes
        except BaseException as error:
            cost = notes.cost or meter.read()
            with self.store.transaction() as tx:
                now, text = self.clock.now(), describe_error(error)
                notes.run = fail_run(tx, running, now=now, error=text, steps=notes.steps, cost=cost)
            raise
        cost = notes.cost or meter.read()
        with self.store.transaction() as tx:
            now = self.clock.now()
            notes.run = succeed_run(tx, running, now=now, result=notes.result, steps=notes.steps, cost=cost)


def _refuse_unless(run: Run, allowed: Sequence[RunState], wanted: RunState) -> None:
    if run.state not in allowed:
        raise StateConflict(
            f"the run {run.run_id} is {run.state.value} and cannot become {wanted.value}",
            expected=f"a run that is {' or '.join(state.value for state in allowed)}",
        )


def _change(tx: Transaction, run: Run) -> Run:
    return tx.runs.update(run, run.revision)
