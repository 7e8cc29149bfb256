"""Concern: one thing that a loop is watched for, as read at a moment; an alert follows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
import polars as pl

from holdtrue.clock import Clock, ScaledClock
from holdtrue.data import join_labels
from holdtrue.domain import Cause, Json, Role, Rollout
from holdtrue.monitoring import (
    FlowReading,
    RiskReading,
    SlicesReading,
    tell_risen,
    watch_labels,
    watch_predictions,
)
from holdtrue.rollout import Evidence

# What a request or a label may take to its log, in seconds of the machine: in a fast replay these are days.
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Concern:
    """What is watched, whether there is reason for an alert, and why; without a reading there is no concern.

    `subjects` names what of it is concerned, where that may grow: an alert that does not name them all is followed by
    one that does.
    """

    cause: Cause
    is_raised: bool
    sentence: str
    evidence: Mapping[str, Json]
    subjects: tuple[str, ...] = ()


def concern_risk(reading: RiskReading) -> Concern:
    """Return the risk as a concern."""
    return Concern(cause=Cause.RISK, is_raised=reading.has_risen, sentence=reading.sentence, evidence=reading.evidence)


def concern_slices(reading: SlicesReading, risk: RiskReading | None) -> Concern:
    """Return the declared slices as a concern: none where all rows have risen, whose alert says where it lies."""
    names = tuple(each.name for each in reading.risen)
    evidence: dict[str, Json] = {
        "slices": list(names),
        "figures": [msgspec.to_builtins(each) for each in reading.risen],
        "n_watched": len(reading.watched),
    }
    return Concern(
        cause=Cause.SLICES,
        is_raised=bool(names) and not (risk is not None and risk.has_risen),
        sentence=tell_risen(reading),
        evidence=evidence,
        subjects=names,
    )


def note_rollout(concern: Concern, rollout: Rollout, evidence: Evidence | None) -> Concern:
    """Return a concern about the version in charge with what is known of the challenger that is on trial beside it."""
    said = f"v{rollout.challenger} is on trial meanwhile, and no other training starts until that has ended"
    if evidence is not None and evidence.estimate is not None and evidence.interval is not None:
        low, high = evidence.interval.low, evidence.interval.high
        said += (
            f": so far its mean loss is {evidence.estimate:+.4g} against the champion's, between {low:+.4g} and "
            f"{high:+.4g} ({evidence.n_rows:,} rows)"
        )
    return replace(concern, sentence=f"{concern.sentence} {said}.")


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
