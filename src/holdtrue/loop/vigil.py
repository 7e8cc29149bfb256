"""Vigil: the risk of one version of a watched model, held against its own first days, and its alerts as they came.

Nothing was promised for a model that came without a gate: its first labelled days are what it is held to.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import History
from holdtrue.domain import Alert, Cause, Json, SliceCut, SliceReading, digest_of, format_count
from holdtrue.monitoring import (
    Alarm,
    LikelyCause,
    ReferenceRisk,
    RiskReading,
    SliceAlarm,
    SliceRows,
    SlicesReading,
    explain_drift,
    measure_reference,
    merge_alarms,
    settle_design_effect,
    tell_causes,
    trace_alarms,
)
from holdtrue.validation import baseline_predictions

from .concern import concern_slices
from .judged import JudgedRows
from .observe import place_risk
from .risk import RiskWatch
from .slices import Entries, cut_slices, settle_slices, take_rows

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
    slices: tuple[SliceReading, ...] = ()


def keep_vigil(
    rows: JudgedRows,
    inputs: History,
    *,
    tolerance_share: float,
    reference_until: datetime | None,
    asked: pl.DataFrame,
    entries: Entries = (),
) -> Vigil:
    """Watch a version over its own past.

    Args:
        rows: its judged rows.
        inputs: all of its rows with the inputs, in order of time.
        tolerance_share: how much the loss may rise, as a share of what the reference gains over the simple baseline.
        reference_until: the end of the reference; None to choose it.
        asked: the inputs of its judged rows.
        entries: the columns whose slices are watched.
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
    watch = replace(watch, slices=_settle(rows, is_reference, asked=asked, entries=entries))
    later = rows.take(~is_reference)
    known = inputs.rows(until=EPOCH + int(rows.times[is_reference].max()) * MICROSECOND)
    parts = cut_slices(asked.filter(pl.Series(~is_reference)), watch.slices)
    return Vigil(
        sentence=watch.read(later.losses, later.days).sentence,
        reference_until=_end_of(last),
        reference_loss=reference.mean,
        baseline_loss=baseline,
        limit=watch.limit,
        alerts=_Teller(watch=watch, later=later, parts=parts, reference=known, inputs=inputs).tell(),
        slices=watch.read_slices(later.losses, later.days, parts).slices,
    )


def _settle(
    rows: JudgedRows, is_reference: NDArray[np.bool_], *, asked: pl.DataFrame, entries: Entries
) -> tuple[SliceCut, ...]:
    """Return the declared slices with what each lost in the reference."""
    kept, mine = asked.filter(pl.Series(is_reference)), rows.take(is_reference)
    return settle_slices(entries, reference=kept, judged=kept, losses=mine.losses, days=mine.days, loss=rows.loss)


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
    if n_days < least or n_rows < LEAST_REFERENCE_ROWS or n_rows == rows.n_rows:
        all_days = format_count(len(np.unique(rows.days)), "day")
        found = f"{format_count(rows.n_rows, 'labelled row')} on {all_days}" if rows.n_rows else "no labelled row"
        return (
            f"Not enough data to watch its risk: {found}; need {LEAST_REFERENCE_ROWS} on {least} days to hold it "
            "against, and at least one day after."
        )
    labels = rows.labels[is_reference]
    if rows.task.has_classes and (labels == labels[0]).all():
        return (
            f"Not enough data to watch its risk: all {n_rows:,} labels of the first {n_days} days with labels, to hold "
            f"it against, say {rows.classes[labels[0]]!r}; need some of another class there, or a later "
            "--reference-until."
        )
    return ""


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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Teller:
    """Tells alarms as the alerts that a person would have met on their day."""

    watch: RiskWatch
    later: JudgedRows
    parts: tuple[SliceRows, ...]
    reference: History
    inputs: History

    def tell(self) -> tuple[Alert, ...]:
        """Return all alerts, those of all rows and those of slices."""
        losses, days, watch = self.later.losses, self.later.days, self.watch
        alarms = trace_alarms(
            losses=losses,
            days=days,
            limit=watch.limit,
            low=watch.low,
            high=watch.high,
            design_effect=watch.design_effect,
            run_length_days=watch.alert_run_length_days,
        )
        merged = merge_alarms(alarms, watch.lay_slices(losses, days, self.parts).follow())
        return (*map(self.raise_alert, alarms), *map(self.raise_slice_alert, merged))

    def raise_alert(self, alarm: Alarm) -> Alert:
        """Return an alert as it stood on the day on which it was raised, with the inputs that moved beside it."""
        is_known = self.later.days <= alarm.opened_on
        if alarm.begins_after is not None:
            is_known &= self.later.days > alarm.begins_after
        known = self.later.take(is_known)
        run_length_days = self.watch.alert_run_length_days
        reading = self.watch.read(known.losses, known.days, run_length_days=run_length_days)
        reading = place_risk(reading, self._read_slices(alarm.opened_on))
        causes = self._find_causes(reading, alarm)
        moved = [{"column": cause.column, "distance": cause.distance, "sentence": cause.sentence} for cause in causes]
        said = tell_causes(causes) if self.inputs.feature_names else "The log has no inputs that could explain it."
        return _write_alert(
            Cause.RISK, f"{reading.sentence} {said}", alarm.opened_on, alarm.closed_on,
            {**reading.evidence, "mean": reading.mean, "n_rows": reading.n_rows, "moved": moved},
        )  # fmt: skip

    def raise_slice_alert(self, alarm: SliceAlarm) -> Alert:
        """Return the alert of the slices that had risen on a day while all rows had not."""
        concern = concern_slices(self._read_slices(alarm.opened_on), None)
        return _write_alert(Cause.SLICES, concern.sentence, alarm.opened_on, alarm.closed_on, concern.evidence)

    def _read_slices(self, day: int) -> SlicesReading:
        """Return how the slices stood at the end of a day."""
        until = slice(0, int(np.searchsorted(self.later.days, day, side="right")))
        return self.watch.read_slices(self.later.losses[until], self.later.days[until], take_rows(self.parts, until))

    def _find_causes(self, reading: RiskReading, alarm: Alarm) -> list[LikelyCause]:
        """Return what moved from the rise until the alert ended, or for so long after it was raised.

        An alert is raised within days: the rows up to then are too few to tell a moved input from a windy week.
        """
        risen_since = reading.evidence["risen_since"]
        first_day = alarm.opened_on if risen_since is None else int(risen_since)
        last_day = alarm.opened_on + MOST_CAUSE_DAYS
        last_day = last_day if alarm.closed_on is None else min(last_day, alarm.closed_on)
        times = self.later.times[(self.later.days >= first_day) & (self.later.days <= last_day)]
        since, until = (EPOCH + int(edge) * MICROSECOND for edge in (times.min(), times.max() + 1))
        return explain_drift(self.reference, self.inputs.rows(since=since, until=until).frame)


def _write_alert(
    cause: Cause, sentence: str, opened_on: int, closed_on: int | None, evidence: Mapping[str, Json]
) -> Alert:
    opened_at = _end_of(opened_on)
    return Alert(
        alert_id=digest_of([opened_at, sentence])[:32],
        loop="",
        version=0,
        cause=cause,
        sentence=sentence,
        opened_at=opened_at,
        closed_at=None if closed_on is None else _end_of(closed_on),
        evidence=evidence,
    )


def _end_of(day: int) -> datetime:
    return EPOCH + timedelta(days=day + 1)
