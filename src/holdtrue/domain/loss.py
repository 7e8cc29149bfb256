"""Loss: how wrong one prediction was, once its label is known; bounded, so that it can be bet on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain.task import Task
from holdtrue.stats.losses import absolute_error_rows, log_loss_rows

PROBABILITY_CLIP = 0.01


class LossKind(StrEnum):
    """The proper scores that decisions rest on."""

    LOG_LOSS = "log_loss"
    ABSOLUTE_ERROR = "absolute_error"


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss in [low, high]. Probabilities are clipped to [.01, .99]; absolute errors at `high`."""

    kind: LossKind
    low: float
    high: float

    @classmethod
    def for_classes(cls) -> "Loss":
        """Return the clipped log-loss (natural logarithm)."""
        return cls(
            kind=LossKind.LOG_LOSS, low=float(-np.log1p(-PROBABILITY_CLIP)), high=float(-np.log(PROBABILITY_CLIP))
        )

    @classmethod
    def for_numbers(cls, cap: float) -> "Loss":
        """Return the absolute error, clipped at `cap` (in the label's unit)."""
        return cls(kind=LossKind.ABSOLUTE_ERROR, low=0.0, high=float(cap))

    @property
    def spread(self) -> float:
        """Return the largest difference between two losses."""
        return self.high - self.low

    def rows(self, predictions: NDArray[np.float64], labels: NDArray[Any]) -> NDArray[np.float64]:
        """Return the loss of each row, shape (n_rows,).

        Args:
            predictions: (n_rows, n_classes) probabilities, or (n_rows,) numbers for a regression.
            labels: (n_rows,) class positions (integers), or numbers for a regression.
        """
        if self.kind is LossKind.LOG_LOSS:
            return log_loss_rows(predictions, labels, clip=PROBABILITY_CLIP)
        return absolute_error_rows(predictions, labels, cap=self.high)


def default_kind(task: Task) -> LossKind:
    """Return the loss that a task is judged by when no other is declared."""
    return LossKind.LOG_LOSS if task.has_classes else LossKind.ABSOLUTE_ERROR
