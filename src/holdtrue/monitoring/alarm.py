"""Alarms: each span of time in which a mean loss was known to lie above what is in order; of all rows, or of parts.

An alarm is raised by a detector that bets on a mean above the limit, and closed by one that bets on a mean below it,
begun when the alarm was raised (Shiryaev-Roberts form, arXiv 2203.03532): both are tempered alike, so that an alarm
ends in days whatever the design effect. After an end the watch begins anew. The live watch, the replay of a past and
the slices are all followed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from holdtrue.stats import DetectorFamily

RUN_LENGTH_DAYS = 365.0
# While the mean is still above the limit, an alarm is closed by mistake once in so many days on average.
RELIEF_LENGTH_DAYS = 90.0

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm: the watch that raised it began after day `begins_after` (None: with the first day).

    Attributes:
        begins_after: the day on which the alarm before it was closed.
        opened_on: the day whose losses raised it.
        closed_on: the day whose losses closed it; None while it stands.
    """

    begins_after: int | None
    opened_on: int
    closed_on: int | None = None


@dataclass(kw_only=True)
class Course:
    """How the watch of one mean went.

    Attributes:
        alarms: in order; the last may stand.
        log_evidence: log of the evidence that the mean lies above its limit, since the watch began (anew); minus
            infinity without a row since.
    """

    alarms: list[Alarm] = field(default_factory=list)
    log_evidence: float = -np.inf

    @property
    def standing(self) -> Alarm | None:
        """Return the alarm that stands now."""
        return self.alarms[-1] if self.alarms and self.alarms[-1].closed_on is None else None

    @property
    def begins_after(self) -> int | None:
        """Return the day after which the present watch began; None where it began with the first day."""
        if not self.alarms:
            return None
        last = self.alarms[-1]
        return last.begins_after if last.closed_on is None else last.closed_on


def follow_alarms(
    losses: Floats,
    *,
    days: Integers,
    members: Integers,
    limits: Floats,
    low: float,
    high: float,
    design_effects: Floats,
    run_length_days: float,
    relief_length_days: float = RELIEF_LENGTH_DAYS,
) -> tuple[Course, ...]:
    """Return the course of each member, each held against the run length by itself.

    Args:
        losses: in the order in which their labels fell due, within [low, high], shape (n_rows,).
        days: day of each row, never falling, shape (n_rows,); a member's day without rows is not counted.
        members: which member each row belongs to, negative for none, shape (n_rows,).
        limits: the mean loss of each member that is still in order, within (low, high), shape (n_members,).
        low: smallest possible loss.
        high: largest possible loss.
        design_effects: each day's evidence is divided by the member's, shape (n_members,).
        run_length_days: average number of days to a false alarm of one member; of S members that may alarm, S times
            what is accepted of all together.
        relief_length_days: average number of days to a false end while the mean is not in order.
    """
    rising = DetectorFamily.start(low=low, high=high, means=limits, design_effects=design_effects)
    falling = DetectorFamily.start(low=low, high=high, means=limits, side="below", design_effects=design_effects)
    courses = tuple(Course() for _ in limits)
    is_open = np.zeros(len(limits), dtype=bool)
    raises, ends = np.log(run_length_days), np.log(relief_length_days)
    for day, rows in _walk_days(days):
        batch, named = losses[rows], members[rows]
        was_open = is_open.copy()
        if was_open.any():
            held = np.where((named >= 0) & was_open[named], named, -1)
            falling = falling.update_batch(batch, held)
            has_ended = was_open & (falling.log_m >= ends)
            _close(courses, has_ended, day)
            is_open &= ~has_ended
        rising = rising.update_batch(batch, named)
        if (was_open & ~is_open).any():
            rising = rising.restart(was_open & ~is_open)
        has_risen = ~was_open & (rising.log_m >= raises)
        if has_risen.any():
            falling = falling.restart(has_risen)
            _open(courses, has_risen, day)
            is_open |= has_risen
    for course, evidence in zip(courses, rising.log_m.tolist(), strict=True):
        course.log_evidence = evidence
    return courses


def trace_alarms(
    *,
    losses: Floats,
    days: Integers,
    limit: float,
    low: float,
    high: float,
    design_effect: float = 1.0,
    run_length_days: float = RUN_LENGTH_DAYS,
    relief_length_days: float = RELIEF_LENGTH_DAYS,
) -> tuple[Alarm, ...]:
    """Return the alarms of one mean over a past, in order; arguments as of `follow_alarms`."""
    (course,) = follow_alarms(
        losses,
        days=days,
        members=np.zeros(len(losses), dtype=np.int64),
        limits=np.array([limit]),
        low=low,
        high=high,
        design_effects=np.array([design_effect]),
        run_length_days=run_length_days,
        relief_length_days=relief_length_days,
    )
    return tuple(course.alarms)


def _walk_days(days: Integers) -> Iterator[tuple[int, slice]]:
    named, starts = np.unique(days, return_index=True)
    for day, first, end in zip(named.tolist(), starts.tolist(), [*starts[1:].tolist(), len(days)], strict=False):
        yield day, slice(first, end)


def _open(courses: tuple[Course, ...], chosen: NDArray[np.bool_], day: int) -> None:
    for place in np.flatnonzero(chosen):
        course = courses[place]
        course.alarms.append(Alarm(begins_after=course.begins_after, opened_on=day))


def _close(courses: tuple[Course, ...], chosen: NDArray[np.bool_], day: int) -> None:
    for place in np.flatnonzero(chosen):
        alarms = courses[place].alarms
        alarms[-1] = replace(alarms[-1], closed_on=day)
