"""Candidates made of a plain function of the features, for the tests of checks that ask the model itself."""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import Dataset
from holdtrue.domain import Loss
from holdtrue.validation import Candidate, baseline_predictions

Score = Callable[[pl.DataFrame], NDArray[np.float64]]


def make_candidate(rows: Dataset, score: Score, *, train: Dataset | None = None) -> Candidate:
    """Return the candidate that answers with `score`, its answers to the rows among them."""
    train = rows if train is None else train
    baseline = baseline_predictions(
        train.encoded_labels(), n_rows=rows.n_rows, task=rows.task, classes=rows.classes
    )  # fmt: skip
    loss = Loss.for_classes() if rows.task.has_classes else Loss.for_numbers(1e6)
    return Candidate(
        rows=rows, answers=score(rows.features), champion=None, baseline=baseline, train=train,
        score=score, loss=loss, is_refresh=False,
    )  # fmt: skip


def as_classes(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n_rows, 2) probabilities from those of the second class."""
    return np.column_stack([1 - probabilities, probabilities])
