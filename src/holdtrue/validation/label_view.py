"""Views of the labels: the numbers of which a column may hold means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holdtrue.validation.levels import Floats

if TYPE_CHECKING:
    from holdtrue.data import Dataset

MOST_CLASSES = 10
# Values are counted where they repeat; fewer rows of one would be means of hardly any label.
LEAST_OF_VALUE = 30
MOST_VALUES = 20
NEAR_SHARE = 0.05


def list_views(known: Dataset) -> Iterator[Floats]:
    """Yield the labels as numbers.

    Whether they are a class (of two, the second); or what they are, its logarithm, and whether it is above the median.
    """
    labels = known.encoded_labels()
    if not known.task.has_classes:
        numbers = labels.astype(np.float64)
        yield numbers
        if len(numbers) and numbers.min() >= 0:
            yield np.log1p(numbers)
        if len(numbers):
            yield (numbers > np.median(numbers)).astype(np.float64)
        return
    n_classes = len(known.classes)
    for place in [1] if n_classes == 2 else range(min(n_classes, MOST_CLASSES)):
        yield (labels == place).astype(np.float64)


def count_values(known: Dataset) -> tuple[Floats, NDArray[np.int64]]:
    """Return the labels that repeat beyond the classes that are looked at one by one, and how many rows have each.

    An encoder that is not told what a label is takes whole numbers for classes: scikit-learn's `TargetEncoder` makes
    of a count one column for each value that it has.
    """
    values, counts = np.unique(known.encoded_labels(), return_counts=True)
    is_left = counts >= LEAST_OF_VALUE
    if known.task.has_classes:
        is_left &= values >= MOST_CLASSES
    return values[is_left].astype(np.float64), counts[is_left]


def choose_values(mean: float, values: Floats, counts: NDArray[np.int64], n_rows: int) -> Floats:
    """Return the labels whose share is about the mean of a column, as that of an encoding of them is; nearest first."""
    apart = np.abs(counts / n_rows - mean)
    near = np.argsort(apart, kind="stable")[:MOST_VALUES]
    return values[near[apart[near] <= NEAR_SHARE * mean]]
