"""Flow: do predictions and labels still come as they used to?

A loop whose labels have stopped looks calm for ever: its risk is not known, and nothing says so. Both are watched
against the loop's own past; while it is too short, there is no reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import Json
from holdtrue.monitoring.alarm import RUN_LENGTH_DAYS, follow_alarms
from holdtrue.monitoring.risk import ReferenceRisk, measure_reference

# What is usual is told from so many days before a version took charge, else from the first days of the log.
REFERENCE_DAYS = 28
FIRST_DAYS = 14
LEAST_DAYS = 7
LEAST_LABELS = 50
LEAST_PREDICTIONS = 20
# Labels count as missing when they have not come so long after they were due: a nightly delivery is no alarm.
GRACE = timedelta(days=1)
# By so much the share of missing labels may rise, but never to where half of the usual ones are missing.
TOLERANCE = 0.1
# Silence is odd when it lasts so many times the longest that there was.
SILENCES = 3
LEAST_SILENCE = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class FlowReading:
    """Whether something has stopped coming, in a sentence with its figures."""

    has_stopped: bool
    sentence: str
    evidence: Mapping[str, Json]


def watch_predictions(times: pl.Series, *, now: datetime, patience: timedelta = timedelta(0)) -> FlowReading | None:
    """Say whether predictions have stopped: no answer for three times as long as ever in the last 28 days.

    Args:
        times: the moment of each answer, in any order; later ones than `now` are left out.
        now: the moment from which it is seen.
        patience: what the way from a client to the log may take, in business time.

    Returns None with fewer than 20 answers or 7 days of them.
    """
    moments = times.filter(times <= now).sort()
    if len(moments) < LEAST_PREDICTIONS:
        return None
    first, last = moments[0], moments[-1]
    if last - first < timedelta(days=LEAST_DAYS):
        return None
    recent = moments.filter(moments > last - timedelta(days=REFERENCE_DAYS))
    longest = recent.diff().max()
    assert isinstance(longest, timedelta), "20 answers have gaps"
    limit = max(SILENCES * longest, LEAST_SILENCE) + patience
    silence = now - last
    has_stopped = silence > limit
    said = "No prediction has been asked for" if has_stopped else "Predictions come: the last was asked for"
    return FlowReading(
        has_stopped=has_stopped,
        sentence=f"{said} since {last:%Y-%m-%d %H:%M} UTC; the longest silence before was {_tell_span(longest)}.",
        evidence={"silent_hours": _count_hours(silence), "longest_hours": _count_hours(longest)},
    )


def watch_labels(
    joined: pl.DataFrame,
    *,
    now: datetime,
    took_over: datetime,
    patience: timedelta = timedelta(0),
    run_length_days: float = RUN_LENGTH_DAYS,
) -> FlowReading | None:
    """Say whether labels have stopped: the share of those missing a day after they were due is above what is usual.

    An e-detector on missing labels, as for the risk: while as many come as usual, a false alarm is a year away. It ends
    as those of the risk do: by evidence that enough of them come again.

    Args:
        joined: what `holdtrue.data.join_labels` gives, one row for each event: `due_at` and `known_at`.
        now: the moment from which it is seen.
        took_over: when the version in charge took over: what came before is usual.
        patience: what the way from a client to the store may take, in business time.
        run_length_days: average number of days to a false alarm that is accepted.

    Returns None while what is usual is not known: fewer than 14 days or 50 labels due, or none of them came.
    """
    grace = GRACE + patience
    ripe = joined.filter(pl.col("due_at") + grace <= now).sort("due_at")
    came = (ripe["known_at"] <= ripe["due_at"] + grace).fill_null(value=False)
    missing = (~came).to_numpy().astype(np.float64)
    days = ripe["due_at"].dt.epoch("d").to_numpy().astype(np.int64)
    begin = _find_begin(days, took_over=int(took_over.timestamp() // 86_400))
    if begin is None:
        return None
    since, first = begin
    is_usual = (days >= first) & (days < since)
    usual = measure_reference(missing[is_usual], days=days[is_usual])
    if usual.mean >= 1:
        return None
    alarmed_on, n_alarms = _follow_days(
        missing[days >= since], days[days >= since], usual, run_length_days=run_length_days
    )
    return _tell_labels(missing, days, usual, alarmed_on=alarmed_on, n_alarms=n_alarms)


def _find_begin(days: NDArray[np.int64], *, took_over: int) -> tuple[int, int] | None:
    """Return the day from which labels are watched and the first day that says what is usual; None: not known yet."""
    named = np.unique(days)
    before = named[(named < took_over) & (named >= took_over - REFERENCE_DAYS)]
    if not _is_enough(days, before):
        before = named[:FIRST_DAYS]
    if not _is_enough(days, before) or len(named) < FIRST_DAYS:
        return None
    return int(before[-1]) + 1, int(before[0])


def _is_enough(days: NDArray[np.int64], named: NDArray[np.int64]) -> bool:
    return len(named) >= LEAST_DAYS and int(np.isin(days, named).sum()) >= LEAST_LABELS


def _follow_days(
    missing: NDArray[np.float64], days: NDArray[np.int64], usual: ReferenceRisk, *, run_length_days: float
) -> tuple[int | None, int]:
    """Return the day of the alarm that still stands, or None, and how many there were."""
    # Where few labels come at all, a stop is a small step: the limit leaves it room.
    coverage = 1 - usual.mean
    limit = min(usual.upper + min(TOLERANCE, 0.5 * coverage), 1 - 0.25 * coverage)
    (course,) = follow_alarms(
        missing,
        days=days,
        members=np.zeros(len(days), dtype=np.int64),
        limits=np.array([limit]),
        low=0.0,
        high=1.0,
        design_effects=np.array([usual.design_effect]),
        run_length_days=run_length_days,
    )
    return None if course.standing is None else course.standing.opened_on, len(course.alarms)


def _tell_labels(
    missing: NDArray[np.float64],
    days: NDArray[np.int64],
    usual: ReferenceRisk,
    *,
    alarmed_on: int | None,
    n_alarms: int,
) -> FlowReading:
    evidence: dict[str, Json] = {"usual_share": 1 - usual.mean, "alarmed_on": alarmed_on, "n_alarms": n_alarms}
    if alarmed_on is None:
        return FlowReading(has_stopped=False, sentence="Labels come as they used to.", evidence=evidence)
    recent = missing[days >= alarmed_on]
    share, since = float(1 - recent.mean()), np.datetime64(alarmed_on, "D")
    sentence = (
        f"Labels have stopped coming: {share:.0%} of the {len(recent):,} that were due since {since} came within a day"
        f" of it, where {1 - usual.mean:.0%} used to. The risk is not known meanwhile."
    )
    return FlowReading(
        has_stopped=True,
        sentence=sentence.replace("%", " %"),
        evidence={**evidence, "share": share, "n_due": len(recent)},
    )


def _count_hours(span: timedelta) -> float:
    return span / timedelta(hours=1)


def _tell_span(span: timedelta) -> str:
    hours = _count_hours(span)
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"
