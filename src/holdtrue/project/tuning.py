"""Tuning: the trials of a loop, begun or gone on with, and what trainings do with what they found."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import msgspec

from holdtrue.data import take_snapshot
from holdtrue.domain import (
    TUNING,
    Choice,
    Guards,
    Json,
    Provenance,
    Run,
    RunCost,
    RunState,
    Trial,
    Tune,
    Tuning,
    digest_of,
    find_tuning,
)
from holdtrue.errors import (
    DeclarationError,
    FormatRefused,
    HoldtrueError,
    LabelError,
    StateConflict,
    StatisticsError,
    TrainingFailed,
)
from holdtrue.loop import (
    CHAMPION,
    Actor,
    Controller,
    Fitter,
    choose_loss,
    describe_checkout,
    find_overspending,
    sum_spending,
)
from holdtrue.loop.tuning import (
    Tuner,
    cut_span,
    import_optuna,
    remember_choice,
    sign_tuning,
)
from holdtrue.pipeline import (
    StepCache,
    describe_error,
    fail_lost_run,
    fail_run,
    start_run,
    submit_run,
    succeed_run,
)
from holdtrue.project.project import Project, open_project
from holdtrue.project.settings import find_price, read_settings
from holdtrue.project.tryouts import Tryouts, TuningPlan
from holdtrue.store import Transaction


@dataclass(kw_only=True)
class _Session:
    """A tuning in this process."""

    project: Project
    controller: Controller
    tune: Tune
    on_trial: Callable[[int, int], None]
    provenance: Provenance
    code: str
    run: Run = field(init=False)
    plan: TuningPlan = field(init=False)
    began: float = field(default_factory=time.monotonic)
    tryouts: Tryouts = field(init=False)

    def open(self, n_parallel: int) -> Sequence[Trial]:
        """Go on with the tuning that was left, or begin one; return the trials that are done."""
        now = self.project.clock.now()
        recipe = digest_of([self.code, sign_tuning(self.project.loop), self.tune.seed])
        if not self._go_on(recipe, now):
            self._begin(recipe, n_parallel, now)
        self.controller.claim.keep()
        self.tryouts = Tryouts(project=self.project, claim=self.controller.claim, run=self.run, plan=self.plan)
        return msgspec.convert(self.run.result.get("trials", []), list[Trial])

    def _go_on(self, recipe: str, now: datetime) -> bool:
        """Take the tuning of this recipe that was cut short; False when there is none."""
        claim = self.controller.claim
        with self.project.store.transaction() as tx:
            runs = tx.runs.all(self.project.loop.name)
            for run in (run for run in runs if run.state is RunState.RUNNING and TUNING in run.parameters):
                if not claim.take(tx, run.run_id):
                    raise StateConflict(f"another worker does the tuning {run.run_id[:12]}", remedy="wait for it")
                plan = msgspec.convert(run.parameters[TUNING], TuningPlan)
                if plan.recipe == recipe:
                    self.run, self.plan = run, plan
                    return True
                # The code or the ranges are others now.
                fail_lost_run(tx, run, now=now, seen_at=claim.find_last_sign(now))
                claim.give_back(tx)
        return False

    def _begin(self, recipe: str, n_parallel: int, now: datetime) -> None:
        project, loop = self.project, self.project.loop
        history = self.controller.gather_history(now)
        with project.store.reading() as tx:
            number = tx.aliases.current(loop.name, CHAMPION)
            champion = None if number is None else tx.versions.read(loop.name, number)
        if self.tune.metric is not None:
            self.tune.metric.check_task(history.task)
        span = cut_span(history.known_at(now), champion)
        rows = span.select(history)
        first = span.folds[0].select_known(rows).dataset()
        loss = choose_loss(first.task, first.encoded_labels()) if champion is None else champion.loss
        # The rows that a gate may judge are not even in the snapshot.
        record = take_snapshot(project.store, loop.name, rows, as_of=span.seen_until)
        self.plan = TuningPlan(recipe=recipe, dataset=record.digest, span=span, loss=loss, n_parallel=n_parallel)
        parameters: dict[str, Json] = {
            TUNING: msgspec.to_builtins(self.plan),
            "provenance": msgspec.to_builtins(self.provenance),
            "checkout": msgspec.to_builtins(describe_checkout(project.loop_file, project.store.artifacts)),
        }
        with project.store.transaction() as tx:
            run = submit_run(
                tx, loop=loop.name, reason="a tuning ordered by a person", as_of=now, dataset=record.digest,
                code=self.code, parameters=parameters,
            )  # fmt: skip
            self.run = start_run(tx, run, now=now, owner=self.controller.claim.owner)
            self.controller.claim.take(tx, run.run_id)

    def keep(self, trials: Sequence[Trial]) -> None:
        """Keep the trials that have ended: whoever goes on begins after them."""
        with self.project.store.transaction() as tx:
            kept = replace(self.run, result={"trials": msgspec.to_builtins(trials)})
            self.run = tx.runs.update(kept, self.run.revision)
        self.on_trial(len(trials), self.tune.n_trials)

    def find_end(self, trials: Sequence[Trial]) -> str:
        """Return why no further trial may begin: the timeout, or a budget that the trials have used up."""
        limit = self.tune.timeout_seconds
        if limit is not None and time.monotonic() - self.began >= limit:
            return f"no trial begins later than {limit:g} s after the tuning began"
        guards = self.project.loop.guards or Guards()
        if not guards.has_budget:
            return ""
        with self.project.store.reading() as tx:
            runs = tx.runs.all(self.project.loop.name)
        core_hour = find_price(self.project.loop, read_settings(self.project.folder))
        spent = sum_spending(runs, self.project.clock.now(), core_hour=core_hour)
        minutes = sum(trial.wall_seconds for trial in trials) / 60
        cost = sum(trial.cpu_seconds for trial in trials) / 3600 * (core_hour or 0.0)
        spent = replace(spent, n_runs=0, minutes=spent.minutes + minutes, cost=spent.cost + cost)
        return find_overspending(guards, spent) or ""

    def conclude(self, trials: tuple[Trial, ...], note: str) -> Tuning:
        """Choose: the best trial, unless later rows show that it does harm."""
        completed = [trial for trial in trials if trial.loss is not None]
        if not completed:
            raise TrainingFailed(
                f"none of {len(trials)} trials came to its end; the first: {trials[0].error if trials else note}",
                remedy="holdtrue train shows the traceback of the declared parameters",
            )
        best = min(completed, key=lambda trial: (self.tune.rank(trial.loss or 0.0, trial.metric), trial.number))
        proof, span = self.tryouts.prove(best, trials), self.plan.span
        declared = {name: self.project.loop.parameters[name] for name, _ in self.tune.ranges}
        return Tuning(
            run_id=self.run.run_id,
            parameters=declared if proof.shows_harm else best.parameters,
            declared=declared,
            best=best.number,
            trials=trials,
            loss_name=self.plan.loss.kind.value,
            proof=proof,
            selected_since=span.folds[0].since,
            proved_since=span.proof.since,
            seen_until=span.seen_until,
            note=note,
        )

    def finish(self, tuning: Tuning) -> None:
        """Record what was found, and have trainings use it."""
        loop, now = self.project.loop, self.project.clock.now()
        choice = Choice(
            run_id=tuning.run_id,
            parameters=tuning.parameters,
            seen_until=tuning.seen_until,
            declaration=sign_tuning(loop),
        )
        with self.project.store.transaction() as tx:
            self.controller.claim.require(tx)
            remember_choice(tx, loop, choice)
            succeed_run(tx, self.run, now=now, result=msgspec.to_builtins(tuning), cost=_sum_cost(tuning.trials))
            said = ", ".join(f"{name} = {value}" for name, value in tuning.parameters.items())
            sentence = f"A tuning of {len(tuning.trials)} trials chose {said}."
            Actor(loop=loop.name, name="person").note_tuning(tx, tuning.run_id, sentence, now)
            self.controller.claim.give_back(tx)

    def fail(self, problem: HoldtrueError) -> None:
        """Record that nothing was found."""
        with self.project.store.transaction() as tx:
            fail_run(tx, self.run, now=self.project.clock.now(), error=describe_error(problem))
            self.controller.claim.give_back(tx)


def tune_loop(
    project: Project,
    *,
    n_trials: int | None = None,
    n_parallel: int = 1,
    on_trial: Callable[[int, int], None] = lambda done, total: None,
) -> Tuning:
    """Look for the parameters that the loop declares to be tuned; go on with a tuning that was cut short.

    Args:
        project: the open project.
        n_trials: in place of the declared number.
        n_parallel: how many trials run at a time; a tuning that is gone on with keeps the number that it began with.
        on_trial: is told how many trials have ended, and of how many.

    Raises:
        DeclarationError: the loop declares no tune=, or Optuna is not installed; or its metric is none of its task's
            answers, or returned no number.
        LabelError: too few labelled rows lie before those that a gate judges.
        StateConflict: a budget of the loop's guards is used up, another worker does a tuning, or a person stopped this
            one: the trials that ended stay in its run.
        TrainingFailed: no trial came to its end, or the best could not be fitted again.
        StatisticsError: there is no such figure of the rows that prove the best.
    """
    tune = _read_tune(project, n_trials)
    fitter = Fitter(loop=project.loop, cache=StepCache(project.store), artifacts=project.store.artifacts)
    session = _Session(
        project=project,
        controller=project.make_controller(),
        tune=tune,
        on_trial=on_trial,
        provenance=fitter.provenance,
        code=fitter.code,
    )
    if against := session.find_end(()):
        raise StateConflict(f"no trial may begin: {against}", remedy="wait, or raise the budget in guards=")
    done = session.open(n_parallel)
    on_trial(len(done), tune.n_trials)
    tuner = Tuner(
        tune=tune,
        declared=project.loop.parameters,
        folds=session.plan.span.folds,
        submit=session.tryouts.submit,
        n_parallel=session.plan.n_parallel,
        find_end=session.find_end,
        on_trial=session.keep,
        await_first=session.tryouts.await_first,
    )
    trials = tuner.run(done)
    try:
        tuning = session.conclude(trials, tuner.note)
    except (TrainingFailed, FormatRefused, LabelError, StatisticsError) as problem:
        session.fail(problem)
        raise
    session.finish(tuning)
    return tuning


@contextmanager
def open_to_tune(loop_file: Path, *, n_parallel: int) -> Iterator[Project]:
    """Open a project with a child for each trial at a time; with one for all where a cluster does their steps."""
    compute = read_settings(loop_file.resolve().parent).compute
    with open_project(loop_file, n_children=1 if compute.is_elsewhere else n_parallel) as project:
        yield project


def read_tuning(tx: Transaction, run: Run | None) -> Tuning | None:
    """Return the tuning that chose the parameters of a run, or that the run was; None where there is none."""
    if run is None:
        return None
    tuned = (run.parameters.get("order") or {}).get("tuned")
    if tuned is not None:
        run = tx.runs.read(tuned["run_id"])
    return find_tuning(run)


def _read_tune(project: Project, n_trials: int | None) -> Tune:
    tune = project.loop.tune
    if tune is None:
        raise DeclarationError(
            f"{project.loop.name} declares no tune=",
            expected='Loop(..., tune=holdtrue.tune({"depth": holdtrue.integers(2, 8)})), with depth in parameters=',
        )
    import_optuna()
    return tune if n_trials is None else replace(tune, n_trials=n_trials)


def _sum_cost(trials: Sequence[Trial]) -> RunCost:
    return RunCost(
        wall_seconds=sum(trial.wall_seconds for trial in trials),
        cpu_seconds=sum(trial.cpu_seconds for trial in trials),
        peak_memory_bytes=max((trial.peak_memory_bytes for trial in trials), default=0),
    )
