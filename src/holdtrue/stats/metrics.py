"""Metrics summarise predictions against the labels that came: for people to read, not to decide by (numpy only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .losses import absolute_error_rows, check_labels, squared_error_rows
from .ranks import check_positives, place_scores
from .sample import check_same_length, check_sample


@dataclass(frozen=True)
class CalibrationBin:
    """Rows with similar predictions.

    Attributes:
        n_rows: rows in the bin.
        predicted_share: mean predicted probability.
        actual_share: share of positives.
    """

    n_rows: int
    predicted_share: float
    actual_share: float


@dataclass(frozen=True)
class Calibration:
    """Whether what was predicted with 30 % happens in 30 % of the cases.

    Attributes:
        predicted_share: mean predicted probability of all rows.
        actual_share: share of positives of all rows.
        bins: rows from the least to the most probable, in bins of about equal size.
        error: mean over rows of |predicted - actual| of their bin, in [0, 1].
    """

    predicted_share: float
    actual_share: float
    bins: tuple[CalibrationBin, ...]
    error: float


def auc(scores: npt.ArrayLike, positives: npt.ArrayLike) -> float | None:
    """Return the area under the ROC curve, or None when only one class came.

    The probability that a random positive scores above a random negative, ties counting half (Hanley and McNeil 1982;
    by midranks). Raises StatisticsError for NaN.

    >>> auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    events = check_positives(positives)
    if len(events) == 0 or events.all() or not events.any():
        check_same_length(scores=check_sample(scores, name="scores"), positives=events)
        return None
    return place_scores(scores, events).auc


def macro_auc(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> float | None:
    """Return the mean over classes of the area of that class against the rest; None when only one class came.

    Classes that never came are left out (Fawcett 2006, unweighted). With two classes it is `auc`.

    Args:
        probabilities: shape (n_rows, n_classes).
        labels: class indices, shape (n_rows,).
    """
    table = _check_table(probabilities)
    classes = check_labels(labels, n_rows=len(table), n_classes=table.shape[1])
    if table.shape[1] == 2:
        return auc(table[:, 1], classes)
    areas = [auc(table[:, k], classes == k) for k in range(table.shape[1])]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if known else None


def accuracy(predictions: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the share of rows whose predicted class is the label.

    Args:
        predictions: class indices, shape (n_rows,), or probabilities, shape (n_rows, n_classes): the largest counts.
        labels: class indices, shape (n_rows,).

    >>> accuracy([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])
    0.6666666666666666
    """
    given = np.asarray(predictions)
    chosen = given.argmax(axis=1) if given.ndim == 2 else given
    actual = np.asarray(labels)
    check_same_length(predictions=chosen, labels=actual)
    _check_not_empty(len(actual))
    return float((chosen == actual).mean())


def mean_absolute_error(predictions: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the mean of |prediction - label|, in the unit of the label.

    >>> mean_absolute_error([1.0, 5.0], [2.0, 3.0])
    1.5
    """
    rows = absolute_error_rows(predictions, labels)
    _check_not_empty(len(rows))
    return float(rows.mean())


def root_mean_squared_error(predictions: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Return the square root of the mean squared error, in the unit of the label.

    >>> root_mean_squared_error([1.0, 5.0], [2.0, 4.0])
    1.0
    """
    rows = squared_error_rows(predictions, labels)
    _check_not_empty(len(rows))
    return float(np.sqrt(rows.mean()))


def calibration(probabilities: npt.ArrayLike, labels: npt.ArrayLike, *, n_bins: int = 10) -> Calibration:
    """Return predicted against actual shares of a binary prediction, overall and in bins of about equal size.

    Equal predictions share a bin, so there may be fewer bins (equal-mass reliability, Naeini et al., AAAI 2015).

    Args:
        probabilities: of class 1, shape (n_rows,), or both classes, shape (n_rows, 2).
        labels: 0 and 1 or booleans, shape (n_rows,).
        n_bins: most bins.
    """
    table = np.asarray(probabilities, dtype=np.float64)
    predicted = check_sample(table[:, 1] if table.ndim == 2 and table.shape[1] == 2 else table, name="probabilities")
    events = check_positives(labels).astype(np.float64)
    check_same_length(probabilities=predicted, labels=events)
    _check_not_empty(len(events))
    order = np.argsort(predicted, kind="stable")
    ordered, happened = predicted[order], events[order]
    bins = []
    starts = np.unique(np.searchsorted(ordered, ordered[np.arange(n_bins) * len(ordered) // n_bins]))
    for first, last in zip(starts, [*starts[1:], len(ordered)], strict=True):
        predicted_share, actual_share = float(ordered[first:last].mean()), float(happened[first:last].mean())
        bins.append(CalibrationBin(int(last - first), predicted_share, actual_share))
    error = sum(b.n_rows * abs(b.predicted_share - b.actual_share) for b in bins) / len(ordered)
    return Calibration(float(predicted.mean()), float(events.mean()), tuple(bins), error)


def _check_table(probabilities: npt.ArrayLike) -> npt.NDArray[np.float64]:
    table = np.asarray(probabilities, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise StatisticsError(f"probabilities have the shape {table.shape}", expected="(n_rows, n_classes)")
    return table


def _check_not_empty(n_rows: int) -> None:
    if n_rows == 0:
        raise StatisticsError("no rows", expected="at least one labelled row", remedy="wait until labels are due")
