"""Rows: the answers of one version with what is known of their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import encode_labels
from holdtrue.domain import LabelValue, Loss, Task

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1) // MICROSECOND
MASKS = ("is_due", "is_known", "is_usable")


@dataclass(frozen=True, kw_only=True)
class VersionRows:
    """The rows of one version in order of time; labels count where `is_judged`, answers where `is_usable`.

    Attributes:
        micros: moment of each prediction, microseconds since 1970, shape (n_rows,).
        keys: the event of each.
        task: the kind of question.
        loss: what answers are judged by.
        is_due: the label should have come.
        is_known: a label has come that is one of the values which the version knows.
        is_usable: the answer is whole and finite.
        answers: (n_rows, n_classes) probabilities, or (n_rows,) numbers.
        labels: class positions or numbers, shape (n_rows,).
    """

    micros: NDArray[np.int64]
    keys: pl.Series
    task: Task
    loss: Loss
    is_due: NDArray[np.bool_]
    is_known: NDArray[np.bool_]
    is_usable: NDArray[np.bool_]
    answers: NDArray[np.float64]
    labels: NDArray[Any]

    @property
    def days(self) -> NDArray[np.int64]:
        """Return the day (since 1970, UTC) of each row."""
        return self.micros // DAY

    @property
    def is_judged(self) -> NDArray[np.bool_]:
        """Return which rows count: the label is due and has come, the answer can be used."""
        return self.is_due & self.is_known & self.is_usable

    def keep(self, chosen: NDArray[np.bool_]) -> VersionRows:
        """Return the chosen rows alone."""
        parts = {name: getattr(self, name)[chosen] for name in ("micros", *MASKS, "answers", "labels")}
        return replace(self, keys=self.keys.filter(pl.Series(chosen)), **parts)


def take_rows(
    joined: pl.DataFrame,
    *,
    version: int,
    loss: Loss,
    task: Task,
    classes: Sequence[LabelValue],
    as_of: datetime,
    newest: timedelta | None = None,
) -> VersionRows:
    """Return the rows of a version up to a moment.

    Rows that a fallback answered, and later predictions of a key that was predicted before, do not speak for it. With
    `newest` those are left out that are so much older than the last whose label is due.
    """
    chosen = _choose_rows(joined, version=version, as_of=as_of, newest=newest)
    answers, is_usable = _stack_answers(chosen["answer"], n_outputs=len(classes) if task.has_classes else 1)
    labels = encode_labels(chosen["label"], task=task, classes=tuple(classes))
    return VersionRows(
        task=task,
        loss=loss,
        keys=chosen["key"],
        micros=chosen["time"].dt.timestamp("us").to_numpy(),
        is_due=chosen["is_due"].fill_null(value=False).to_numpy(),
        is_known=labels >= 0 if task.has_classes else np.isfinite(labels),
        is_usable=is_usable,
        answers=answers if task.has_classes else answers[:, 0],
        labels=labels,
    )


def _choose_rows(joined: pl.DataFrame, *, version: int, as_of: datetime, newest: timedelta | None) -> pl.DataFrame:
    chosen = joined.filter(pl.col("version") == version, pl.col("time") <= as_of)
    if "fallback" in chosen.columns:
        chosen = chosen.filter(pl.col("fallback").is_null())
    if "is_first" in chosen.columns:
        chosen = chosen.filter(pl.col("is_first"))
    if newest is not None:
        last_due = chosen.filter(pl.col("is_due"))["time"].max()
        if isinstance(last_due, datetime):
            chosen = chosen.filter(pl.col("time") > last_due - newest)
    return chosen.sort("time")


def _stack_answers(answer: pl.Series, *, n_outputs: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the answers as (n_rows, n_outputs), and which of them are finite and of that length."""
    table = np.full((len(answer), n_outputs), np.nan)
    is_whole = (answer.list.len() == n_outputs).fill_null(value=False).to_numpy()
    if is_whole.any():
        whole = answer.filter(pl.Series(is_whole)).explode().cast(pl.Float64).fill_null(float("nan"))
        table[is_whole] = whole.to_numpy().reshape(-1, n_outputs)
    return table, np.isfinite(table).all(axis=1)
