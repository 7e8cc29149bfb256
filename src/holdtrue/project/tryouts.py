"""Tryouts: the parts of a tuning's trials, sent to where they are done and waited for."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import msgspec

from holdtrue.domain import Json, Loss, Proof, Run, Trial, TrialState
from holdtrue.environments import Together
from holdtrue.errors import StateConflict
from holdtrue.loop import Fold, await_some, describe_stop
from holdtrue.loop.tuning import ProofOrder, TrialOrder, TrialResult, TuningSpan
from holdtrue.pipeline import Claim
from holdtrue.project.project import Project
from holdtrue.project.settings import read_settings

_TRY, _PROVE = "holdtrue.loop.child:try_out", "holdtrue.loop.child:prove"
_TRY_TOGETHER = "holdtrue.loop.child:try_out_together"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class TuningPlan:
    """What a tuning keeps of its beginning, to be gone on with.

    Attributes:
        recipe: digest of code, ranges, declared parameters and seed: trials of another recipe are no likeness.
        dataset: digest of its rows.
        span: their parts.
        loss: what trials are judged by.
        n_parallel: how many trials are drawn at a time.
    """

    recipe: str
    dataset: str
    span: TuningSpan
    loss: Loss
    n_parallel: int


@dataclass(kw_only=True)
class Tryouts:
    """The parts of the trials of one tuning: each is a fit that is judged on a fold, or the proof.

    Attributes:
        project: the open project.
        claim: given back when a person stops the tuning.
        run: of the tuning.
        plan: its rows.
    """

    project: Project
    claim: Claim
    run: Run
    plan: TuningPlan

    @cached_property
    def together(self) -> Together | None:
        """Return what gathers parts for the one child that hands their steps to a cluster; None without a cluster."""
        is_elsewhere = read_settings(self.project.folder).compute.is_elsewhere
        return Together(self.project.environment, _TRY_TOGETHER) if is_elsewhere else None

    def order(self, parameters: Mapping[str, Json], fold: Fold) -> TrialOrder:
        """Return the order of a part of a trial."""
        return TrialOrder(
            folder=str(self.project.store.folder),
            loop_file=str(self.project.loop_file),
            loop=self.project.loop.name,
            dataset=self.plan.dataset,
            parameters=parameters,
            fold=fold,
            loss=self.plan.loss,
        )

    def submit(self, parameters: Mapping[str, Json], fold: Fold) -> "Future[TrialResult]":
        """Begin a part of a trial."""
        payload = msgspec.to_builtins(self.order(parameters, fold))
        if self.together is not None:
            answered = self.together.submit(payload)
        else:
            answered = self.project.environment.submit(_TRY, payload)
        future: Future[TrialResult] = Future()
        answered.add_done_callback(lambda done: _hand_over(done, future))
        return future

    def await_first(self, futures: Collection["Future[T]"]) -> set["Future[T]"]:
        """Return those that have ended, at least one; raises `StateConflict` when a person stopped the tuning."""
        if self.together is None:
            return self._await_some(futures)
        batch = self.together.send()
        self._await_some([batch])
        self.together.hand_over(batch)
        return {future for future in futures if future.done()}

    def _await_some(self, futures: Collection["Future[T]"]) -> set["Future[T]"]:
        environment = self.project.environment
        done, stopped = await_some(futures, runs=[self.run], store=self.project.store, interrupt=environment.interrupt)
        if stopped is None:
            return done
        with self.project.store.transaction() as tx:
            self.claim.give_back(tx)
        n_trials = len(stopped.result.get("trials", []))
        raise StateConflict(
            f"{describe_stop(stopped)}; nothing was chosen, and the run keeps what had ended (trials: {n_trials})",
            remedy="holdtrue tune begins another, which takes what was fitted for these trials from the cache",
        )

    def prove(self, best: Trial, trials: Sequence[Trial]) -> Proof:
        """Hold the best trial against the declared parameters on rows that no trial was judged on."""
        first = trials[0]
        declared = first.parameters if first.number == 0 and first.state is not TrialState.FAILED else None
        order = ProofOrder(trial=self.order(best.parameters, self.plan.span.proof), declared=declared)
        future = self.project.environment.submit(_PROVE, msgspec.to_builtins(order))
        self._await_some([future])
        return msgspec.convert(future.result(), Proof)


def _hand_over(done: "Future[Json]", future: "Future[TrialResult]") -> None:
    problem = done.exception()
    if problem is not None:
        future.set_exception(problem)
    else:
        future.set_result(msgspec.convert(done.result(), TrialResult))
