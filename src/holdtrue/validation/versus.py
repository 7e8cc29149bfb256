"""Versus: everything that the answers of two versions to the same rows can tell, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import (
    ActionRule,
    Check,
    Fairness,
    Finding,
    Measured,
    SliceDifference,
    Slices,
    Task,
    measure_quality,
)
from holdtrue.stats import delong_paired
from holdtrue.validation.calibration import Reliability, measure_reliability
from holdtrue.validation.candidate import Candidate
from holdtrue.validation.comparison import Comparison
from holdtrue.validation.contrast import find_lack
from holdtrue.validation.evaluated import Evaluated, evaluate, find_scarcity
from holdtrue.validation.mean import as_measured, measure_mean
from holdtrue.validation.metric_interval import measure_metric_differences, measure_metric_intervals
from holdtrue.validation.slice import cut_columns
from holdtrue.validation.weakness import SliceFinding, measure_slices

Floats = NDArray[np.float64]

MOST_COLUMNS = 6
MOST_VALUES = 12


@dataclass(frozen=True, kw_only=True)
class AnswerFigures:
    """What the answers of one version are: loss, other figures, calibration, and what its decisions are worth.

    `intervals` are those of the `metrics` that have one.
    """

    loss: Measured
    metrics: Mapping[str, float]
    intervals: Mapping[str, Measured]
    reliability: Reliability | None
    worth: Measured | None


@dataclass(frozen=True, kw_only=True)
class Versus:
    """Two versions on the same rows; differences are the candidate's minus the champion's.

    Attributes:
        scarcity: why no figure can be believed; None when they can.
        comparison: of the losses.
        first: figures of the candidate.
        second: figures of the champion.
        auc: difference of the areas under the ROC curve; None unless there are two classes.
        metrics: differences of other figures, by name.
        is_equal: whether both give the same answers.
        worth: difference of what decisions are worth; None without rules.
        slices: what the two lose on some of the rows.
    """

    scarcity: str | None
    comparison: Comparison
    first: AnswerFigures
    second: AnswerFigures
    auc: Measured | None
    metrics: Mapping[str, Measured]
    is_equal: bool
    worth: Measured | None
    slices: tuple[SliceDifference, ...]


def compare_answers(candidate: Candidate, *, checks: Sequence[Check], champion_rule: ActionRule | None) -> Versus:
    """Return what the answers of a candidate and of its champion to the same rows tell.

    Args:
        candidate: the first, with the second as its champion; at least one labelled row.
        checks: their declared slices and groups are shown.
        champion_rule: how the second's answers become actions; the candidate has its own.
    """
    rows = evaluate(candidate)
    assert rows.champion is not None, "two versions are compared"
    assert rows.champion_answers is not None, "two versions are compared"
    scarcity = find_scarcity(rows, candidate.scope)
    comparison = rows.compare(rows.champion)
    worths = [_find_worth(rows, answers, rule) for answers, rule in _pair(rows, candidate.rule, champion_rule)]
    worth = None
    if worths[0] is not None and worths[1] is not None:
        worth = measure_mean(worths[0] - worths[1], rows.days)
    return Versus(
        scarcity=scarcity,
        comparison=comparison,
        first=_describe(rows, rows.answers, rows.challenger, worths[0]),
        second=_describe(rows, rows.champion_answers, rows.champion, worths[1]),
        auc=None if scarcity is not None else _compare_auc(rows, comparison),
        metrics=measure_metric_differences(
            rows.task, rows.answers, rows.champion_answers, labels=rows.labels, days=rows.days
        ),
        is_equal=np.array_equal(rows.answers, rows.champion_answers),
        worth=worth,
        slices=_compare_slices(rows, candidate, checks),
    )


def _pair(
    rows: Evaluated, first: ActionRule | None, second: ActionRule | None
) -> list[tuple[Floats, ActionRule | None]]:
    assert rows.champion_answers is not None, "two versions are compared"
    return [(rows.answers, first), (rows.champion_answers, second)]


def _find_worth(rows: Evaluated, answers: Floats, rule: ActionRule | None) -> Floats | None:
    return None if rule is None else rule.worth_rows(answers, rows.labels)


def _describe(rows: Evaluated, answers: Floats, losses: Floats, worth: Floats | None) -> AnswerFigures:
    reliability = None
    if find_lack(rows.days) is None:
        reliability = measure_reliability(rows.task, answers, rows.labels, days=rows.days)
    loss = measure_mean(losses, rows.days)
    if loss.low is not None and loss.high is not None:  # no mean lies outside of what one row can lose
        loss = replace(loss, low=max(rows.loss.low, loss.low), high=min(rows.loss.high, loss.high))
    return AnswerFigures(
        loss=loss,
        metrics=measure_quality(rows.task, answers, rows.labels),
        intervals=measure_metric_intervals(rows.task, answers, rows.labels, days=rows.days),
        reliability=reliability,
        worth=None if worth is None else measure_mean(worth, rows.days),
    )


def _compare_auc(rows: Evaluated, comparison: Comparison) -> Measured | None:
    if rows.task is not Task.BINARY or rows.champion_answers is None:
        return None
    blocks = (rows.days - rows.days.min()) // comparison.block_days
    found = delong_paired(rows.answers[:, 1], rows.champion_answers[:, 1], rows.labels == 1, blocks=blocks)
    return Measured(estimate=found.difference, low=found.interval.low, high=found.interval.high)


def _compare_slices(rows: Evaluated, candidate: Candidate, checks: Sequence[Check]) -> tuple[SliceDifference, ...]:
    """Return the differences by the declared columns, else by those of few values; Holm for each direction."""
    if find_scarcity(rows, candidate.scope) is not None:
        return ()
    assert rows.champion is not None, "two versions are compared"
    entries = _choose_columns(rows, checks)
    cuts = [cut_columns(rows.columns, entry, reference=candidate.train_columns) for entry in entries]
    slices = [part for cut in cuts for part in cut.slices()]
    every = np.ones(len(rows.labels), dtype=np.bool_)
    turned = replace(rows, challenger=rows.champion, champion=rows.challenger)
    worse = measure_slices(slices, rows, judged=every, margin=0.0, worst=1.0)
    better = measure_slices(slices, turned, judged=every, margin=0.0, worst=1.0)
    return tuple(_tell_apart(one, two) for one, two in zip(worse, better, strict=True))


def _choose_columns(rows: Evaluated, checks: Sequence[Check]) -> list[tuple[str, ...]]:
    declared = [entry for check in checks if isinstance(check, Slices) for entry in check.columns]
    declared += [entry for check in checks if isinstance(check, Fairness) for entry in check.by]
    known = [entry for entry in dict.fromkeys(declared) if set(entry) <= set(rows.columns.columns)]
    few: list[tuple[str, ...]] = [(column.name,) for column in rows.columns if 2 <= column.n_unique() <= MOST_VALUES]
    return known or few[:MOST_COLUMNS]


def _tell_apart(worse: SliceFinding, better: SliceFinding) -> SliceDifference:
    finding = Finding.NO_DATA if worse.difference is None else Finding.UNDECIDED
    if worse.is_worse or better.is_worse:
        finding = Finding.WORSE if worse.is_worse else Finding.BETTER
    return SliceDifference(
        name=worse.name,
        n_rows=worse.n_rows,
        first_loss=worse.loss,
        second_loss=worse.anchor_loss,
        finding=finding,
        difference=None if worse.difference is None else as_measured(worse.difference),
        shortage=worse.shortage,
    )
