"""Vigil: the risk of one version of a watched model, held against its own first days, and its alerts as they came.

Nothing was promised for a model that came without a gate: its first labelled days are what it is held to.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from holdtrue.data import History
from holdtrue.domain import Alert, Cause, digest_of
from holdtrue.monitoring import (
    Alarm,
    LikelyCause,
    ReferenceRisk,
    RiskReading,
    explain_drift,
    measure_reference,
    tell_causes,
    trace_alarms,
)
from holdtrue.validation import baseline_predictions

from .gate import settle_design_effect
from .judged import JudgedRows
from .risk import ALERT_RUN_LENGTH_DAYS, RiskWatch

REFERENCE_SHARE = 0.2
LEAST_REFERENCE_DAYS = 7
MOST_REFERENCE_DAYS = 30
LEAST_REFERENCE_ROWS = 30
MOST_CAUSE_DAYS = 14
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Vigil:
    """What watching one version found: see `holdtrue.domain.WatchedVersion` for the figures."""

    sentence: str
    reference_until: datetime | None = None
    reference_loss: float | None = None
    baseline_loss: float | None = None
    limit: float | None = None
    alerts: tuple[Alert, ...] = ()


def keep_vigil(rows: JudgedRows, inputs: History, *, tolerance_share: float, reference_until: datetime | None) -> Vigil:
    """Watch a version over its own past.

    Args:
        rows: its judged rows.
        inputs: all of its rows with the inputs, in order of time.
        tolerance_share: how much the loss may rise, as a share of what the reference gains over the simple baseline.
        reference_until: the end of the reference; None to choose it.
    """
    last = _choose_reference(rows, reference_until)
    is_reference = rows.days <= last
    shortage = _find_shortage(rows, is_reference, is_declared=reference_until is not None)
    if shortage:
        return Vigil(sentence=shortage)
    reference = measure_reference(rows.losses[is_reference], days=rows.days[is_reference])
    labels = rows.labels[is_reference]
    constant = baseline_predictions(labels, n_rows=len(labels), task=rows.task, classes=rows.classes)
    baseline = float(rows.loss.rows(constant, labels).mean())
    watch = _set_watch(rows, reference, baseline, tolerance_share)
    later = rows.take(~is_reference)
    alarms = trace_alarms(
        losses=later.losses,
        days=later.days,
        limit=watch.limit,
        low=watch.low,
        high=watch.high,
        design_effect=watch.design_effect,
        run_length_days=ALERT_RUN_LENGTH_DAYS,
    )
    known = inputs.rows(until=EPOCH + int(rows.times[is_reference].max()) * MICROSECOND)
    return Vigil(
        sentence=watch.read(later.losses, later.days).sentence,
        reference_until=_end_of(last),
        reference_loss=reference.mean,
        baseline_loss=baseline,
        limit=watch.limit,
        alerts=tuple(_raise_alert(alarm, watch, later, known, inputs) for alarm in alarms),
    )


def _choose_reference(rows: JudgedRows, declared: datetime | None) -> int:
    """Return the last day of the reference."""
    if declared is not None:
        return (declared - EPOCH) // timedelta(days=1) - 1
    days = np.unique(rows.days)
    n_days = min(max(math.ceil(len(days) * REFERENCE_SHARE), LEAST_REFERENCE_DAYS), MOST_REFERENCE_DAYS)
    return int(days[n_days - 1]) if len(days) >= n_days else -1


def _find_shortage(rows: JudgedRows, is_reference: NDArray[np.bool_], *, is_declared: bool) -> str:
    n_days, n_rows = len(np.unique(rows.days[is_reference])), int(is_reference.sum())
    least = 2 if is_declared else LEAST_REFERENCE_DAYS
    if n_days >= least and n_rows >= LEAST_REFERENCE_ROWS and n_rows < rows.n_rows:
        return ""
    found = f"{rows.n_rows:,} labelled rows on {len(np.unique(rows.days)):,} days"
    return (
        f"Not enough data to watch its risk: {found}; need {LEAST_REFERENCE_ROWS} on {least} days to hold it against, "
        "and at least one day after."
    )


def _set_watch(rows: JudgedRows, reference: ReferenceRisk, baseline: float, tolerance_share: float) -> RiskWatch:
    loss = rows.loss
    gain = max(baseline - reference.mean, 0.0)
    return RiskWatch(
        upper=min(reference.upper, loss.high),
        tolerance=max(tolerance_share * gain, 1e-6 * loss.spread),
        low=loss.low,
        high=loss.high,
        design_effect=settle_design_effect(reference.design_effect, n_rows=reference.n_rows, n_blocks=reference.n_days),
    )


def _raise_alert(alarm: Alarm, watch: RiskWatch, later: JudgedRows, reference: History, inputs: History) -> Alert:
    """Return an alert as it stood on the day on which it was raised, with the inputs that moved beside it."""
    is_known = later.days <= alarm.opened_on
    if alarm.begins_after is not None:
        is_known &= later.days > alarm.begins_after
    known = later.take(is_known)
    reading = watch.read(known.losses, known.days)
    causes = _find_causes(reading, alarm, later, reference, inputs)
    moved = [{"column": cause.column, "distance": cause.distance, "sentence": cause.sentence} for cause in causes]
    said = tell_causes(causes) if inputs.feature_names else "The log has no inputs that could explain it."
    opened_at = _end_of(alarm.opened_on)
    return Alert(
        alert_id=digest_of([opened_at, reading.sentence])[:32],
        loop="",
        version=0,
        cause=Cause.RISK,
        sentence=f"{reading.sentence} {said}",
        opened_at=opened_at,
        closed_at=None if alarm.closed_on is None else _end_of(alarm.closed_on),
        evidence={**reading.evidence, "mean": reading.mean, "n_rows": reading.n_rows, "moved": moved},
    )


def _find_causes(
    reading: RiskReading, alarm: Alarm, later: JudgedRows, reference: History, inputs: History
) -> list[LikelyCause]:
    """Return what moved from the rise until the alert ended, or for so long after it was raised.

    An alert is raised within days: the rows up to then are too few to tell a moved input from a windy week.
    """
    risen_since = reading.evidence["risen_since"]
    first_day = alarm.opened_on if risen_since is None else int(risen_since)
    last_day = alarm.opened_on + MOST_CAUSE_DAYS
    last_day = last_day if alarm.closed_on is None else min(last_day, alarm.closed_on)
    times = later.times[(later.days >= first_day) & (later.days <= last_day)]
    since, until = (EPOCH + int(edge) * MICROSECOND for edge in (times.min(), times.max() + 1))
    return explain_drift(reference, inputs.rows(since=since, until=until).frame)


def _end_of(day: int) -> datetime:
    return EPOCH + timedelta(days=day + 1)
