"""Quality: the figures that people know, beside the loss that decisions rest on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain.loss import PROBABILITY_CLIP
from holdtrue.domain.task import Task
from holdtrue.stats.losses import brier_rows, log_loss_rows
from holdtrue.stats.metrics import accuracy, auc, mean_absolute_error, root_mean_squared_error


def measure_quality(task: Task, answers: NDArray[np.float64], labels: NDArray[Any]) -> dict[str, float]:
    """Return figures of labelled rows by name; none for no rows, no auc where only one class came.

    Args:
        task: the kind of question.
        answers: (n_rows, n_classes) probabilities, or (n_rows,) numbers.
        labels: (n_rows,) class positions, or numbers; none missing.

    Binary: log_loss (probabilities clipped to [.01, .99]), brier, auc, accuracy, predicted_share and actual_share of
    the second class. Multiclass: log_loss, brier, accuracy. Regression: mean_absolute_error, root_mean_squared_error.
    """
    if not len(labels):
        return {}
    if not task.has_classes:
        return {
            "mean_absolute_error": float(mean_absolute_error(answers, labels)),
            "root_mean_squared_error": float(root_mean_squared_error(answers, labels)),
        }
    figures = {
        "log_loss": float(log_loss_rows(answers, labels, clip=PROBABILITY_CLIP).mean()),
        "brier": float(brier_rows(answers, labels).mean()),
        "accuracy": float(accuracy(answers.argmax(axis=1), labels)),
    }
    if task is not Task.BINARY:
        return figures
    area = auc(answers[:, 1], labels == 1)
    figures |= {"predicted_share": float(answers[:, 1].mean()), "actual_share": float((labels == 1).mean())}
    return figures if area is None else figures | {"auc": float(area)}
