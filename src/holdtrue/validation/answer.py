"""Answers: predictions of the right shape and range, or a sentence about what is wrong with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Task

ROUNDING = 1e-6


def find_bad_answers(answers: NDArray[np.float64], *, n_rows: int, task: Task, n_classes: int) -> str | None:
    """Say what is wrong with a version's predictions; None when they can be judged.

    >>> find_bad_answers(np.array([1.0, np.inf]), n_rows=2, task=Task.REGRESSION, n_classes=0)
    '1 of 2 answers are not finite numbers.'
    """
    shape = (n_rows, n_classes) if task.has_classes else (n_rows,)
    if answers.shape != shape:
        return f"they have the shape {answers.shape}, expected {shape}."
    if not len(answers):
        return None
    is_finite = np.isfinite(answers)
    if not is_finite.all():
        bad = ~(is_finite.all(axis=1) if answers.ndim == 2 else is_finite)
        return f"{int(bad.sum()):,} of {n_rows:,} answers are not finite numbers."
    if task.has_classes and (answers.min() < -ROUNDING or answers.max() > 1 + ROUNDING):
        return f"probabilities run from {answers.min():g} to {answers.max():g}, expected numbers within [0, 1]."
    return None
