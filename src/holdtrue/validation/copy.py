"""Copy: a column that is the label in other words, exactly or nearly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.validation.finding import Finding
from holdtrue.validation.suspect import Sample, Suspect, is_calendar, is_calm, is_lag, relate_ranks

# AUC .9975, or 99.5 % of the variance, from one column alone: the label in other words.
COPY_SCORE = 0.995
COPY_RANK = 0.9995
# Noise of one per cent, where ties or thin tails blur the ranks.
LINE_RANK, LINE_CORRELATION = 0.99, 0.9999
# A flag that is wrong in one row of a hundred, where all other columns together leave five times as much open.
NEAR_SCORE = 0.98
LEFT_TIMES = 5.0


def find_copies(sample: Sample, scores: Mapping[str, float]) -> Finding | None:
    """Return the columns that determine the label alone; None when there is none."""
    copies = sorted((name for name in scores if _is_copy(sample, name, scores[name])), key=lambda name: -scores[name])
    if not copies:
        return None
    said = "alone determines the label" if len(copies) == 1 else "each determine the label alone"
    evidence = {"scores": {name: scores[name] for name in copies}}
    return Finding(columns=tuple(copies), kind=f"{', '.join(copies)} {said}", evidence=evidence)


def find_near_copies(sample: Sample, suspects: Sequence[Suspect]) -> Finding | None:
    """Return the suspects that agree with a class but for one row in a hundred, which the other columns cannot do."""
    if not sample.task.has_classes or is_calm(pl.Series(sample.labels)):
        return None
    near = [each for each in suspects if each.alone >= NEAR_SCORE and 1 - each.others >= LEFT_TIMES * (1 - each.alone)]
    if not near:
        return None
    names = tuple(each.column for each in near)
    evidence = {"scores": {each.column: each.alone for each in near}, "others": max(each.others for each in near)}
    return Finding(columns=names, kind=f"{', '.join(names)} alone nearly determines the label", evidence=evidence)


def _is_copy(sample: Sample, name: str, score: float) -> bool:
    """Say whether a column is the label in other words.

    A number that hardly changes from row to row is honestly foretold by its present value, so a numeric column has to
    order the rows as a numeric label does. A calendar or a lag may foretell a label perfectly, and so may any column
    foretell a class that hardly changes.
    """
    column = sample.features[name]
    if not sample.task.has_classes and column.dtype.is_numeric():
        is_alike = relate_ranks(column, pl.Series(sample.labels)) >= COPY_RANK or _is_line(column, sample.labels)
    else:
        is_alike = score >= COPY_SCORE and not (sample.task.has_classes and is_calm(pl.Series(sample.labels)))
    if not is_alike:
        return False
    return not (is_calendar(column, sample.time) or is_lag(column, sample.labels))


def _is_line(column: pl.Series, labels: NDArray[np.float64]) -> bool:
    """Say whether a numeric column is a numeric label in another unit, but for little noise."""
    if relate_ranks(column, pl.Series(labels)) < LINE_RANK:
        return False
    values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    is_there = np.isfinite(values)
    return abs(float(np.corrcoef(values[is_there], labels[is_there])[0, 1])) >= LINE_CORRELATION
