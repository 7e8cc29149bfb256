"""Control: one look at one live loop: observe, decide, act. All it knows is in the store, so it may die anywhere."""

import sys
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl

from holdtrue.clock import Clock
from holdtrue.data import (
    History,
    LabelReader,
    PredictionReader,
    collect_labels,
    extend_history,
    take_snapshot,
)
from holdtrue.domain import Cause, Json, Loop, Rollout, Ruling, RunState, Version
from holdtrue.environments import spell_out
from holdtrue.errors import LabelsScarce, SourceError, StateConflict
from holdtrue.pipeline import Claim, name_worker, start_run, submit_run
from holdtrue.registry import Keyring
from holdtrue.store import Store, Transaction

from .account import close_failed_run, close_run, describe_checkout, describe_start
from .act import Actor
from .concern import watch_flow
from .decide import decide
from .golden import find_golden, leave_golden_out
from .lookup import LookupKeeper
from .memory import (
    CHAMPION,
    change_memory,
    find_promotions,
    read_loop_state,
    read_memory,
    remember_answer,
)
from .news import count_new_labels, count_news, count_table_labels, find_top_source
from .observe import explain_risk, gather_evidence, judge_answers, place_risk, read_slices
from .order import Brought, TrainingOrder, TrainingResult
from .orphan import bury_orphan, claim_orphan
from .policy import make_policy
from .quality import QualityKeeper
from .release import Registrar
from .risk import restore_watch
from .spending import sum_spending
from .state import CaughtUp, Facts, Firing, HoldRollout, LoopPolicy, LoopState, Move, StartRun, Trained, TrainingLost
from .stopping import await_end, end_stopped
from .table_reader import TableReader
from .trainer import Trainer
from .tuning import find_choice


