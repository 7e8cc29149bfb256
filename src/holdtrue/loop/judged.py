"""Judged rows: logged answers whose label is due and has come, with what each lost, in order of due time."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import LoggedPredictions, encode_labels
from holdtrue.domain import LabelValue, Loss, Task

from .loss import choose_loss

# The loss of numbers is capped by what was known first: so many labels say how wide they lie.
SETTLING_SHARE = 0.2


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedRows:
    """Answers with labels, in the order in which these fell due; all arrays have n_rows rows.

    Attributes:
        places: place of each row in the log.
        numbers: number of each row's version.
        times: microseconds since 1970 at which the prediction was made.
        days: day (since 1970, UTC) on which the label was due.
        answers: (n_rows, n_classes) probabilities, or (n_rows,) numbers.
        labels: class positions, or numbers.
        losses: what each answer lost.
        loss: what answers are judged by.
        task: the kind of question.
        classes: in the order of the answers.
    """

    places: NDArray[np.int64]
    numbers: NDArray[np.int64]
    times: NDArray[np.int64]
    days: NDArray[np.int64]
    answers: NDArray[np.float64]
    labels: NDArray[Any]
    losses: NDArray[np.float64]
    loss: Loss
    task: Task
    classes: tuple[LabelValue, ...]

    @property
    def n_rows(self) -> int:
        """Return the number of rows."""
        return len(self.days)

    def take(self, chosen: NDArray[np.bool_]) -> "JudgedRows":
        """Return the chosen rows."""
        names = ("places", "numbers", "times", "days", "answers", "labels", "losses")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})


def judge_rows(logged: LoggedPredictions, joined: pl.DataFrame) -> JudgedRows:
    """Return the rows of a log that can be judged; `joined` is the log as of a moment, in its own order."""
    task, classes = logged.history.task, logged.history.classes
    answers = logged.answers[: joined.height]
    is_whole = np.isfinite(answers).all(axis=1)
    ripe = joined.with_row_index("row").filter(pl.col("is_due") & pl.col("is_labelled") & pl.Series(is_whole))
    ripe = ripe.sort("due_at", maintain_order=True)
    places = ripe["row"].to_numpy().astype(np.int64)
    answers = answers[places]
    answers = answers if task.has_classes else answers[:, 0]
    labels = encode_labels(ripe["label"], task=task, classes=classes)
    first = labels[: max(1, int(len(labels) * SETTLING_SHARE))]
    loss = choose_loss(task, first) if len(labels) else choose_loss(task, np.zeros(1))
    return JudgedRows(
        places=places,
        numbers=ripe["version"].to_numpy(),
        times=ripe["time"].dt.timestamp("us").to_numpy(),
        days=ripe["due_at"].dt.epoch("d").to_numpy().astype(np.int64),
        answers=answers,
        labels=labels,
        losses=loss.rows(answers, labels),
        loss=loss,
        task=task,
        classes=classes,
    )
