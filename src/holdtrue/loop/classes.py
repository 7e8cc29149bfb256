"""Classes: answers of versions that know different classes, laid side by side."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import LabelValue


def align_classes(
    answers: NDArray[np.float64], known: Sequence[LabelValue], wanted: Sequence[LabelValue]
) -> NDArray[np.float64]:
    """Return answers (n_rows, n_known) with one column for each wanted class; 0 for a class that was not known.

    >>> align_classes(np.array([[0.3, 0.7]]), ("a", "b"), ("a", "b", "c")).tolist()
    [[0.3, 0.7, 0.0]]
    """
    if tuple(known) == tuple(wanted):
        return answers
    aligned = np.zeros((len(answers), len(wanted)))
    for column, label in enumerate(known):
        if label in wanted:
            aligned[:, list(wanted).index(label)] = answers[:, column]
    return aligned
