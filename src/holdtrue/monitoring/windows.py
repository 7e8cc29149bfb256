"""Windows: the quality of one version over time, with how many of its labels are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import encode_labels
from holdtrue.domain import LabelValue, Loss, Task, Window
from holdtrue.errors import DeclarationError
from holdtrue.monitoring.quality import measure_quality

# A Monday, so that windows of a week are weeks.
ORIGIN = datetime(1970, 1, 5, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1) // MICROSECOND


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """The rows of one version in order of time; labels and losses count where `is_judged`."""

    micros: NDArray[np.int64]
    task: Task
    loss: Loss
    is_due: NDArray[np.bool_]
    is_judged: NDArray[np.bool_]
    answers: NDArray[np.float64]
    labels: NDArray[Any]


def measure_windows(
    joined: pl.DataFrame,
    *,
    loop: str,
    version: int,
    loss: Loss,
    task: Task,
    classes: Sequence[LabelValue],
    window: timedelta,
    as_of: datetime,
) -> list[Window]:
    """Return the quality of a version in each window of time that holds one of its rows, in order.

    A row counts when its label is due, never when it happens to arrive. Rows that a fallback answered, and later
    predictions of a key that was predicted before, do not speak for the version.

    Args:
        joined: what `holdtrue.data.join_labels` gives: `version`, `time`, `answer`, `label`, `is_due`; `fallback` and
            `is_first` are heeded where they are there.
        loop: name of the loop.
        version: number of the version.
        loss: what the loop is judged by.
        task: the kind of question.
        classes: the classes in the order of the answer; empty for a regression.
        window: length of a window; they start on multiples of it since a Monday, UTC.
        as_of: the moment of the measurement; later rows are left out.
    """
    if window <= timedelta(0):
        raise DeclarationError(f"a window of {window} has no length", expected="a span above zero, such as one day")
    rows = _take_rows(_choose_rows(joined, version=version, as_of=as_of), loss=loss, task=task, classes=tuple(classes))
    length = window // MICROSECOND
    places = (rows.micros - ORIGIN.timestamp() * 1e6).astype(np.int64) // length
    found = []
    for place, first, n_rows in zip(*np.unique(places, return_index=True, return_counts=True), strict=True):
        measured = _measure_part(rows, slice(int(first), int(first + n_rows)))
        starts_at = ORIGIN + int(place) * window
        found.append(Window(loop=loop, version=version, starts_at=starts_at, ends_at=starts_at + window, **measured))
    return found


def _measure_part(rows: _Rows, part: slice) -> dict[str, Any]:
    """Return the counts and figures of a window's rows, by the names that `Window` gives them."""
    judged = rows.is_judged[part]
    quality = measure_quality(
        rows.answers[part][judged],
        labels=rows.labels[part][judged],
        days=rows.micros[part][judged] // DAY,
        loss=rows.loss,
        task=rows.task,
    )
    return {
        "n_rows": len(judged),
        "n_due": int(rows.is_due[part].sum()),
        "n_labelled": quality.n_rows,
        "loss": quality.loss,
        "loss_low": quality.low,
        "loss_high": quality.high,
        "metrics": quality.metrics,
    }


def _choose_rows(joined: pl.DataFrame, *, version: int, as_of: datetime) -> pl.DataFrame:
    chosen = joined.filter(pl.col("version") == version, pl.col("time") <= as_of)
    if "fallback" in chosen.columns:
        chosen = chosen.filter(pl.col("fallback").is_null())
    if "is_first" in chosen.columns:
        chosen = chosen.filter(pl.col("is_first"))
    return chosen.sort("time")


def _take_rows(chosen: pl.DataFrame, *, loss: Loss, task: Task, classes: tuple[LabelValue, ...]) -> _Rows:
    n_outputs = len(classes) if task.has_classes else 1
    answers, is_usable = _stack_answers(chosen["answer"], n_outputs=n_outputs)
    labels = encode_labels(chosen["label"], task=task, classes=classes)
    is_known = labels >= 0 if task.has_classes else np.isfinite(labels)
    is_due = chosen["is_due"].fill_null(value=False).to_numpy()
    return _Rows(
        task=task,
        loss=loss,
        micros=chosen["time"].dt.timestamp("us").to_numpy(),
        is_due=is_due,
        is_judged=is_due & is_known & is_usable,
        answers=answers if task.has_classes else answers[:, 0],
        labels=labels,
    )


def _stack_answers(answer: pl.Series, *, n_outputs: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the answers as (n_rows, n_outputs), and which of them are finite and of that length."""
    table = np.full((len(answer), n_outputs), np.nan)
    is_whole = (answer.list.len() == n_outputs).fill_null(value=False).to_numpy()
    if is_whole.any():
        whole = answer.filter(pl.Series(is_whole)).explode().cast(pl.Float64).fill_null(float("nan"))
        table[is_whole] = whole.to_numpy().reshape(-1, n_outputs)
    return table, np.isfinite(table).all(axis=1)
