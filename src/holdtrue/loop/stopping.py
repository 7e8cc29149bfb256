"""Stopping: a person ends a run, whatever it does; its worker sees it in the store and ends the work."""

from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillRunning
from datetime import datetime

from holdtrue.domain import Run, RunState
from holdtrue.pipeline import fail_run
from holdtrue.store import Store, Transaction

from .memory import change_memory, read_memory
from .order import TrainingOrder, TrainingResult
from .trainer import Trainer

_LOOK_SECONDS = 0.5


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
