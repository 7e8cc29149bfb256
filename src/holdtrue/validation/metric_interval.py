"""Intervals of the figures that people know, robust to days that resemble each other, as for the loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Measured, Task
from holdtrue.stats import auc_interval, brier_rows
from holdtrue.validation.comparison import choose_block_days
from holdtrue.validation.contrast import find_lack
from holdtrue.validation.mean import measure_mean

Floats = NDArray[np.float64]


def measure_metric_intervals(
    task: Task, answers: Floats, labels: NDArray[Any], *, days: NDArray[np.int64]
) -> dict[str, Measured]:
    """Return accuracy and brier (and auc of two classes), or the mean absolute error, each with its 95 % interval.

    What has too few rows or days for one is left out.

    Args:
        task: the kind of question.
        answers: (n_rows, n_classes) probabilities, or (n_rows,) numbers.
        labels: (n_rows,) class positions, or numbers; none missing.
        days: day of each row, shape (n_rows,).
    """
    if not len(labels) or find_lack(days) is not None:
        return {}
    values = _list_values(task, answers, labels)
    found = {name: measure_mean(each, days) for name, each in values.items()}
    if not task.has_classes:
        return _keep_bounded(found)
    squares, n_second = values["brier"], int((labels == 1).sum())
    if task is Task.BINARY and 2 <= n_second <= len(labels) - 2:
        blocks = (days - days.min()) // choose_block_days(squares, days=days)
        area = auc_interval(answers[:, 1], labels == 1, blocks=blocks)
        found["auc"] = Measured(estimate=area.estimate, low=area.low, high=area.high)
    bounded = _keep_bounded(found)
    for name in ("accuracy", "auc"):
        if name in bounded and (high := bounded[name].high) is not None:
            bounded[name] = replace(bounded[name], high=min(high, 1.0))
    return bounded


def measure_metric_differences(
    task: Task, first: Floats, second: Floats, *, labels: NDArray[Any], days: NDArray[np.int64]
) -> dict[str, Measured]:
    """Return first minus second of the figures that are means over rows, with 95 % intervals; see the above.

    Args:
        task: the kind of question.
        first: answers of one version, as of `measure_metric_intervals`.
        second: those of the other to the same rows.
        labels: (n_rows,) class positions, or numbers; none missing.
        days: day of each row, shape (n_rows,).
    """
    if not len(labels) or find_lack(days) is not None:
        return {}
    others = _list_values(task, second, labels)
    return {name: measure_mean(each - others[name], days) for name, each in _list_values(task, first, labels).items()}


def _list_values(task: Task, answers: Floats, labels: NDArray[Any]) -> dict[str, Floats]:
    """Return what each row adds to the figures that are means over rows."""
    if not task.has_classes:
        return {"mean_absolute_error": np.abs(answers - labels)}
    hits: Floats = (answers.argmax(axis=1) == labels).astype(np.float64)
    return {"accuracy": hits, "brier": brier_rows(answers, labels)}


def _keep_bounded(found: dict[str, Measured]) -> dict[str, Measured]:
    """Return those that have an interval; none of them can be below 0."""
    return {
        name: replace(each, low=max(0.0, each.low))
        for name, each in found.items()
        if each.low is not None and each.high is not None
    }
