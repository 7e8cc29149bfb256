"""Measure: the figures of a policy from its answers, all policies on the same rows, with block-robust intervals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import (
    Comparison,
    Decision,
    DecisionKind,
    Loss,
    PeriodResult,
    PolicyResult,
    Value,
    measure_quality,
)
from holdtrue.monitoring import believe_quality
from holdtrue.stats import paired_interval

from .calendar import Period
from .replay import Replay


@dataclass(frozen=True, kw_only=True)
class PolicyTrace:
    """What a policy did over the replayed rows.

    Attributes:
        policy: its name.
        answers: (n_rows, n_classes) probabilities or (n_rows,) numbers, for the replayed rows.
        worth: (n_rows,) what the action taken was worth; nan without a label; None without a declared outcome.
        unit: of the worth.
        decisions: in the order of time.
        n_retrains: trainings after the first one.
        n_catch_ups: promoted versions that were fitted once more at their promotion; no retrains, but fits.
        phases: answers of the same policy at other phases of its moments; every figure is the mean over all of them.
    """

    policy: str
    answers: NDArray[np.float64]
    worth: NDArray[np.float64] | None = None
    unit: str = "money"
    decisions: tuple[Decision, ...] = ()
    n_retrains: int = 0
    n_catch_ups: int = 0
    phases: tuple[NDArray[np.float64], ...] = ()

    @property
    def draws(self) -> tuple[NDArray[np.float64], ...]:
        """Return the answers of all phases, this one's first."""
        return (self.answers, *self.phases)

    @classmethod
    def join(cls, traces: Sequence["PolicyTrace"]) -> "PolicyTrace":
        """Return traces of one policy at several phases as one; the decisions are those of the first."""
        first, *others = traces
        worths = [trace.worth for trace in traces if trace.worth is not None]
        worth = np.mean(worths, axis=0) if worths else None
        return replace(first, phases=tuple(other.answers for other in others), worth=worth)


def measure_policy(
    trace: PolicyTrace, replay: Replay, loss: Loss, periods: Sequence[Period], others: Sequence[PolicyTrace]
) -> PolicyResult:
    """Return the figures of a policy over the whole span and in each period, beside those of the other policies."""
    losses = measure_losses(trace, replay, loss)
    still = next((other for other in others if other.policy == "static" and trace.policy != "static"), None)
    static = None if still is None else measure_losses(still, replay, loss)
    known = ~np.isnan(losses)
    blocks = replay.weeks
    whole = _interval(losses[known], blocks[known])
    return PolicyResult(
        policy=trace.policy,
        n_rows=len(losses),
        n_labelled=int(known.sum()),
        loss=whole[0],
        loss_low=whole[1],
        loss_high=whole[2],
        loss_name=loss.kind.value,
        metrics=_measure_metrics(trace, replay, np.flatnonzero(known), loss),
        n_retrains=trace.n_retrains,
        n_catch_ups=trace.n_catch_ups,
        n_promotions=_count(trace.decisions, DecisionKind.PROMOTED),
        n_rejected=_count(trace.decisions, DecisionKind.REJECTED) + _count(trace.decisions, DecisionKind.ABORTED),
        value=_value(trace, known, blocks),
        periods=tuple(_measure_period(trace, replay, losses, period, loss=loss, static=static) for period in periods),
        versus=tuple(
            _compare(losses, measure_losses(other, replay, loss), blocks, other.policy)
            for other in others
            if other.policy != trace.policy
        ),
        decisions=trace.decisions,
    )


def measure_losses(trace: PolicyTrace, replay: Replay, loss: Loss) -> NDArray[np.float64]:
    """Return a policy's loss on each replayed row, shape (n_rows,); nan where its label is missing."""
    known = replay.is_labelled
    losses = np.full(len(known), np.nan)
    losses[known] = np.mean([loss.rows(answers[known], replay.labels[known]) for answers in trace.draws], axis=0)
    return losses


def _measure_metrics(trace: PolicyTrace, replay: Replay, rows: NDArray[np.int64], loss: Loss) -> dict[str, float]:
    """Return what was measured, and beside it what the versions believed of the same answers."""
    found = [measure_quality(replay.task, answers[rows], replay.labels[rows]) for answers in trace.draws]
    if found[0] and replay.task.has_classes:
        beliefs = [float(believe_quality(answers[rows], loss)["accuracy"].mean()) for answers in trace.draws]
        found = [each | {"believed_accuracy": belief} for each, belief in zip(found, beliefs, strict=True)]
    return {name: float(np.mean([each[name] for each in found])) for name in found[0]}


def _measure_period(
    trace: PolicyTrace,
    replay: Replay,
    losses: NDArray[np.float64],
    period: Period,
    *,
    loss: Loss,
    static: NDArray[np.float64] | None,
) -> PeriodResult:
    begin, end = replay.find_row(period.start), replay.find_row(period.end)
    part = losses[begin:end]
    known = ~np.isnan(part)
    mean, low, high = _interval(part[known], replay.days[begin:end][known])
    decisions = [d for d in trace.decisions if period.start <= d.at < period.end]
    return PeriodResult(
        start=period.start,
        end=period.end,
        n_rows=end - begin,
        n_labelled=int(known.sum()),
        loss=mean,
        loss_low=low,
        loss_high=high,
        metrics=_measure_metrics(trace, replay, begin + np.flatnonzero(known), loss),
        n_retrains=_count(decisions, DecisionKind.RETRAINED),
        n_promotions=_count(decisions, DecisionKind.PROMOTED),
        n_rejected=_count(decisions, DecisionKind.REJECTED) + _count(decisions, DecisionKind.ABORTED),
        value=None if trace.worth is None else _sum_worth(trace.worth[begin:end], trace.unit),
        versus_static=None if static is None else _compare(part, static[begin:end], replay.days[begin:end], "static"),
    )


def _interval(
    values: NDArray[np.float64], blocks: NDArray[np.int64]
) -> tuple[float | None, float | None, float | None]:
    if not len(values):
        return None, None, None
    if len(np.unique(blocks)) < 2:
        return float(values.mean()), None, None
    found = paired_interval(values, blocks=blocks)
    return found.estimate, found.low, found.high


def _compare(
    mine: NDArray[np.float64], theirs: NDArray[np.float64], blocks: NDArray[np.int64], other: str
) -> Comparison:
    differences = mine - theirs
    known = ~np.isnan(differences)
    mean, low, high = _interval(differences[known], blocks[known])
    return Comparison(other=other, difference=mean or 0.0, low=low, high=high, n_blocks=len(np.unique(blocks[known])))


def _value(trace: PolicyTrace, known: NDArray[np.bool_], blocks: NDArray[np.int64]) -> Value | None:
    if trace.worth is None:
        return None
    mean, low, high = _interval(trace.worth[known], blocks[known])
    n_rows = int(known.sum())
    if mean is None:
        return None
    return Value(
        amount=mean * n_rows,
        unit=trace.unit,
        low=None if low is None else low * n_rows,
        high=None if high is None else high * n_rows,
    )


def _sum_worth(worth: NDArray[np.float64], unit: str) -> Value:
    return Value(amount=float(np.nansum(worth)), unit=unit)


def _count(decisions: Sequence[Decision], kind: DecisionKind) -> int:
    return sum(decision.action is kind for decision in decisions)
