"""Ranks with ties: how many rows of the other class each row beats (numpy only)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .sample import Booleans, Floats, check_same_length, check_sample


class Placements(NamedTuple):
    """The structural components of the area under the ROC curve (Sen; DeLong, DeLong and Clarke-Pearson 1988).

    Attributes:
        positives: for each positive row (in row order), the share of negatives that it scores above; ties count half.
        negatives: for each negative row (in row order), the share of positives that score above it; ties count half.
    """

    positives: Floats
    negatives: Floats

    @property
    def auc(self) -> float:
        """The area under the curve: the mean of either."""
        return float(self.positives.mean())


def place_scores(scores: npt.ArrayLike, positives: Booleans) -> Placements:
    """Return the placements of all rows from ONE sort (Sun and Xu 2014 take three).

    `positives` must come from `check_positives` and hold both classes.
    """
    values = check_sample(scores, name="scores")
    check_same_length(scores=values, positives=positives)
    order = np.argsort(values)
    ordered = values[order]
    is_last = np.append(ordered[1:] != ordered[:-1], True)
    group_ends = np.flatnonzero(is_last)
    group = np.cumsum(is_last) - is_last
    n_positive_to = np.cumsum(positives[order])[group_ends]
    n_negative_to = group_ends + 1 - n_positive_to
    n_positives, n_negatives = int(n_positive_to[-1]), int(n_negative_to[-1])
    # A tie counts half, so a group's place is the mean of the counts before it and up to its end.
    negatives_below = (n_negative_to + np.append(0, n_negative_to[:-1])) / 2
    positives_above = n_positives - (n_positive_to + np.append(0, n_positive_to[:-1])) / 2
    row_group = np.empty(len(values), dtype=np.int64)
    row_group[order] = group
    return Placements(
        negatives_below[row_group[positives]] / n_negatives, positives_above[row_group[~positives]] / n_positives
    )


def check_positives(positives: npt.ArrayLike) -> Booleans:
    """Return positives as booleans, shape (n_rows,); takes booleans or 0 and 1, raises StatisticsError for others."""
    given = np.asarray(positives)
    if given.ndim != 1:
        raise StatisticsError(f"positives have the shape {given.shape}", expected="(n_rows,)")
    if given.dtype == np.bool_:
        return given
    if given.dtype.kind not in "uif" or not np.isin(given, (0, 1)).all():
        raise StatisticsError(
            f"positives of type {given.dtype} hold more than 0 and 1", expected="booleans, or 0 and 1"
        )
    events: Booleans = np.equal(given, 1)
    return events
