"""Metrics that a tuning chooses by, measured on a candidate: known figures, and a team's own function."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import Dataset
from holdtrue.domain import Metric, MetricProof
from holdtrue.domain.metric import OF_CLASSES
from holdtrue.errors import DeclarationError, StatisticsError
from holdtrue.stats import (
    Interval,
    accuracy,
    brier_rows,
    jackknife_interval,
    macro_auc,
    mean_absolute_error,
    root_mean_squared_error,
)
from holdtrue.validation.candidate import Candidate

# A figure is measured anew without each of so many blocks of days: more of them say little more and take their time.
MOST_BLOCKS = 30


def measure_metric(metric: Metric, candidate: Candidate) -> float:
    """Return a metric of a candidate's answers to its rows.

    Raises:
        DeclarationError: the team's function returned no number.
        StatisticsError: the figure is not finite, or there is none of such rows.
        Exception: what the team's function raises.
    """
    value: object = metric.function(candidate) if metric.function else _measure_known(metric.name, candidate)
    if value is None and metric.function is None:
        raise StatisticsError(
            f"there is no {metric.name} of {candidate.rows.n_rows:,} rows whose labels are all alike",
            expected="rows of two classes or more",
        )
    if not isinstance(value, float | int | np.floating) or isinstance(value, bool):
        raise DeclarationError(
            f"the metric {metric.name} returned {value!r}", expected="a number", remedy="return float(...)"
        )
    if not math.isfinite(value):
        raise StatisticsError(
            f"the metric {metric.name} of {candidate.rows.n_rows:,} rows is {value}", expected="a finite number"
        )
    return float(value)


def prove_metric(metric: Metric, candidate: Candidate, declared: Candidate | None) -> MetricProof:
    """Return a metric of a candidate, and of what the declared parameters answer to the same rows, with intervals.

    The intervals are robust to rows of one day that resemble each other (`jackknife_interval`, by blocks of days).
    `declared` is None where the recipe raised with them, and the candidate itself where it is theirs.
    """
    value = measure_metric(metric, candidate)
    found = MetricProof(name=metric.name, is_highest_best=metric.is_highest_best, value=value)
    blocks = _lay_blocks(candidate.days)
    own = _measure_without(metric, candidate, blocks)
    if own is not None:
        low, high = _cut(metric, jackknife_interval(value, own))
        found = replace(found, low=low, high=high)
    if declared is None:
        return found
    if declared is candidate:
        return replace(found, declared=value)
    theirs = measure_metric(metric, declared)
    found = replace(found, declared=theirs)
    apart = None if own is None else _compare_without(value - theirs, own, _measure_without(metric, declared, blocks))
    return found if apart is None else replace(found, difference_low=apart.low, difference_high=apart.high)


def _cut(metric: Metric, found: Interval) -> tuple[float, float]:
    """Return the ends of an interval, of a known figure within what that can be."""
    if metric.function is not None:
        return found.low, found.high
    return max(0.0, found.low), min(1.0, found.high) if metric.name in OF_CLASSES else found.high


def _compare_without(
    difference: float, own: NDArray[np.float64], theirs: NDArray[np.float64] | None
) -> Interval | None:
    return None if theirs is None else jackknife_interval(difference, own - theirs)


def _measure_known(name: str, candidate: Candidate) -> float | None:
    answers, labels = candidate.answers, candidate.rows.encoded_labels()
    if name == "auc":
        return macro_auc(answers, labels)
    if name == "accuracy":
        return accuracy(answers, labels)
    if name == "brier":
        return float(brier_rows(answers, labels).mean())
    if name == "mean_absolute_error":
        return mean_absolute_error(answers, labels)
    return root_mean_squared_error(answers, labels)


def _lay_blocks(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the block of each row: its day, or some days that follow each other."""
    known, places = np.unique(days, return_inverse=True)
    n_blocks = min(MOST_BLOCKS, len(known))
    return (places * n_blocks // len(known)).astype(np.int64)


def _measure_without(metric: Metric, candidate: Candidate, blocks: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return the metric without each block; None where one is no figure, as without the only day of a class."""
    n_blocks = int(blocks.max()) + 1
    if n_blocks < 2:
        return None
    try:
        return np.array([measure_metric(metric, _keep_rows(candidate, blocks != block)) for block in range(n_blocks)])
    except Exception:  # a team's function may not do with fewer rows: then there is a figure, and no interval
        return None


def _keep_rows(candidate: Candidate, are_kept: NDArray[np.bool_]) -> Candidate:
    rows = _filter_rows(candidate.rows, pl.Series(are_kept))
    return replace(candidate, rows=rows, answers=candidate.answers[are_kept], baseline=candidate.baseline[are_kept])


def _filter_rows(rows: Dataset, are_kept: pl.Series) -> Dataset:
    parts = {name: getattr(rows, name).filter(are_kept) for name in ("features", "label", "key", "unit", "time")}
    propensity = None if rows.propensity is None else rows.propensity.filter(are_kept)
    return replace(rows, **parts, propensity=propensity)
