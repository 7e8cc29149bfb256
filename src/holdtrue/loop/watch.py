"""Watch: the past of a model that is served elsewhere, replayed: its quality over time, and when its risk rose."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import LoggedPredictions
from holdtrue.domain import (
    Alert,
    Belief,
    LabelCoverage,
    Loop,
    OnRisk,
    Takeover,
    WatchedVersion,
    WatchResult,
    Window,
    format_count,
)
from holdtrue.errors import SourceError
from holdtrue.monitoring import measure_beliefs, measure_quality, measure_windows

from .judged import JudgedRows, judge_rows
from .slices import check_slices
from .vigil import Vigil, keep_vigil

SHORT_LOG = timedelta(days=45)
LONG_LOG = timedelta(days=3 * 365)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One version of a log: its answers, those that can be judged, and how its risk was watched."""

    number: int
    name: str
    times: pl.Series
    rows: JudgedRows
    vigil: Vigil


def watch_log(
    loop: Loop,
    logged: LoggedPredictions,
    *,
    as_of: datetime,
    window: timedelta | None = None,
    reference_until: datetime | None = None,
) -> WatchResult:
    """Return how good logged predictions were, window by window, and each time that the risk of a version rose.

    Args:
        loop: the loop that declares the log.
        logged: the log as read.
        as_of: what was known and due at this moment counts; later rows are left out.
        window: length of a window of quality; None for days, weeks or four weeks, as the log is long.
        reference_until: the end of the rows that each version's risk is held against; None for its first fifth of days,
            at least 7 and at most 30.

    Raises:
        SourceError: the log has no row up to `as_of`.
    """
    joined = logged.join(as_of).filter(pl.col("time") <= as_of.astimezone(UTC))
    if not joined.height:
        raise SourceError(f"no logged prediction is older than {as_of.isoformat()}", expected="at least one")
    check_slices(loop.watched_slices, logged.history)
    rows = judge_rows(logged, joined)
    parts = [
        _watch_part(loop, logged, joined, rows, number, reference_until=reference_until)
        for number in joined["version"].unique(maintain_order=True)
    ]
    span = joined["time"][-1] - joined["time"][0]
    n_later = logged.history.n_rows - joined.height
    return WatchResult(
        loop=loop.name,
        source=logged.history.source,
        as_of=as_of,
        task=logged.history.task,
        classes=logged.history.classes,
        loss_kind=rows.loss.kind,
        versions=tuple(_describe(part) for part in parts),
        takeovers=tuple(Takeover(at=part.times[0], version=part.number) for part in parts),
        windows=_list_windows(loop, logged, joined, rows, window or _choose_window(span), as_of),
        alerts=_list_alerts(loop, parts),
        coverage=_count_coverage(joined),
        beliefs=_ask_beliefs(loop, logged, joined, rows, as_of),
        notes=(*logged.history.notes, *_note_later(n_later)),
    )


def _note_later(n_later: int) -> tuple[str, ...]:
    if not n_later:
        return ()
    said = "lies in the future and was" if n_later == 1 else "lie in the future and were"
    return (f"{format_count(n_later, 'row')} {said} left out",)


def _watch_part(
    loop: Loop,
    logged: LoggedPredictions,
    joined: pl.DataFrame,
    rows: JudgedRows,
    number: int,
    *,
    reference_until: datetime | None,
) -> _Part:
    mine = rows.take(rows.numbers == number)
    chosen = (joined["version"] == number).to_numpy()
    inputs = replace(logged.history, frame=logged.history.frame.head(joined.height).filter(pl.Series(chosen)))
    on_risk = loop.triggers.on_risk if loop.triggers is not None else None
    vigil = keep_vigil(
        mine,
        inputs,
        tolerance_share=(on_risk or OnRisk()).tolerance,
        reference_until=reference_until,
        asked=logged.history.frame[mine.places],
        entries=loop.watched_slices,
    )
    return _Part(number=number, name=logged.versions[number - 1], times=inputs.frame["__time"], rows=mine, vigil=vigil)


def _describe(part: _Part) -> WatchedVersion:
    rows, vigil = part.rows, part.vigil
    quality = measure_quality(
        rows.answers, labels=rows.labels, days=rows.days, loss=rows.loss, task=rows.task, losses=rows.losses
    )
    return WatchedVersion(
        number=part.number,
        name=part.name,
        starts_at=part.times[0],
        ends_at=part.times[-1],
        n_rows=len(part.times),
        n_labelled=quality.n_rows,
        loss=quality.loss,
        low=quality.low,
        high=quality.high,
        reference_until=vigil.reference_until,
        reference_loss=vigil.reference_loss,
        baseline_loss=vigil.baseline_loss,
        limit=vigil.limit,
        sentence=vigil.sentence,
        slices=vigil.slices,
    )


def _list_windows(
    loop: Loop,
    logged: LoggedPredictions,
    joined: pl.DataFrame,
    rows: JudgedRows,
    window: timedelta,
    as_of: datetime,
) -> tuple[Window, ...]:
    history = logged.history
    found: list[Window] = []
    for number in joined["version"].unique(maintain_order=True):
        found += measure_windows(
            joined,
            loop=loop.name,
            version=number,
            loss=rows.loss,
            task=history.task,
            classes=history.classes,
            window=window,
            as_of=as_of,
        )
    return tuple(sorted(found, key=lambda found: (found.starts_at, found.version)))


def _ask_beliefs(
    loop: Loop, logged: LoggedPredictions, joined: pl.DataFrame, rows: JudgedRows, as_of: datetime
) -> tuple[Belief, ...]:
    """Return what the last version believes of its own answers; nothing of numbers."""
    return measure_beliefs(
        joined,
        loop=loop.name,
        version=len(logged.versions),
        loss=rows.loss,
        task=logged.history.task,
        classes=logged.history.classes,
        as_of=as_of,
    )


def _choose_window(span: timedelta) -> timedelta:
    if span <= SHORT_LOG:
        return timedelta(days=1)
    return timedelta(days=7) if span <= LONG_LOG else timedelta(days=28)


def _list_alerts(loop: Loop, parts: Sequence[_Part]) -> tuple[Alert, ...]:
    """Return the alerts of all versions; one that stood when another version went on alone closes there."""
    newest = max(part.times[-1] for part in parts)
    found = []
    for part in parts:
        has_left = part.times[-1] < newest and part is not parts[-1]
        for alert in part.vigil.alerts:
            closed_at = part.times[-1] if alert.closed_at is None and has_left else alert.closed_at
            if closed_at is not None:
                closed_at = max(closed_at, alert.opened_at)
            found.append(replace(alert, loop=loop.name, version=part.number, closed_at=closed_at))
    return tuple(sorted(found, key=lambda alert: alert.opened_at))


def _count_coverage(joined: pl.DataFrame) -> LabelCoverage:
    is_due: NDArray[np.bool_] = joined["is_due"].to_numpy()
    n_labelled = int((is_due & joined["is_labelled"].to_numpy()).sum())
    return LabelCoverage(n_predictions=joined.height, n_due=int(is_due.sum()), n_labelled=n_labelled)
