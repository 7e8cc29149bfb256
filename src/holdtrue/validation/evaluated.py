"""Evaluated: the labelled rows of an evaluation with the loss of each party on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import LabelScope, Loss, Task
from holdtrue.validation.candidate import Candidate
from holdtrue.validation.comparison import Comparison, compare_losses, find_shortage
from holdtrue.validation.label import find_labelled

MARGIN_SHARE = 0.05
SMALLEST_MARGIN_SHARE = 1e-4
MIN_OTHERS = 10
ACTED = (
    "Only rows that were acted on get a label, so the labelled rows are no random sample: need the propensity "
    "of each action in the log and some declared exploration before versions can be compared."
)


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """The labelled rows, what each party answered, and what it lost by it.

    Attributes:
        task: the kind of question.
        loss: what answers are judged by.
        days: day of each row, shape (n_rows,).
        labels: class positions or numbers, none missing, shape (n_rows,).
        columns: what these rows can be told apart by: what the models saw of them, and judged columns.
        answers: the candidate's answers.
        champion_answers: the champion's; None without one.
        challenger: loss of the candidate on each row, shape (n_rows,).
        champion: loss of the champion; None without one.
        baseline: loss of the simple baseline.
    """

    task: Task
    loss: Loss
    days: NDArray[np.int64]
    labels: NDArray[Any]
    columns: pl.DataFrame
    answers: NDArray[np.float64]
    champion_answers: NDArray[np.float64] | None
    challenger: NDArray[np.float64]
    champion: NDArray[np.float64] | None
    baseline: NDArray[np.float64]

    def compare(self, anchor: NDArray[np.float64], *, alpha: float = 0.05) -> Comparison:
        """Return the comparison of the candidate's losses with those of an anchor on the same rows."""
        return compare_losses(self.challenger, anchor=anchor, days=self.days, loss=self.loss, alpha=alpha)

    @property
    def margin(self) -> float:
        """Return 5 % of what the champion gains on the baseline, at least a ten-thousandth of the loss's range."""
        smallest = SMALLEST_MARGIN_SHARE * self.loss.spread
        if self.champion is None or len(self.labels) == 0:
            return smallest
        return max(smallest, float(MARGIN_SHARE * (self.baseline.mean() - self.champion.mean())))


def evaluate(candidate: Candidate) -> Evaluated:
    """Return the rows of a candidate that have a label, with the loss of each party."""
    task, loss = candidate.rows.task, candidate.loss
    labels = candidate.rows.encoded_labels()
    is_labelled = find_labelled(labels, task=task)
    known, answers = labels[is_labelled], candidate.answers[is_labelled]
    champion = None if candidate.champion is None else candidate.champion[is_labelled]
    return Evaluated(
        task=task,
        loss=loss,
        days=candidate.days[is_labelled],
        labels=known,
        columns=candidate.columns.filter(is_labelled),
        answers=answers,
        champion_answers=champion,
        challenger=loss.rows(answers, known),
        champion=None if champion is None else loss.rows(champion, known),
        baseline=loss.rows(candidate.baseline[is_labelled], known),
    )


def find_scarcity(rows: Evaluated, scope: LabelScope) -> str | None:
    """Say why no figure of these rows could be believed, whatever it were; None when it can."""
    return find_scarce_labels(rows.labels, rows.days, task=rows.task, scope=scope)


def find_scarce_labels(labels: NDArray[Any], days: NDArray[np.int64], *, task: Task, scope: LabelScope) -> str | None:
    """Say the same of labelled rows, shape (n_rows,), of these days."""
    if scope is LabelScope.ACTED:
        return ACTED
    if task.has_classes and len(labels):
        n_others = len(labels) - int(np.bincount(labels).max())
        if n_others < MIN_OTHERS:
            return (
                f"Not enough data: need at least {MIN_OTHERS} labelled rows outside the commonest class, "
                f"found {n_others} of {len(labels):,}."
            )
    return find_shortage(days)
