"""Labels as numbers, and which rows have one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Task


def find_labelled(labels: NDArray[Any], *, task: Task) -> NDArray[np.bool_]:
    """Return which rows have a label, shape (n_rows,), from class positions (-1 = none) or numbers (NaN = none).

    >>> find_labelled(np.array([1, -1]), task=Task.BINARY).tolist()
    [True, False]
    """
    return labels >= 0 if task.has_classes else np.isfinite(labels)
