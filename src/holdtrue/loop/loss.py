"""Loss: what a loop is judged by, chosen once from the labels that were known first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Loss, Task

# Absolute errors are clipped at this quantile of the median's errors on these labels, and never below.
CAP_QUANTILE = 0.999
CAP_FACTOR = 1.5


def choose_loss(task: Task, labels: NDArray[Any]) -> Loss:
    """Return the loss for a task: clipped log-loss, or the absolute error with a cap from these labels (none missing).

    >>> choose_loss(Task.REGRESSION, np.array([0.0, 10.0, 20.0])).high
    15.0
    """
    if task.has_classes:
        return Loss.for_classes()
    errors = np.abs(labels - np.median(labels))
    return Loss.for_numbers(max(float(np.quantile(errors, CAP_QUANTILE)) * CAP_FACTOR, 1e-12))
