"""Quality: how good answers were, once their labels had come; the same figures for a window, a month or a year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Loss, Task
from holdtrue.stats import (
    accuracy,
    auc,
    brier_rows,
    log_loss_rows,
    mean_absolute_error,
    paired_interval,
    root_mean_squared_error,
)

# With fewer blocks Student's quantile grows so wide that independent rows are the better guess.
LEAST_DAYS = 5


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Mean loss with its 95 % interval, and metrics for people.

    Attributes:
        n_rows: labelled rows.
        loss: mean loss; None without rows.
        low: lower end of the interval; None with fewer than two rows.
        high: upper end.
        metrics: by name, those that the rows allow: `auc` needs both classes.
    """

    n_rows: int
    loss: float | None = None
    low: float | None = None
    high: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


def measure_quality(
    answers: NDArray[np.float64],
    *,
    labels: NDArray[Any],
    days: NDArray[np.int64],
    loss: Loss,
    task: Task,
    losses: NDArray[np.float64] | None = None,
) -> Quality:
    """Return the quality of answers whose labels are known.

    The interval is robust to days that move together where the rows lie in at least 5 of them; rows of fewer days are
    taken as independent.

    Args:
        answers: (n_rows, n_classes) probabilities, or (n_rows,) numbers.
        labels: class positions or numbers, none missing, shape (n_rows,).
        days: day of each row (whole numbers), shape (n_rows,).
        loss: what the loop is judged by.
        task: the kind of question.
        losses: loss of each row, where it is known already.
    """
    n_rows = len(labels)
    if n_rows == 0:
        return Quality(n_rows=0)
    rows = loss.rows(answers, labels) if losses is None else losses
    metrics = measure_metrics(answers, labels=labels, task=task)
    if n_rows == 1:
        return Quality(n_rows=1, loss=float(rows[0]), metrics=metrics)
    has_days = len(np.unique(days)) >= LEAST_DAYS
    found = paired_interval(rows, blocks=days if has_days else None)
    return Quality(n_rows=n_rows, loss=found.estimate, low=found.low, high=found.high, metrics=metrics)


def measure_metrics(answers: NDArray[np.float64], *, labels: NDArray[Any], task: Task) -> dict[str, float]:
    """Return the metrics of at least one row; `auc` is left out where only one class came."""
    if task is Task.REGRESSION:
        return {"mae": mean_absolute_error(answers, labels), "rmse": root_mean_squared_error(answers, labels)}
    metrics = {"log_loss": float(log_loss_rows(answers, labels).mean()), "accuracy": accuracy(answers, labels)}
    if task is Task.MULTICLASS:
        return metrics
    positive = answers[:, 1]
    area = auc(positive, labels == 1)
    metrics |= {
        "brier": float(brier_rows(answers, labels).mean()),
        "predicted_share": float(positive.mean()),
        "actual_share": float((labels == 1).mean()),
    }
    return metrics if area is None else metrics | {"auc": area}
