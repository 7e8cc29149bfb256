"""Alerts: few, each an open question for a person, opened once and closed when its evidence is gone (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from holdtrue.domain import Alert, Cause, Json, digest_of


@dataclass(frozen=True, kw_only=True)
class AlertReading:
    """What one watch sees now of one cause.

    Attributes:
        loop: name of the loop.
        version: number of the version that is watched.
        cause: what the alert would be about.
        is_raised: there is evidence for it now.
        sentence: the evidence for people.
        evidence: its figures.
    """

    loop: str
    version: int
    cause: Cause
    is_raised: bool
    sentence: str
    evidence: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AlertMoves:
    """What is to be written: alerts to open, and ids of alerts to close."""

    opened: tuple[Alert, ...] = ()
    closed: tuple[str, ...] = ()


def decide_alerts(open_alerts: Sequence[Alert], *, readings: Sequence[AlertReading], now: datetime) -> AlertMoves:
    """Return which alerts open and which close, so that at most one is open for each (loop, version, cause).

    A raised reading opens an alert where none is open and leaves an open one alone. An open alert closes when its
    reading is no longer raised, or when its loop was read but its version no longer watched. A loop without any reading
    was not looked at: its alerts stay, since no data is never good news.
    """
    raised = {_name(reading): reading for reading in readings if reading.is_raised}
    read_loops = {reading.loop for reading in readings}
    open_names = {_name(alert) for alert in open_alerts}
    opened = [_open_alert(reading, now) for name, reading in raised.items() if name not in open_names]
    closed = [alert.alert_id for alert in open_alerts if alert.loop in read_loops and _name(alert) not in raised]
    return AlertMoves(opened=tuple(opened), closed=tuple(closed))


def _name(thing: Alert | AlertReading) -> tuple[str, int, Cause]:
    return thing.loop, thing.version, thing.cause


def _open_alert(reading: AlertReading, now: datetime) -> Alert:
    """Return the alert, whose id follows from what it is about and when: a repeated decision opens no second one."""
    return Alert(
        alert_id=digest_of([reading.loop, reading.version, reading.cause.value, now.isoformat()])[:32],
        loop=reading.loop,
        version=reading.version,
        cause=reading.cause,
        sentence=reading.sentence,
        opened_at=now,
        evidence=dict(reading.evidence),
    )
