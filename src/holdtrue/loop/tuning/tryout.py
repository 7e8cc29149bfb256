"""Tryout: a part of a trial, done: the recipe fitted with other parameters, and judged on rows that it has not seen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from holdtrue.data import Dataset, History
from holdtrue.domain import Json, Loop, Proof, RunCost
from holdtrue.errors import LabelError, StatisticsError
from holdtrue.loop.away import find_away
from holdtrue.loop.fitting import Fitter
from holdtrue.loop.gate import day_numbers
from holdtrue.loop.score import score_labelled
from holdtrue.pipeline import CostMeter, StepCache
from holdtrue.stats import paired_interval
from holdtrue.store import Store

from .order import ProofOrder, TrialOrder, TrialResult


@dataclass(frozen=True, kw_only=True, eq=False)
class _Judged:
    """A fit that was judged on a fold: the loss of each of its rows, and what the fit took."""

    losses: NDArray[np.float64]
    rows: Dataset
    is_cached: bool
    cost: RunCost


def try_parameters(loop: Loop, store: Store, history: History, order: TrialOrder) -> TrialResult:
    """Fit with the order's parameters and return the mean loss on its fold.

    The steps of the fit are done where those of a training are, here or on a cluster; its answers are judged here.

    Raises:
        TrainingFailed: the recipe raised or returned nothing usable.
        FormatRefused: what it returned cannot be stored safely.
        LabelError: the fold holds no labelled row.
        StatisticsError: the loss is no number.
    """
    judged = _judge(loop, store, history, order, order.parameters)
    return TrialResult(
        loss=float(judged.losses.mean()),
        n_rows=len(judged.losses),
        is_cached=judged.is_cached,
        cost=judged.cost,
    )


def prove_parameters(loop: Loop, store: Store, history: History, order: ProofOrder) -> Proof:
    """Hold the found parameters against the declared ones on the same rows; see `try_parameters` for what it raises."""
    judged = _judge(loop, store, history, order.trial, order.trial.parameters)
    mine, days = judged.losses, day_numbers(judged.rows)
    n_days = len(np.unique(days))
    own = paired_interval(mine, blocks=days) if n_days > 1 else None
    proof = Proof(
        n_rows=len(mine),
        n_days=n_days,
        loss=float(mine.mean()),
        low=None if own is None else own.low,
        high=None if own is None else own.high,
    )
    if order.declared is None or order.declared == order.trial.parameters:
        return replace(proof, declared_loss=None if order.declared is None else proof.loss)
    theirs = _judge(loop, store, history, order.trial, order.declared).losses
    pair = paired_interval(mine - theirs, blocks=days) if n_days > 1 else None
    return replace(
        proof,
        declared_loss=float(theirs.mean()),
        difference_low=None if pair is None else pair.low,
        difference_high=None if pair is None else pair.high,
    )


def _judge(
    loop: Loop, store: Store, history: History, order: TrialOrder, parameters: Mapping[str, Json]
) -> _Judged:
    meter = CostMeter.start()
    tried = replace(loop, parameters={**loop.parameters, **parameters})
    fitter = Fitter(loop=tried, cache=StepCache(store), artifacts=store.artifacts)
    fitter.place = away = find_away(order.loop_file, fitter)
    _, scorer = fitter.fit(order.fold.select_known(history), until=order.fold.since)
    later = order.fold.select_judged(history)
    rows = later.dataset()
    if not rows.n_rows:
        raise LabelError(f"no label is known of the rows from {order.fold.since.isoformat()} on", expected="some")
    answers = score_labelled(scorer, later, classes=history.classes, known=history)
    losses = order.loss.rows(answers, rows.encoded_labels())
    if not np.isfinite(losses).all():
        raise StatisticsError("the loss of a row is no finite number", expected="finite answers")
    is_cached = all(record.is_cached for record in fitter.records)
    cost = meter.read() if away is None else away.add_cost(meter.read())
    return _Judged(losses=losses, rows=rows, is_cached=is_cached, cost=cost)
