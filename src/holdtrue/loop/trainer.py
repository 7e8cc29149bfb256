"""Trainer: has training orders carried out, in this process or in an environment's child."""

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec

from holdtrue.data import History, holds_snapshot, load_snapshot
from holdtrue.domain import Json, Loop
from holdtrue.environments import Environment
from holdtrue.errors import SourceError
from holdtrue.pipeline import CostMeter, MemoryCache, StepCache, Trail
from holdtrue.store import Store

from .account import keep_installation
from .away import find_away
from .brought import judge_brought
from .catch_up import LostRows
from .fitting import Fitter
from .golden import hold_to_golden
from .order import TrainingOrder, TrainingResult
from .row_code import derive_rows, hold_functions, keep_functions
from .training import train_challenger

ENTRY = "holdtrue.loop.child:run"


class Trainer(Protocol):
    """Carries out training orders. The same order twice gives the same result: steps are cached by their content."""

    def submit(self, order: TrainingOrder) -> "Future[TrainingResult]":
        """Begin a training; the future raises what `train_challenger` raises."""
        ...

    def stop(self) -> None:
        """End the training under way, whose future then fails. Without one nothing happens."""
        ...


@dataclass
class InlineTrainer:
    """Trains in this process, with a loop that is at hand."""

    loop: Loop
    store: Store
    _histories: dict[str, History] = field(default_factory=dict)

    def submit(self, order: TrainingOrder) -> "Future[TrainingResult]":
        """Train now and return the finished future."""
        future: Future[TrainingResult] = Future()
        try:
            future.set_result(self.train(order))
        except Exception as problem:
            future.set_exception(problem)
        return future

    def stop(self) -> None:
        """Do nothing: a training here has ended when `submit` returns."""

    def train(self, order: TrainingOrder, *, trail: Trail | None = None) -> TrainingResult:
        """Carry out one order; see `train_challenger` for what it raises. `trail` is told of each step as it ends."""
        history, meter = hold_functions(self.recall(order.dataset), self.store, order.champion), CostMeter.start()
        keep_functions(self.loop, self.store.artifacts)
        if order.brought is not None:
            result = judge_brought(self.loop, history, order, order.brought, self.store.artifacts)
            return replace(self._hold(order, result, history), cost=meter.read())
        cache = MemoryCache() if order.is_repetition else StepCache(self.store)
        loop, trail = self.loop, Trail() if trail is None else trail
        if order.tuned is not None:
            loop = replace(loop, parameters={**loop.parameters, **order.tuned.parameters})
        fitter = Fitter(loop=loop, cache=cache, artifacts=self.store.artifacts, trail=trail)
        fitter.place = away = find_away(order.loop_file, fitter)
        result = train_challenger(loop, history, order, fitter, taught=self._read_taught(order))
        result = replace(self._hold(order, result, history), provenance=fitter.provenance)
        # A backtest has thousands of trainings and keeps none.
        if (order.is_for_service or order.keeps_notes) and not order.is_repetition:
            installation = keep_installation(self.store.artifacts)
            result = replace(result, step_notes=tuple(trail.notes.values()), installation=installation)
        return replace(result, cost=meter.read() if away is None else away.add_cost(meter.read()))

    def recall(self, dataset: str) -> History:
        """Return the history of a snapshot; the last one stays at hand."""
        if dataset not in self._histories:
            self._histories.clear()
            rows = load_snapshot(self.store, dataset, self.loop.name)
            self._histories[dataset] = derive_rows(rows, self.loop)
        return self._histories[dataset]

    def _hold(self, order: TrainingOrder, result: TrainingResult, history: History) -> TrainingResult:
        golden = None if self.loop.guards is None else self.loop.guards.golden
        if golden is None or order.golden is None or order.is_blind:
            return result
        return hold_to_golden(golden, order.golden, result, self.store.artifacts, known=history)

    def _read_taught(self, order: TrainingOrder) -> History | LostRows | None:
        """Return what the champion of a catch-up was trained on; None when that is the snapshot of the order.

        A version of a table that was vacuumed while the rollout lasted never comes back: what is known now, and the
        digest that was kept of what is gone, must then do.
        """
        if not order.catches_up or order.champion is None or order.champion.lineage.dataset == order.dataset:
            return None
        lineage = order.champion.lineage
        try:
            return load_snapshot(self.store, lineage.dataset, order.loop).known_at(lineage.trained_until)
        except SourceError as problem:
            known = self.recall(order.dataset).known_at(order.as_of)
            are_held = holds_snapshot(self.store, lineage.dataset, known)
            return LostRows(are_held=are_held, found=problem.found)


@dataclass
class EnvironmentTrainer:
    """Trains where an environment says; only JSON crosses the border."""

    environment: Environment
    timeout_seconds: float | None = None

    def submit(self, order: TrainingOrder) -> "Future[TrainingResult]":
        """Send the order and return a future of what comes back."""
        answered = self.environment.submit(ENTRY, msgspec.to_builtins(order), timeout_seconds=self.timeout_seconds)
        future: Future[TrainingResult] = Future()
        answered.add_done_callback(lambda done: _hand_over(done, future))
        return future

    def stop(self) -> None:
        """End the work under way in the environment."""
        self.environment.interrupt()


def _hand_over(done: "Future[Json]", future: "Future[TrainingResult]") -> None:
    problem = done.exception()
    if problem is not None:
        future.set_exception(problem)
        return
    try:
        future.set_result(msgspec.convert(done.result(), TrainingResult))
    except msgspec.ValidationError as broken:
        future.set_exception(broken)
