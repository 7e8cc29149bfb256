"""Child: the one entry of work that runs in a child process or on a cluster."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec

from holdtrue.domain import Json
from holdtrue.environments import make_failure, run_together
from holdtrue.errors import DeclarationError, TrainingFailed
from holdtrue.pipeline import CostMeter, MemoryCache, Trail
from holdtrue.store import Store

from .account import Account, keep_installation
from .file import load_loop
from .fitting import Fitter
from .order import TrainingOrder
from .repetition import RepetitionOrder, repeat_step
from .trainer import InlineTrainer
from .tuning import ProofOrder, TrialOrder, prove_parameters, try_parameters

# A warm child keeps what it has loaded: the same loop file and store are asked for again and again.
_trainers: dict[tuple[str, str, float], InlineTrainer] = {}


def run(payload: Json) -> Json:
    """Carry out a training order given as JSON, and return its result as JSON."""
    order = msgspec.convert(payload, TrainingOrder)
    if order.loop_file is None:
        raise DeclarationError("the order names no loop file", expected="a file that the child can import")
    trainer, trail, meter = _find_trainer(order.folder, order.loop_file), Trail(), CostMeter.start()
    try:
        return msgspec.to_builtins(trainer.train(order, trail=trail))
    except Exception as raised:
        failure = make_failure(raised)
        if isinstance(failure, TrainingFailed) and not order.is_repetition:
            failure.account = msgspec.to_builtins(_give_account(trainer, trail, meter))
        raise failure from raised


def _give_account(trainer: InlineTrainer, trail: Trail, meter: CostMeter) -> Account:
    """Return what can be told of a training that raised."""
    account = Account(steps=tuple(trail.records), notes=tuple(trail.notes.values()), cost=meter.read())
    try:
        artifacts = trainer.store.artifacts
        fitter = Fitter(loop=trainer.loop, cache=MemoryCache(), artifacts=artifacts)
        return replace(account, provenance=fitter.provenance, installation=keep_installation(artifacts))
    except Exception:  # what was raised says more than why it could not be told
        return account


def repeat(payload: Json) -> Json:
    """Do one step of a past run again, ordered as JSON, and return what came of it as JSON."""
    order = msgspec.convert(payload, RepetitionOrder)
    trainer = _find_trainer(order.folder, order.loop_file)
    return msgspec.to_builtins(repeat_step(trainer.loop, trainer.store, order))


def try_out(payload: Json) -> Json:
    """Do a part of a trial of a tuning, ordered as JSON, and return what came of it as JSON."""
    order = msgspec.convert(payload, TrialOrder)
    trainer = _find_trainer(order.folder, order.loop_file)
    return msgspec.to_builtins(try_parameters(trainer.loop, trainer.store, trainer.recall(order.dataset), order))


def try_out_together(payload: Json) -> Json:
    """Do parts of trials of one tuning at once: their steps are done elsewhere, and this process waits for them."""
    orders = [msgspec.convert(order, TrialOrder) for order in payload]
    trainer = _find_trainer(orders[0].folder, orders[0].loop_file)
    history = trainer.recall(orders[0].dataset)

    def try_one(order: TrialOrder) -> Json:
        found = try_parameters(trainer.loop, trainer.store, history, order, n_at_once=len(orders))
        return msgspec.to_builtins(found)

    return run_together([partial(try_one, order) for order in orders])


def prove(payload: Json) -> Json:
    """Hold the parameters that a tuning found against the declared ones, ordered as JSON."""
    order = msgspec.convert(payload, ProofOrder)
    trainer = _find_trainer(order.trial.folder, order.trial.loop_file)
    history = trainer.recall(order.trial.dataset)
    return msgspec.to_builtins(prove_parameters(trainer.loop, trainer.store, history, order))


def _find_trainer(folder: str, loop_file: str) -> InlineTrainer:
    path = Path(loop_file)
    written = path.stat().st_mtime if path.exists() else 0.0
    key = (folder, loop_file, written)
    if key not in _trainers:
        _trainers.clear()
        _trainers[key] = InlineTrainer(loop=load_loop(path), store=Store.open(Path(folder)))
    return _trainers[key]
