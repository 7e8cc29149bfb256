"""What a single feature tells of the label, by the mean label of its bins, out of fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import Task
from holdtrue.stats import macro_auc

N_BINS = 64
N_FOLDS = 4
PRIOR_ROWS = 5.0


def score_answers(answers: NDArray[np.float64], labels: NDArray[Any], *, task: Task) -> float:
    """Return how good answers are, 0 for knowing nothing and 1 for knowing all; rank-based, so that a prior may shift.

    2 AUC - 1 for classes (mean over classes), the share of explained variance for numbers.
    """
    if task.has_classes:
        area = macro_auc(np.clip(answers, 0, 1), labels)
        return 0.0 if area is None else max(0.0, 2 * area - 1)
    spread = float(((labels - labels.mean()) ** 2).sum())
    return max(0.0, 1 - float(((labels - answers) ** 2).sum()) / spread) if spread > 0 else 0.0


def score_feature(column: pl.Series, labels: NDArray[Any], *, task: Task, n_classes: int) -> float:
    """Return the score that a feature reaches alone, out of fold; missing values are a bin of their own."""
    bins = bin_column(column)
    n_bins = int(bins.max()) + 1
    wished = np.eye(n_classes)[labels] if task.has_classes else labels.astype(np.float64)[:, None]
    folds = np.arange(len(labels)) % N_FOLDS
    answers = np.empty_like(wished)
    for fold in range(N_FOLDS):
        is_out = folds == fold
        seen = bins[~is_out]
        counts = np.bincount(seen, minlength=n_bins)[:, None]
        sums = np.stack([np.bincount(seen, weights=w, minlength=n_bins) for w in wished[~is_out].T], axis=1)
        means = (sums + PRIOR_ROWS * wished[~is_out].mean(axis=0)) / (counts + PRIOR_ROWS)
        answers[is_out] = means[bins[is_out]]
    return score_answers(answers if task.has_classes else answers[:, 0], labels, task=task)


def bin_column(column: pl.Series) -> NDArray[np.int64]:
    """Return the bin of each value: levels, few numbers as they are, many numbers by quantiles; missing is a bin."""
    if column.dtype.is_numeric():
        values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        is_there = np.isfinite(values)
        distinct = np.unique(values[is_there])
        if len(distinct) > N_BINS:
            distinct = np.unique(np.quantile(values[is_there], np.arange(1, N_BINS) / N_BINS))
        places = np.searchsorted(distinct, values, side="left") + 1
        return np.where(is_there, places, 0).astype(np.int64)
    return column.cast(pl.String).rank("dense").fill_null(0).to_numpy().astype(np.int64)
