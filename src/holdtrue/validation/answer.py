"""Answers: predictions of the right shape and range, or a sentence about what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from holdtrue.data import Dataset

ROUNDING = 1e-6
LARGEST = 1e100  # as of labels: how far larger numbers lie apart cannot be told


def find_bad_answers(answers: NDArray[np.float64], evaluation: Dataset) -> str | None:
    """Say what is wrong with a challenger's predictions on these rows; None when they can be judged."""
    n_rows, has_classes = evaluation.n_rows, evaluation.task.has_classes
    shape = (n_rows, len(evaluation.classes)) if has_classes else (n_rows,)
    if answers.shape != shape:
        return f"The challenger's answers cannot be used: their shape is {answers.shape}, expected {shape}."
    if not len(answers):
        return None
    is_bad = ~np.isfinite(answers.sum(axis=1) if answers.ndim == 2 else answers)
    if is_bad.any():
        return f"The challenger's answers cannot be used: {int(is_bad.sum()):,} of {n_rows:,} are not finite numbers."
    if not has_classes and np.abs(answers).max() > LARGEST:
        return (
            f"The challenger's answers cannot be used: they reach {np.abs(answers).max():.3g}, expected numbers up to "
            f"{LARGEST:g}."
        )
    if has_classes and (answers.min() < -ROUNDING or answers.max() > 1 + ROUNDING):
        return (
            f"The challenger's answers cannot be used: probabilities run from {answers.min():g} to {answers.max():g}, "
            "expected numbers within [0, 1]."
        )
    return None
