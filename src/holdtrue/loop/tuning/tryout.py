"""Tryout: a part of a trial, done: the recipe fitted with other parameters, and judged on rows that it has not seen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from holdtrue.data import Dataset, History
from holdtrue.domain import ActionRule, Json, Loop, Loss, Metric, Proof, RunCost
from holdtrue.errors import LabelError, StatisticsError
from holdtrue.loop.away import find_away
from holdtrue.loop.fitting import Fitter
from holdtrue.loop.gate import day_numbers
from holdtrue.loop.rule import make_rule
from holdtrue.loop.score import score_labelled
from holdtrue.pipeline import CostMeter, StepCache
from holdtrue.registry import Scorer
from holdtrue.stats import paired_interval
from holdtrue.store import Store
from holdtrue.validation import Candidate, baseline_predictions, measure_metric, prove_metric

from .order import ProofOrder, TrialOrder, TrialResult


@dataclass(frozen=True, kw_only=True, eq=False)
class _Judged:
    """A fit that was judged on a fold: the loss of each of its rows, what the fit took, and how to ask it more."""

    losses: NDArray[np.float64]
    rows: Dataset
    is_cached: bool
    cost: RunCost
    answers: NDArray[np.float64]
    scorer: Scorer
    train: Dataset
    loss: Loss
    rule: ActionRule | None

    def introduce(self) -> Candidate:
        """Return the fit as checks and metrics see it; there is no champion here."""
        rows = self.rows
        baseline = baseline_predictions(
            self.train.encoded_labels(), n_rows=rows.n_rows, task=rows.task, classes=rows.classes
        )
        return Candidate(
            rows=rows, answers=self.answers, champion=None, baseline=baseline, train=self.train,
            score=self.scorer.score, loss=self.loss, is_refresh=False, rule=self.rule,
        )  # fmt: skip


def try_parameters(loop: Loop, store: Store, history: History, order: TrialOrder, *, n_at_once: int = 1) -> TrialResult:
    """Fit with the order's parameters and return the mean loss on its fold.

    The steps of the fit are done where those of a training are, here or on a cluster; its answers are judged here.
    `n_at_once` says how many parts of trials this process does at the same time.

    Raises:
        TrainingFailed: the recipe raised or returned nothing usable.
        FormatRefused: what it returned cannot be stored safely.
        LabelError: the fold holds no labelled row.
        StatisticsError: the loss or the metric is no number.
        DeclarationError: the metric of the loop's tuning returned no number.
    """
    judged, metric = _judge(loop, store, history, order, order.parameters, n_at_once), _find_metric(loop)
    return TrialResult(
        loss=float(judged.losses.mean()),
        n_rows=len(judged.losses),
        is_cached=judged.is_cached,
        cost=judged.cost,
        metric=None if metric is None else measure_metric(metric, judged.introduce()),
    )


def prove_parameters(loop: Loop, store: Store, history: History, order: ProofOrder) -> Proof:
    """Hold the found parameters against the declared ones on the same rows; see `try_parameters` for what it raises."""
    mine = _judge(loop, store, history, order.trial, order.trial.parameters)
    theirs: _Judged | None = mine
    if order.declared is None:
        theirs = None
    elif order.declared != order.trial.parameters:
        theirs = _judge(loop, store, history, order.trial, order.declared)
    proof, metric = _prove_loss(mine, theirs), _find_metric(loop)
    if metric is None:
        return proof
    candidate = mine.introduce()
    declared = candidate if theirs is mine else None if theirs is None else theirs.introduce()
    return replace(proof, metric=prove_metric(metric, candidate, declared))


def _prove_loss(mine: _Judged, theirs: _Judged | None) -> Proof:
    losses, days = mine.losses, day_numbers(mine.rows)
    n_days = len(np.unique(days))
    own = paired_interval(losses, blocks=days) if n_days > 1 else None
    proof = Proof(
        n_rows=len(losses),
        n_days=n_days,
        loss=float(losses.mean()),
        low=None if own is None else own.low,
        high=None if own is None else own.high,
        declared_loss=None if theirs is None else float(theirs.losses.mean()),
    )
    if theirs is None or theirs is mine or n_days == 1:
        return proof
    pair = paired_interval(losses - theirs.losses, blocks=days)
    return replace(proof, difference_low=pair.low, difference_high=pair.high)


def _find_metric(loop: Loop) -> Metric | None:
    return None if loop.tune is None else loop.tune.metric


def _judge(
    loop: Loop, store: Store, history: History, order: TrialOrder, parameters: Mapping[str, Json], n_at_once: int = 1
) -> _Judged:
    meter = CostMeter.start(n_at_once=n_at_once)
    tried = replace(loop, parameters={**loop.parameters, **parameters})
    fitter = Fitter(loop=tried, cache=StepCache(store), artifacts=store.artifacts)
    fitter.place = away = find_away(order.loop_file, fitter)
    known = order.fold.select_known(history)
    _, scorer = fitter.fit(known, until=order.fold.since)
    later = order.fold.select_judged(history)
    rows = later.dataset()
    if not rows.n_rows:
        raise LabelError(f"no label is known of the rows from {order.fold.since.isoformat()} on", expected="some")
    answers = score_labelled(scorer, later, classes=history.classes, known=history)
    losses = order.loss.rows(answers, rows.encoded_labels())
    if not np.isfinite(losses).all():
        raise StatisticsError("the loss of a row is no finite number", expected="finite answers")
    train = known.dataset()
    return _Judged(
        losses=losses,
        rows=rows,
        is_cached=all(record.is_cached for record in fitter.records),
        cost=meter.read() if away is None else away.add_cost(meter.read()),
        answers=answers,
        scorer=scorer,
        train=train,
        loss=order.loss,
        rule=make_rule(loop, train, answers),
    )
