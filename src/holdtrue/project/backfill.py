"""Backfill: the trainings that a loop would have done at past moments, each a run; none of them makes a version."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec

from holdtrue.codebase import fingerprint
from holdtrue.data import take_snapshot
from holdtrue.domain import Json, Run, RunCost, RunState, digest_of
from holdtrue.errors import DeclarationError, HoldtrueError, StateConflict, StoreFailed
from holdtrue.loop import (
    BACKFILL,
    Controller,
    EnvironmentTrainer,
    Fitter,
    TrainingOrder,
    TrainingResult,
    await_some,
    close_failed_run,
    close_run,
    describe_checkout,
    describe_stop,
)
from holdtrue.pipeline import (
    Claim,
    StepCache,
    fail_lost_run,
    fail_run,
    start_run,
    submit_run,
)
from holdtrue.project.project import Project
from holdtrue.project.settings import read_settings

MOST_WINDOWS = 10_000


@dataclass(frozen=True, kw_only=True)
class BackfilledWindow:
    """A training as of a past moment.

    Attributes:
        as_of: the moment: rows after it, and labels that were known later, had no part.
        run_id: its run.
        state: succeeded or failed.
        is_new: whether this backfill did it; False when an earlier one had.
        ruling: of the gate, against no champion; None for one that failed.
        loss: mean loss on the newest rows before the moment, which the fit had not seen.
        baseline_loss: that of the simple baseline there.
        n_rows: labelled rows of that.
        cost: what it took.
        error: why it failed.
    """

    as_of: datetime
    run_id: str
    state: RunState
    is_new: bool
    ruling: str | None = None
    loss: float | None = None
    baseline_loss: float | None = None
    n_rows: int | None = None
    cost: RunCost | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """All windows in order of time, the seconds that this took, and what its CPU time cost (None without a price)."""

    windows: tuple[BackfilledWindow, ...]
    wall_seconds: float
    cpu_seconds: float
    price: float | None
    currency: str

    @property
    def n_new(self) -> int:
        """Return how many were done now."""
        return sum(window.is_new for window in self.windows)

    @property
    def n_failed(self) -> int:
        """Return how many failed."""
        return sum(window.state is RunState.FAILED for window in self.windows)


def list_moments(begin: datetime, end: datetime, span: timedelta) -> list[datetime]:
    """Return the moments from begin to end, both included where they fall on one.

    Raises:
        DeclarationError: no moment, too many, or no span.
    """
    if span <= timedelta(0) or end < begin:
        raise DeclarationError(
            f"a backfill from {begin.isoformat()} until {end.isoformat()} every {span}",
            expected="a span above 0, and an end that is not before the beginning",
        )
    n_windows = (end - begin) // span + 1
    if n_windows > MOST_WINDOWS:
        raise DeclarationError(f"a backfill of {n_windows:,} windows", expected=f"at most {MOST_WINDOWS:,}")
    return [begin + i * span for i in range(n_windows)]


@dataclass(frozen=True, kw_only=True)
class _Window:
    """A window to be done; `key` is the digest of all that has a part in its result."""

    key: str
    order: TrainingOrder


@dataclass(kw_only=True)
class _Backfiller:
    project: Project
    controller: Controller
    fitter: Fitter
    flying: dict["Future[TrainingResult]", tuple[Run, Claim]] = field(default_factory=dict)

    def plan(self, moments: Sequence[datetime]) -> Iterator[_Window]:
        """Return the windows; each has a snapshot of its own where the log, whose labels change, has rows."""
        project, name = self.project, self.project.loop.name
        is_logged = self.controller.reader.read().height > 0
        shared = None if is_logged else self._snapshot(moments[-1])
        checks = [fingerprint(each) if callable(each) else repr(each) for each in project.loop.checks]
        for moment in moments:
            dataset = shared or self._snapshot(moment)
            order = TrainingOrder(
                folder=str(project.store.folder),
                loop_file=str(project.loop_file),
                loop=name,
                dataset=dataset,
                as_of=moment,
                run_id="",
                is_for_service=False,
                keeps_notes=True,
                golden=self.controller.golden,
            )
            key = digest_of([self.fitter.code, checks, dataset, moment, order.golden])
            yield _Window(key=key, order=order)

    def _snapshot(self, moment: datetime) -> str:
        history = self.controller.gather_history(moment)
        return take_snapshot(self.project.store, self.project.loop.name, history, as_of=moment).digest

    def find_done(self, windows: Sequence[_Window]) -> tuple[dict[str, Run], dict[str, Run]]:
        """Return by their keys the runs that are done, and those that were cut short; others of these are lost."""
        wanted, now = {window.key for window in windows}, self.project.clock.now()
        done: dict[str, Run] = {}
        left: dict[str, Run] = {}
        with self.project.store.transaction() as tx:
            for run in tx.runs.all(self.project.loop.name):
                key = _read_key(run)
                if key in wanted and run.state is RunState.SUCCEEDED:
                    done[key] = run
                elif key in wanted and run.state is RunState.RUNNING:
                    left[key] = run
                elif key and run.state is RunState.RUNNING:
                    claim = self._make_claim()
                    if claim.take(tx, run.run_id):
                        fail_lost_run(tx, run, now=now, seen_at=claim.find_last_sign(now))
                        claim.give_back(tx)
        return done, left

    def _make_claim(self) -> Claim:
        return Claim(store=self.project.store, owner=self.controller.owner)

    def begin(self, window: _Window, left: Run | None) -> None:
        """Begin a window, or go on with the run that was cut short: its finished steps are cached."""
        claim, now = self._make_claim(), self.project.clock.now()
        with self.project.store.transaction() as tx:
            run = left
            if run is None:
                checkout = describe_checkout(self.project.loop_file, self.project.store.artifacts)
                parameters: Mapping[str, Json] = {
                    BACKFILL: {"key": window.key},
                    "checkout": msgspec.to_builtins(checkout),
                }
                order = window.order
                run = submit_run(
                    tx, loop=order.loop, reason=BACKFILL, as_of=order.as_of, dataset=order.dataset,
                    parameters=parameters,
                )  # fmt: skip
                own = replace(order, run_id=run.run_id)
                run = replace(run, parameters={**parameters, "order": msgspec.to_builtins(own)})
                run = start_run(tx, run, now=now, owner=self.controller.owner)
            if not claim.take(tx, run.run_id):
                raise StateConflict(f"another worker does the run {run.run_id[:12]}", remedy="wait for it")
        claim.keep()
        order = msgspec.convert(run.parameters["order"], TrainingOrder)
        self.flying[EnvironmentTrainer(self.project.environment).submit(order)] = (run, claim)

    def await_first(self) -> "set[Future[TrainingResult]]":
        """Return the windows that have ended, at least one; raises `StateConflict` when a person stopped one."""
        project, runs = self.project, [run for run, _ in self.flying.values()]
        done, stopped = await_some(self.flying, runs=runs, store=project.store, interrupt=project.environment.interrupt)
        if stopped is None:
            return done
        told, now = describe_stop(stopped), project.clock.now()
        with project.store.transaction() as tx:
            for known, claim in self.flying.values():
                run = tx.runs.read(known.run_id)
                if run.state is RunState.RUNNING:
                    fail_run(tx, run, now=now, error=f"The backfill ended before this window did: {told}.")
                claim.give_back(tx)
        self.flying.clear()
        raise StateConflict(
            f"the backfill has ended: {told}",
            remedy="the same command does the windows that are left; those that had ended are kept",
        )

    def finish(self, future: "Future[TrainingResult]") -> Run:
        """Record what came of a window; raises what is not the recipe's or the rows' own fault."""
        run, claim = self.flying.pop(future)
        problem, now = future.exception(), self.project.clock.now()
        if problem is not None and (not isinstance(problem, HoldtrueError) or isinstance(problem, StoreFailed)):
            raise problem
        with self.project.store.transaction() as tx:
            claim.require(tx)
            claim.give_back(tx)
            if problem is not None:
                return close_failed_run(tx, run, problem, now=now)
            result = future.result()
            return close_run(tx, run, result, now=now, brought=_describe(result))


def backfill_loop(
    project: Project,
    moments: Sequence[datetime],
    *,
    n_parallel: int = 1,
    on_window: Callable[[int, int], None] = lambda done, total: None,
) -> Backfill:
    """Train as of each of these moments, as a first training would; what was done before is not done again.

    Each is a run, with the steps of its fits and what its gate found; no version comes of it, and no guard refuses it.
    The parameters are the declared ones: tuned ones were chosen by rows that came later.

    Args:
        project: the open project.
        moments: in order of time, none later than now.
        n_parallel: how many run at a time.
        on_window: is told how many windows are done, and of how many.

    Raises:
        DeclarationError: the loop declares no train, or a moment is later than now.
        SourceError: the table cannot be used, or holds no row at the first moment.
        StateConflict: another worker does one of them, or a person stopped one: those that had ended are kept.
    """
    _ = project.loop.recipe
    if not moments or moments[-1] > project.clock.now():
        raise DeclarationError(
            f"a backfill until {moments[-1].isoformat() if moments else 'no moment'}",
            expected="moments that have passed",
        )
    began = time.monotonic()
    fitter = Fitter(loop=project.loop, cache=StepCache(project.store), artifacts=project.store.artifacts)
    work = _Backfiller(project=project, controller=project.make_controller(), fitter=fitter)
    windows = list(work.plan(moments))
    done, left = work.find_done(windows)
    new = _run_windows(work, [window for window in windows if window.key not in done], left, n_parallel, on_window)
    found = [_view(run, is_new=window.key in new) for window in windows for run in [(done | new)[window.key]]]
    return _sum_up(project, found, seconds=time.monotonic() - began)


def _run_windows(
    work: _Backfiller,
    windows: Sequence[_Window],
    left: Mapping[str, Run],
    n_parallel: int,
    on_window: Callable[[int, int], None],
) -> dict[str, Run]:
    """Run the windows, so many at a time; return their runs by key."""
    ended: dict[str, Run] = {}
    waiting = list(windows)
    on_window(0, len(windows))
    while waiting or work.flying:
        while waiting and len(work.flying) < n_parallel:
            window = waiting.pop(0)
            work.begin(window, left.get(window.key))
        for future in work.await_first():
            run = work.finish(future)
            ended[_read_key(run)] = run
            on_window(len(ended), len(windows))
    return ended


def _read_key(run: Run) -> str:
    told = run.parameters.get(BACKFILL)
    return str(told["key"]) if isinstance(told, dict) else ""


def _describe(result: TrainingResult) -> dict[str, Json]:
    found = result.evaluation
    assert found is not None, "a first training has a gate"
    return {
        "ruling": found.ruling.value,
        "sentence": found.sentence,
        "loss": found.candidate_loss if found.n_rows else None,
        "baseline_loss": found.baseline_loss if found.n_rows else None,
        "n_evaluated": found.n_rows,
        "evaluated_since": found.starts_at.isoformat(),
        "evaluated_until": found.ends_at.isoformat(),
    }


def _view(run: Run, *, is_new: bool) -> BackfilledWindow:
    told = run.result
    return BackfilledWindow(
        as_of=run.as_of,
        run_id=run.run_id,
        state=run.state,
        is_new=is_new,
        ruling=told.get("ruling"),
        loss=told.get("loss"),
        baseline_loss=told.get("baseline_loss"),
        n_rows=told.get("n_evaluated"),
        cost=run.cost,
        error=run.error,
    )


def _sum_up(project: Project, windows: Sequence[BackfilledWindow], *, seconds: float) -> Backfill:
    terms = read_settings(project.folder).cost
    cpu = sum(window.cost.cpu_seconds for window in windows if window.is_new and window.cost is not None)
    return Backfill(
        windows=tuple(windows),
        wall_seconds=seconds,
        cpu_seconds=cpu,
        price=None if terms.core_hour is None else cpu / 3600 * terms.core_hour,
        currency=terms.currency,
    )
