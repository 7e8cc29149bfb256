"""Weights: how much each feature carries in a model, by permutation on rows that it has not seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import Loss

MOST_ROWS = 2_000
LEAST_ROWS = 200
# Rows x columns: a table of many columns is weighed on fewer rows, the same on every machine.
MOST_CELLS = 100_000
MOST_SECONDS = 5.0
SEED = 20130101


def measure_weights(
    features: pl.DataFrame,
    labels: NDArray[Any],
    *,
    score: Callable[[pl.DataFrame], NDArray[np.float64]],
    loss: Loss,
    most_rows: int = MOST_ROWS,
    most_seconds: float = MOST_SECONDS,
    seed: int = SEED,
) -> dict[str, float]:
    """Return by how much the mean loss rises when a column is shuffled among the rows: 0 where the model ignores it.

    One shuffle of each column, the same for the same rows and seed. Columns that say the same thing share it, so that a
    low weight is no proof that a column is not used. Source: Breiman 2001; Fisher, Rudin and Dominici, JMLR 2019.

    Args:
        features: rows that the model was not trained on.
        labels: class positions or numbers, none missing, shape (n_rows,).
        score: answers a frame of features.
        loss: what answers are judged by.
        most_rows: so many rows at most, drawn at random; fewer where there are more than 50 columns.
        most_seconds: columns that would begin after so long are left out: their weight is not known.
        seed: of the draws.
    """
    if features.height < 2:
        return {}
    began, generator = time.monotonic(), np.random.default_rng(seed)
    n_rows = min(most_rows, max(LEAST_ROWS, MOST_CELLS // max(1, features.width)))
    drawn = np.sort(generator.permutation(features.height)[:n_rows])
    rows, truth = features[drawn], labels[drawn]
    base = float(loss.rows(score(rows), truth).mean())
    weights: dict[str, float] = {}
    for name in rows.columns:
        shuffled = rows.with_columns(rows[name].gather(generator.permutation(rows.height)))
        weights[name] = max(0.0, float(loss.rows(score(shuffled), truth).mean()) - base)
        if time.monotonic() - began > most_seconds:
            break
    return weights
