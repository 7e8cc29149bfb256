"""Slopes: how much what happens moves when an answer moves; 1 when answers are neither too bold nor too timid.

For probabilities it is Cox's recalibration (Biometrika 1958): a logistic regression of the outcome on the log-odds of
the answer; for numbers a least-squares line of the label on the answer. Errors come from influence values, so that they
can be summed by blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMALLEST_PROBABILITY = 1e-3
N_STEPS = 30
SETTLED = 1e-8


def fit_logistic_slope(predicted: Floats, happened: Floats) -> tuple[float, Floats] | None:
    """Return the slope of outcomes (0 or 1) on the log-odds of probabilities, and each row's influence on it.

    None where there is no slope to find: answers all alike, outcomes all alike or told apart without error.

    >>> p = np.array([0.2, 0.4, 0.6, 0.8] * 25)
    >>> slope, _ = fit_logistic_slope(p, (np.arange(100) % 10 < 10 * p).astype(float))
    >>> round(slope, 1)
    1.0
    """
    clipped = np.clip(predicted, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    scores = np.log(clipped / (1 - clipped))
    if np.ptp(scores) < SETTLED or happened.min() == happened.max():
        return None
    design = np.column_stack([np.ones(len(scores)), scores])
    line = np.zeros(2)
    for _ in range(N_STEPS):
        fitted = 1 / (1 + np.exp(-np.clip(design @ line, -30, 30)))
        spread = np.maximum(fitted * (1 - fitted), 1e-12)
        step = np.linalg.solve(design.T @ (design * spread[:, None]), design.T @ (happened - fitted))
        line = line + step
        if np.abs(line).max() > 100:
            return None
        if np.abs(step).max() < SETTLED:
            return _weigh(design, spread, happened - fitted, float(line[1]))
    return None


def fit_linear_slope(predicted: Floats, actual: Floats) -> tuple[float, Floats] | None:
    """Return the slope of labels on answers by least squares, and each row's influence on it; None without a spread."""
    centred = predicted - predicted.mean()
    squares = float(centred @ centred)
    if squares <= SETTLED * max(1.0, float(np.abs(predicted).max()) ** 2):
        return None
    slope = float(centred @ actual) / squares
    residuals = actual - actual.mean() - slope * centred
    return slope, np.asarray(len(actual) * centred * residuals / squares, dtype=np.float64)


def _weigh(design: Floats, spread: Floats, residuals: Floats, slope: float) -> tuple[float, Floats]:
    bread = np.linalg.inv(design.T @ (design * spread[:, None]))
    influences = len(residuals) * (design @ bread[1]) * residuals
    return slope, np.asarray(influences, dtype=np.float64)