@dataclass(kw_only=True)
class Controller:
    """Keeps one declared loop true. `tick` is for a thread, for cron, or after a crash: it goes on from the store.

    Attributes:
        loop: the declared loop.
        folder: the project's folder, where the table's path starts.
        loop_file: the file that declares the loop; None to train in this process.
        store: the open store.
        clock: business time.
        trainer: carries out trainings.
        window: the length of a quality window on the page.
        core_hour: the price of one core for an hour, which a guard by money counts with; None where it is not said.
        golden: digest of the golden rows as they were last looked at; None without a golden set.
        owner: who claims the trainings: whoever comes back under the same name goes on with its own at once.
    """

    loop: Loop
    folder: Path
    loop_file: Path | None
    store: Store
    clock: Clock
    trainer: Trainer
    window: timedelta = timedelta(days=1)
    core_hour: float | None = None
    on_move: Callable[[Move], None] = lambda _: None
    owner: str = field(default_factory=name_worker)
    _future: "Future[TrainingResult] | None" = None
    _order: TrainingOrder | None = None
    golden: str | None = None
    _last: Trained | CaughtUp | TrainingLost | None = None

    def __post_init__(self) -> None:
        self.actor = Actor(loop=self.loop.name)
        self.table = TableReader(loop=self.loop, folder=self.folder, store=self.store)
        self.reader = PredictionReader(self.store.folder / "log" / self.loop.name)
        self.labels = LabelReader(self.store, self.loop.name)
        self.claim = Claim(store=self.store, owner=self.owner)
        self.keyring = Keyring.open(self.store.folder / "keys")
        self.lookups = LookupKeeper(self.loop, self.store)
        self.quality = QualityKeeper(loop=self.loop, store=self.store, window=self.window)

    def tick(self) -> tuple[Move, ...]:
        """Observe, decide and act once; return the moves."""
        now = self.clock.now()
        collect_labels(self.store)
        state = self.read_state()
        policy = self.policy(now, is_running=state.champion is not None)
        self.lookups.refresh(now, lambda: self._gather_rows(now)[0])
        if state.is_training and self._future is None:
            self._take_over()
        finished = self._collect()
        facts = self._observe(policy, state, now)
        moves: tuple[Move, ...] = ()
        with self.store.transaction() as tx:
            if finished is not None:
                self._last = self._register(tx, finished, policy, now)
                facts = replace(facts, finished=self._last)
            moves = decide(policy, state, facts, now)
            for move in moves:
                if not isinstance(move, StartRun | HoldRollout):
                    self.actor.act(tx, move, now)
        for move in moves:
            if isinstance(move, StartRun):
                self._start(move, now)
            self.on_move(move)
        return moves

    def train_now(self, reason: str) -> Trained | CaughtUp | TrainingLost:
        """Train on what is known now, wait for it, and place what came of it.

        Raises:
            StateConflict: a training is under way already.
        """
        self.start_training(reason)
        return self._place_finished()

    def start_training(self, reason: str) -> None:
        """Begin a training that nobody's trigger asked for; a later look finds its end.

        Raises:
            StateConflict: a training is under way already.
            SourceError: the table cannot be used, see `table_problem`.
            DeclarationError: the loop declares no train.
        """
        _ = self.loop.recipe
        self._refuse_second()
        self._start(_ask(reason), self.clock.now())

    def judge_now(self, brought: Brought, reason: str) -> Trained | CaughtUp | TrainingLost:
        """Judge a model that was trained elsewhere, wait for it, and place what came of it.

        Raises:
            StateConflict: a training is under way already.
        """
        self._refuse_second()
        self._start(_ask(reason), self.clock.now(), brought=brought)
        return self._place_finished()

    def _refuse_second(self) -> None:
        if self.read_state().is_training:
            with self.store.transaction() as tx:
                is_free = self._future is None and bury_orphan(tx, self.loop.name, self.claim, now=self.clock.now())
            if not is_free:
                raise StateConflict("a training is under way already", remedy="wait for it; holdtrue status shows it")
        self._refuse_table(self.clock.now())

    def _refuse_table(self, now: datetime) -> None:
        known = self.history(now)
        if self.table_problem:
            raise SourceError(f"the table cannot be used: {self.table_problem}", expected="one that keeps its schema")
        if problem := self._pin_golden(known):
            raise SourceError(problem)

    def gather_history(self, moment: datetime) -> History:
        """Return the rows that a training as of a moment would take; raises `SourceError` without a usable table."""
        self._refuse_table(moment)
        return self._gather_rows(moment)[0]

    def _place_finished(self) -> Trained | CaughtUp | TrainingLost:
        self.finish_training()
        self.tick()
        if self._last is None:
            found = "a person stopped the training, or another worker took it over"
            raise StateConflict(found, remedy="holdtrue runs shows what came of it")
        return self._last

    def finish_training(self) -> None:
        """Wait until the training under way has ended, if there is one."""
        if self._future is not None and self._order is not None:
            await_end(self._future, self._order, self.trainer, self.store)

    def policy(self, now: datetime, *, is_running: bool = False) -> LoopPolicy:
        """Return what the loop is run by, fitted to the rows that its table holds now."""
        return make_policy(self.loop, self.history(now).known_at(now), is_running=is_running)

    def history(self, now: datetime) -> History:
        """Return the rows of the table as they can be had now; see `TableReader`."""
        return self.table.read(now)

    @property
    def table_problem(self) -> str:
        """Why no training may start from the table as it was last looked at; "" when one may."""
        return self.table.problem

    def read_state(self) -> LoopState:
        """Return where the loop stands, from the store."""
        with self.store.reading() as tx:
            return read_loop_state(tx, self.loop.name, now=self.clock.now())

    def _observe(self, policy: LoopPolicy, state: LoopState, now: datetime) -> Facts:
        log = self.reader.read()
        labels = self.labels.read(as_of=now, predictions=log)
        delay, known = self.history(now).label_delay, self.history(now).known_at(now)
        facts = self._observe_triggers(policy, state, known, labels, now)
        if state.champion is None:
            return facts
        with self.store.reading() as tx:
            champion = tx.versions.read(self.loop.name, state.champion)
            taken = [e.at for e in tx.aliases.history(self.loop.name) if e.alias == CHAMPION]
        concerns = watch_flow(log, labels, clock=self.clock, label_delay=delay, taken=taken)
        facts = replace(facts, concerns=concerns)
        watch = restore_watch(champion, self.loop)
        rows = judge_answers(log, labels, champion, since=taken[-1], label_delay=delay, now=now)
        risk, alert = watch.read_both(rows.losses, rows.days, on_risk=policy.on_risk)
        slices = read_slices(rows, watch)
        table = self.history(now)
        is_news = not any(a.version == state.champion and a.cause is Cause.RISK for a in state.open_alerts)
        if alert.has_risen and is_news:
            learned = table.known_at(champion.lineage.trained_until)
            alert = explain_risk(alert, learned, log.filter(log["time"] >= taken[-1]), weights=champion.weights)
            alert = place_risk(alert, slices)
        facts = replace(facts, alert=alert, slices=slices)
        if state.rollout is not None:
            versions = self._read_versions(state.rollout)
            evidence = gather_evidence(log, labels, state.rollout, versions, label_delay=delay, now=now)
            return replace(facts, evidence=evidence)
        n_rows, n_days = count_news(known, log, labels, champion)
        return replace(facts, risk=risk, n_new_rows=n_rows, n_new_days=n_days)

    def _observe_triggers(
        self, policy: LoopPolicy, state: LoopState, known: History, labels: pl.DataFrame, now: datetime
    ) -> Facts:
        with self.store.reading() as tx:
            n_before = int(read_memory(tx, self.loop.name).get("n_table_labels", sys.maxsize))
            promotions = find_promotions(tx, [each.loop for each in policy.afters])
            runs = tx.runs.all(self.loop.name) if policy.guards.has_budget else []
        return Facts(
            n_new_labels=count_new_labels(known, labels, since=state.last_run_at, n_before=n_before),
            table_problem=self.table_problem,
            golden_problem=self._pin_golden(known),
            promotions=promotions,
            spent=sum_spending(runs, now, core_hour=self.core_hour),
            top_source=find_top_source(known),
        )

    def _pin_golden(self, known: History) -> str:
        """Return why the golden set cannot be used, "" when it can or none is declared."""
        self.golden, problem = find_golden(self.store, self.loop, folder=self.folder, task=known.task)
        return problem

    def _read_versions(self, rollout: Rollout) -> dict[int, Version]:
        with self.store.reading() as tx:
            numbers = (rollout.champion, rollout.challenger)
            return {number: tx.versions.read(self.loop.name, number) for number in numbers}

    def write_windows(self, now: datetime) -> None:
        """Measure the quality of every version that answered, for the page; ask the one in charge what it believes."""
        log = self.reader.read()
        if log.height:
            labels = self.labels.read(as_of=now, predictions=log)
            self.quality.write(log, labels, label_delay=self.history(now).label_delay, now=now)

    def _start(self, move: StartRun, now: datetime, *, brought: Brought | None = None) -> None:
        run_id = uuid.uuid4().hex
        checkout = describe_checkout(self.loop_file, self.store.artifacts)
        history, n_labels = self._gather_rows(now)
        record = take_snapshot(self.store, self.loop.name, history, as_of=now)
        with self.store.transaction() as tx:
            champion = tx.aliases.current(self.loop.name, CHAMPION)
            version = None if champion is None else tx.versions.read(self.loop.name, champion)
            order = TrainingOrder(
                folder=str(self.store.folder),
                loop_file=None if self.loop_file is None else str(self.loop_file),
                loop=self.loop.name,
                dataset=record.digest,
                as_of=now,
                run_id=run_id,
                champion=version,
                catches_up=move.catches_up,
                brought=brought,
                golden=self.golden,
                tuned=None if brought else find_choice(tx, self.loop, follows=version if move.catches_up else None),
            )
            run = submit_run(
                tx, loop=self.loop.name, reason=move.reason, as_of=now, run_id=run_id, dataset=record.digest,
                parameters=describe_start(order, move.firings, checkout),
            )  # fmt: skip
            start_run(tx, run, now=now, owner=self.claim.owner)
            self.claim.take(tx, run_id)
            remember_answer(tx, self.loop.name, move.firings)
            change_memory(tx, self.loop.name, _describe_begun(order, n_labels))
            note = self.actor.note_run if brought is None else self.actor.note_brought
            note(tx, run_id, move.reason, now)
        self.claim.keep()
        self._order, self._future = order, self.trainer.submit(order)

    def _gather_rows(self, now: datetime) -> tuple[History, int]:
        """Return the rows to train on, of table and log, and how many labels are the table's own."""
        log, history = self.reader.read(), self.history(now)
        labels = self.labels.read(as_of=now, predictions=log)
        n_labels = count_table_labels(history.known_at(now), labels)
        history = extend_history(history, log, labels) if log.height else history
        if self.golden is not None:
            history = leave_golden_out(history, self.store.artifacts, self.golden)
        return history, n_labels

    def _take_over(self) -> None:
        """Begin again a training whose process died: the order stands in its run, and finished steps are cached."""
        with self.store.transaction() as tx:
            run = claim_orphan(tx, self.loop.name, self.claim)
        if run is None:
            return
        self.claim.keep()
        self._order = msgspec.convert(run.parameters["order"], TrainingOrder)
        self._future = self.trainer.submit(self._order)

    def _collect(self) -> "Future[TrainingResult] | None":
        if self._future is None or self._order is None:
            return None
        if not self._future.done():
            end_stopped(self._order, self.trainer, self.store)
            return None
        future, self._future = self._future, None
        return future

    def _register(
        self, tx: Transaction, future: "Future[TrainingResult]", policy: LoopPolicy, now: datetime
    ) -> Trained | CaughtUp | TrainingLost | None:
        order = self._order
        assert order is not None, "a finished training has its order"
        run = tx.runs.read(order.run_id)
        if run.state is not RunState.RUNNING or not self.claim.take(tx, run.run_id):
            return None  # it was stopped, or its lease had lapsed and another worker took it over: that result counts
        self.claim.give_back(tx)
        problem = future.exception()
        if problem is not None:
            change_memory(tx, self.loop.name, {"run_id": None})
            # Whatever it was: a controller that died of it would meet the same training again, for ever.
            close_failed_run(tx, run, problem, now=now)
            return _lose_training(order, problem)
        result = future.result()
        registrar = Registrar(
            loop=self.loop, store=self.store, keyring=self.keyring, policy=policy, lookup=self.lookups.keep()
        )
        trained = registrar.register(tx, order, result, now)
        is_undecided = trained.ruling is Ruling.INCONCLUSIVE and not order.catches_up
        changes: dict[str, Json] = {"run_id": None}
        if order.brought is None:
            changes["is_undecided"] = is_undecided
        change_memory(tx, self.loop.name, changes)
        brought = {"version": trained.version, "ruling": trained.ruling.value, "sentence": trained.sentence}
        close_run(tx, run, result, now=now, brought=brought)
        return trained


def _describe_begun(order: TrainingOrder, n_table_labels: int) -> dict[str, Json]:
    """Return what the loop remembers of a training that begins."""
    begun: dict[str, Json] = {"run_id": order.run_id}
    if order.brought is not None:  # to judge a model that was brought is no training: the schedule goes on as it was
        return begun
    now = order.as_of.isoformat()
    begun |= {"last_run_at": now, "is_undecided": False, "n_table_labels": n_table_labels}
    return begun if order.catches_up else {**begun, "last_asked_at": now}


def _ask(reason: str) -> StartRun:
    return StartRun(reason=reason, firings=(Firing(trigger="person", reason=reason),))


def _lose_training(order: TrainingOrder, problem: BaseException) -> TrainingLost:
    is_brought, is_short = order.brought is not None, isinstance(problem, LabelsScarce)
    if is_short:
        said = f"Not enough data to {'judge it' if is_brought else 'train'}"
    else:
        said = f"The {'judging' if is_brought else 'training'} failed"
    return TrainingLost(run_id=order.run_id, sentence=f"{said}: {spell_out(str(problem))}", is_short=is_short)
