"""Stopping: a person ends a run, whatever it does; its worker sees it in the store and ends the work."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as StillRunning
from datetime import datetime
from typing import TypeVar

from holdtrue.domain import Run, RunState
from holdtrue.errors import StoreFailed
from holdtrue.pipeline import fail_run
from holdtrue.store import Store, Transaction

from .memory import change_memory, read_memory
from .order import TrainingOrder, TrainingResult
from .trainer import Trainer

_LOOK_SECONDS = 0.5
_MOST_LOOKS = 20
T = TypeVar("T")


def stop_run(tx: Transaction, run: Run, *, actor: str, reason: str, now: datetime) -> Run:
    """Record a run as failed by order of a person, so that no worker goes on with it.

    Raises:
        StateConflict: it has ended already.
    """
    sentence = f"The run was stopped: {reason}."
    stopped = fail_run(tx, run, now=now, error=sentence)
    if read_memory(tx, run.loop).get("run_id") == run.run_id:
        change_memory(tx, run.loop, {"run_id": None})
    tx.audit.append(
        loop=run.loop, at=now, actor=actor, action="stop training", subject=run.run_id, sentence=sentence, detail={}
    )
    return stopped


def await_end(future: "Future[TrainingResult]", order: TrainingOrder, trainer: Trainer, store: Store) -> None:
    """Wait until a training has ended, and end it when its run was stopped meanwhile."""
    while True:
        try:
            future.exception(_LOOK_SECONDS)
        except StillRunning:
            end_stopped(order, trainer, store)
        else:
            return


def end_stopped(order: TrainingOrder, trainer: Trainer, store: Store) -> None:
    """End the work of a training whose run is over in the store."""
    with store.reading() as tx:
        is_over = tx.runs.read(order.run_id).state is not RunState.RUNNING
    if is_over:
        trainer.stop()


def await_some(
    futures: Collection["Future[T]"], *, runs: Sequence[Run], store: Store, interrupt: Callable[[], None]
) -> "tuple[set[Future[T]], Run | None]":
    """Wait until some of the futures are done, or one of the runs that they are for was stopped.

    Return those that are done, and the run that was stopped, as it is now: then the work of all has been ended, and
    what the futures brought is of no use.

    Args:
        futures: what is waited for.
        runs: as their worker last knew them, all under way.
        store: where they are stopped; while it is away nobody can, and the wait goes on.
        interrupt: ends the work under way.
    """
    while True:
        done = wait(futures, _LOOK_SECONDS, return_when=FIRST_COMPLETED).done
        stopped = _find_stopped(runs, store)
        if stopped is not None:
            _end_work(futures, interrupt)
        if done or stopped is not None:
            return done, stopped


def describe_stop(run: Run) -> str:
    """Say in a few words which run was stopped, and by what order."""
    return f"the run {run.run_id[:12]} is over: {(run.error or run.state.value).rstrip('.')}"


def _find_stopped(runs: Sequence[Run], store: Store) -> Run | None:
    try:
        with store.reading() as tx:
            found = [tx.runs.read(run.run_id) for run in runs]
    except StoreFailed:
        return None
    return next((run for run in found if run.state is not RunState.RUNNING), None)


def _end_work(futures: Collection["Future[T]"], interrupt: Callable[[], None]) -> None:
    """End the work again and again: a piece that was just about to begin is met by the next look."""
    for _ in range(_MOST_LOOKS):
        interrupt()
        if not wait(futures, _LOOK_SECONDS).not_done:
            return
