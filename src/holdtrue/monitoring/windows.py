"""Windows: the quality of one version over time, with how many of its labels are in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import LabelValue, Loss, Task, Window
from holdtrue.errors import DeclarationError
from holdtrue.monitoring.belief import believe_quality
from holdtrue.monitoring.quality import measure_quality
from holdtrue.monitoring.rows import MICROSECOND, VersionRows, take_rows

# A Monday, so that windows of a week are weeks.
ORIGIN = datetime(1970, 1, 5, tzinfo=UTC)


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
    predictions of a key that was predicted before, do not speak for the version. The metrics named `believed_...` are
    the version's own belief about all its answers in the window, known before any label comes; never measured.

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
    rows = take_rows(joined, version=version, loss=loss, task=task, classes=classes, as_of=as_of)
    length = window // MICROSECOND
    places = (rows.micros - ORIGIN.timestamp() * 1e6).astype(np.int64) // length
    found = []
    for place, first, n_rows in zip(*np.unique(places, return_index=True, return_counts=True), strict=True):
        measured = _measure_part(rows, slice(int(first), int(first + n_rows)))
        starts_at = ORIGIN + int(place) * window
        found.append(Window(loop=loop, version=version, starts_at=starts_at, ends_at=starts_at + window, **measured))
    return found


def _measure_part(rows: VersionRows, part: slice) -> dict[str, Any]:
    """Return the counts and figures of a window's rows, by the names that `Window` gives them."""
    judged = rows.is_judged[part]
    quality = measure_quality(
        rows.answers[part][judged],
        labels=rows.labels[part][judged],
        days=rows.days[part][judged],
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
        "metrics": {**quality.metrics, **_measure_belief(rows.answers[part][rows.is_usable[part]], rows)},
    }


def _measure_belief(answers: NDArray[np.float64], rows: VersionRows) -> dict[str, float]:
    """Return what the version believes of all its answers in the window, whether their labels have come or not."""
    if not rows.task.has_classes or not len(answers):
        return {}
    return {f"believed_{name}": float(each.mean()) for name, each in believe_quality(answers, rows.loss).items()}
