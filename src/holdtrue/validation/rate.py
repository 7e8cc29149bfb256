"""Rates: what fairness compares between groups: how often, or how far, something happens among which rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import ActionRule, Equality, Task
from holdtrue.validation.evaluated import Evaluated

Floats = NDArray[np.float64]
DECISION_AT = 0.5
OF_TWO_CLASSES = {Equality.SELECTION, Equality.TPR, Equality.FPR, Equality.PRECISION}


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A mean of values over those rows that count.

    Attributes:
        values: what happened in each row, shape (n_rows,).
        counts: 1 for the rows that it is a mean of, else 0, shape (n_rows,).
    """

    values: Floats
    counts: Floats


def measure_rate(what: Equality, rows: Evaluated, *, rule: ActionRule | None) -> Rate | str:
    """Return the rate that is to be equal, or a sentence on why these rows have none.

    A row is selected when the declared outcome gives it another action than `otherwise`; without an outcome, when the
    second of two classes has a probability of at least one half.
    """
    every = np.ones(len(rows.labels))
    if (refusal := refuse_rate(what, rows.task)) is not None:
        return refusal
    if what is Equality.LOSS:
        return Rate(values=rows.challenger, counts=every)
    if what is Equality.ERROR and rows.task.has_classes:
        return Rate(values=(rows.answers.argmax(axis=1) != rows.labels).astype(np.float64), counts=every)
    if what is Equality.ERROR:
        return Rate(values=np.abs(rows.answers - rows.labels), counts=every)
    if what is Equality.CALIBRATION:
        return Rate(values=_find_gaps(rows), counts=every)
    selected = _select(rows, rule)
    happened = (rows.labels == 1).astype(np.float64)
    if what is Equality.SELECTION:
        return Rate(values=selected, counts=every)
    if what is Equality.PRECISION:
        return Rate(values=happened, counts=selected)
    return Rate(values=selected, counts=happened if what is Equality.TPR else 1 - happened)


def refuse_rate(what: Equality, task: Task) -> str | None:
    """Say why a question of this kind has no such rate; None where it has."""
    if what not in OF_TWO_CLASSES or task is Task.BINARY:
        return None
    said = "there are more than two classes" if task.has_classes else "the label is a number"
    return f"{what.value!r} is a rate of two classes, and {said}: ask for what='error' or what='loss'."


def _select(rows: Evaluated, rule: ActionRule | None) -> Floats:
    if rule is None:
        return (rows.answers[:, 1] >= DECISION_AT).astype(np.float64)
    chosen = rule.choose_rows(rows.answers)
    return np.asarray(chosen != rule.otherwise, dtype=np.float64)


def _find_gaps(rows: Evaluated) -> Floats:
    """Return predicted minus actual: of the number, of the second of two classes, else of the chosen class."""
    if not rows.task.has_classes:
        return np.asarray(rows.answers - rows.labels, dtype=np.float64)
    if rows.task is Task.BINARY:
        return np.asarray(rows.answers[:, 1] - (rows.labels == 1), dtype=np.float64)
    is_right = rows.answers.argmax(axis=1) == rows.labels
    return np.asarray(rows.answers.max(axis=1) - is_right, dtype=np.float64)
