"""Losses judge each row: what one prediction cost, given the label that came (numpy only, for the serving workers).

Log-loss, Brier and squared loss are proper: nobody gains by predicting other than what he believes
(Gneiting and Raftery, JASA 2007).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .sample import Floats, Integers, check_same_length, check_sample

CLIP = 0.01


def log_loss_rows(probabilities: npt.ArrayLike, labels: npt.ArrayLike, clip: float = CLIP) -> Floats:
    """Return minus the log of the probability that was given to the label that came, shape (n_rows,).

    Probabilities are clipped to [clip, 1 - clip], so that one over-sure row cannot decide a test and differences are
    bounded (see `log_loss_range`). Differences themselves are never clipped: that can turn their sign.

    Args:
        probabilities: shape (n_rows, n_classes), or (n_rows,) for the probability of class 1 of two.
        labels: class indices, shape (n_rows,).
        clip: smallest probability that is counted, in (0, .5).

    >>> log_loss_rows([[0.9, 0.1], [0.0, 1.0]], [0, 0]).round(3).tolist()
    [0.105, 4.605]
    """
    if not 0 < clip < 0.5:
        raise StatisticsError(f"clip is {clip!r}", expected="a number in (0, .5)")
    table, classes = _check_classes(probabilities, labels)
    given = table[np.arange(len(classes)), classes]
    return -np.log(np.clip(given, clip, 1 - clip))


def log_loss_range(clip: float = CLIP) -> tuple[float, float]:
    """Return the smallest and the largest log-loss of a row; differences lie within +- (largest - smallest)."""
    return float(-np.log(1 - clip)), float(-np.log(clip))


def brier_rows(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> Floats:
    """Return the squared distance between the given probabilities and what happened, shape (n_rows,).

    For two classes it is (p - y)^2 of class 1, in [0, 1]; for more it is the sum over all classes, in [0, 2], as
    Brier (1950) wrote it. This is scikit-learn's convention as well.

    >>> brier_rows([0.9, 0.2], [1, 1]).round(3).tolist()
    [0.01, 0.64]
    """
    table, classes = _check_classes(probabilities, labels)
    if table.shape[1] == 2:
        halved: Floats = np.square(table[:, 1] - classes)
        return halved
    given: Floats = table[np.arange(len(classes)), classes]
    whole: Floats = np.square(table).sum(axis=1) - 2 * given + 1
    return whole


def brier_range(n_classes: int) -> tuple[float, float]:
    """Return the smallest and the largest Brier loss of a row."""
    return (0.0, 1.0) if n_classes == 2 else (0.0, 2.0)


def absolute_error_rows(predictions: npt.ArrayLike, labels: npt.ArrayLike, cap: float | None = None) -> Floats:
    """Return |prediction - label| of each row, in the label's unit, at most cap.

    The cap (for example a high quantile of the reference's errors) bounds the loss, as betting needs.

    >>> absolute_error_rows([1.0, 5.0], [2.0, 50.0], cap=10).tolist()
    [1.0, 10.0]
    """
    return _cap(np.abs(_subtract(predictions, labels)), cap)


def squared_error_rows(predictions: npt.ArrayLike, labels: npt.ArrayLike, cap: float | None = None) -> Floats:
    """Return (prediction - label)^2 of each row, in the squared unit of the label, at most cap."""
    return _cap(_subtract(predictions, labels) ** 2, cap)


def _subtract(predictions: npt.ArrayLike, labels: npt.ArrayLike) -> Floats:
    predicted = check_sample(predictions, name="predictions")
    actual = check_sample(labels, name="labels")
    check_same_length(predictions=predicted, labels=actual)
    return predicted - actual


def _cap(losses: Floats, cap: float | None) -> Floats:
    if cap is None:
        return losses
    if not cap > 0:
        raise StatisticsError(f"cap is {cap!r}", expected="a number above 0, in the unit of the loss")
    return np.minimum(losses, cap)


def _check_classes(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Floats, Integers]:
    table = np.asarray(probabilities, dtype=np.float64)
    if table.ndim == 1:
        table = np.column_stack([1 - table, table])
    if table.ndim != 2 or table.shape[1] < 2:
        raise StatisticsError(
            f"probabilities have the shape {table.shape}", expected="(n_rows, n_classes) or (n_rows,)"
        )
    # Written so that NaN fails as well; float32 models overshoot 1 by about 1e-7.
    if table.size and not (table.min() >= -1e-6 and table.max() <= 1 + 1e-6):
        raise StatisticsError(
            f"probabilities run from {table.min():g} to {table.max():g}",
            expected="numbers within [0, 1], without NaN",
            remedy="pass predict_proba, not scores or logits",
        )
    return table, check_labels(labels, n_rows=len(table), n_classes=table.shape[1])


def check_labels(labels: npt.ArrayLike, *, n_rows: int, n_classes: int) -> Integers:
    """Return labels as class indices in 0..n_classes-1; raises StatisticsError for anything else."""
    given = np.asarray(labels)
    if given.shape != (n_rows,):
        raise StatisticsError(f"labels have the shape {given.shape}", expected=f"({n_rows},), one for each row")
    if given.dtype.kind not in "buif":
        raise StatisticsError(f"labels are of type {given.dtype}", expected="class indices (integers)")
    if n_rows and not (given.min() >= 0 and given.max() < n_classes):
        raise StatisticsError(
            f"labels run from {given.min()} to {given.max()}", expected=f"class indices from 0 to {n_classes - 1}"
        )
    classes = given.astype(np.int64)
    if given.dtype.kind == "f" and not np.array_equal(classes, given):
        raise StatisticsError("labels hold fractions", expected="class indices (integers)")
    return classes
