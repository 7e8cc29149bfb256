"""Concern: one thing that a loop is watched for, as read at a moment; an alert follows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from holdtrue.clock import Clock, ScaledClock
from holdtrue.data import join_labels
from holdtrue.domain import Cause, Json, Role
from holdtrue.monitoring import FlowReading, RiskReading, watch_labels, watch_predictions

# What a request or a label may take to its log, in seconds of the machine: in a fast replay these are days.
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Concern:
    """What is watched, whether there is reason for an alert, and why; without a reading there is no concern."""

    cause: Cause
    is_raised: bool
    sentence: str
    evidence: Mapping[str, Json]


def concern_risk(reading: RiskReading) -> Concern:
    """Return the risk as a concern."""
    return Concern(cause=Cause.RISK, is_raised=reading.has_risen, sentence=reading.sentence, evidence=reading.evidence)


def watch_flow(
    log: pl.DataFrame, labels: pl.DataFrame, *, clock: Clock, label_delay: timedelta, taken: Sequence[datetime]
) -> tuple[Concern, ...]:
    """Read whether predictions and labels still come; what has too short a past is left out.

    Args:
        log: what `read_predictions` returned.
        labels: what `latest_labels` returned.
        clock: business time.
        label_delay: how long after a prediction its label is due.
        taken: when versions took charge, in order. Rows from before the first were not asked as they happened; what
            came before the last is usual.
    """
    now = clock.now()
    patience = timedelta(seconds=PATIENCE_SECONDS * (clock.speed if isinstance(clock, ScaledClock) else 1.0))
    asked = log.filter((pl.col("role") != Role.SHADOW.value) & pl.col("is_first") & (pl.col("time") >= taken[0]))
    if not asked.height:
        return ()
    joined = join_labels(asked, labels, label_delay=label_delay, as_of=now)
    readings = {
        Cause.PREDICTIONS: watch_predictions(asked["time"], now=now, patience=patience),
        Cause.LABELS: watch_labels(joined, now=now, took_over=taken[-1], patience=patience),
    }
    return tuple(_concern_flow(cause, reading) for cause, reading in readings.items() if reading is not None)


def _concern_flow(cause: Cause, reading: FlowReading) -> Concern:
    return Concern(cause=cause, is_raised=reading.has_stopped, sentence=reading.sentence, evidence=reading.evidence)
