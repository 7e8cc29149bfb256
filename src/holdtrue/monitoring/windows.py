"""Windows: the quality of one version over time, with how many of its labels are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
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


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredWindows:
    """Windows of one loop as they were measured, each beside the digest of all that it was measured on.

    A process that looks again and again hands it on, so that a day in which no row, answer or label has changed is not
    measured again; a late label or an erased row is another digest. Without it the same is found, only later.
    """

    _found: dict[tuple[int, datetime, datetime], tuple[bytes, Window]] = field(default_factory=dict)

    def find(self, version: int, starts_at: datetime, ends_at: datetime, *, digest: bytes) -> Window | None:
        """Return the window as it was measured on just these rows; None where it was not."""
        known, window = self._found.get((version, starts_at, ends_at), (b"", None))
        return window if known == digest else None

    def keep(self, window: Window, *, digest: bytes) -> None:
        """Remember a window that was measured on rows of that digest, in place of what it was before."""
        self._found[window.version, window.starts_at, window.ends_at] = digest, window


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
    measured: MeasuredWindows | None = None,
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
        measured: of the same loop, what was measured before and need not be again; what is measured now is added.
    """
    if window <= timedelta(0):
        raise DeclarationError(f"a window of {window} has no length", expected="a span above zero, such as one day")
    rows = take_rows(joined, version=version, loss=loss, task=task, classes=classes, as_of=as_of)
    length = window // MICROSECOND
    places = (rows.micros - ORIGIN.timestamp() * 1e6).astype(np.int64) // length
    measured = MeasuredWindows() if measured is None else measured
    found = []
    for place, first, n_rows in zip(*np.unique(places, return_index=True, return_counts=True), strict=True):
        part, starts_at = slice(int(first), int(first + n_rows)), ORIGIN + int(place) * window
        ends_at, digest = starts_at + window, _digest_part(rows, part)
        known = measured.find(version, starts_at, ends_at, digest=digest)
        if known is None:
            figures = _measure_part(rows, part)
            known = Window(loop=loop, version=version, starts_at=starts_at, ends_at=ends_at, **figures)
            measured.keep(known, digest=digest)
        found.append(known)
    return found


def _digest_part(rows: VersionRows, part: slice) -> bytes:
    """Return the digest of all that the figures of a window are made of."""
    digest = sha256(repr((rows.task, rows.loss)).encode())
    for each in (rows.micros, rows.answers, rows.labels, rows.is_due, rows.is_known, rows.is_usable):
        digest.update(each[part].tobytes())
    return digest.digest()


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
