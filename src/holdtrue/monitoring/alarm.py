"""Alarms: a whole past replayed: each span of time in which the mean loss was known to lie above what is in order.

`watch_risk` says how it stands now. Here an alarm is closed by evidence of the other side: a detector that bets that
the mean lies below the limit, begun when the alarm was raised (EDetector, Shiryaev-Roberts form, arXiv 2203.03532).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdtrue.monitoring.risk import RUN_LENGTH_DAYS
from holdtrue.stats import EDetector

# While the mean is still above the limit, an alarm is closed by mistake once in so many days on average.
RELIEF_LENGTH_DAYS = 90.0


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


def trace_alarms(
    *,
    losses: NDArray[np.float64],
    days: NDArray[np.int64],
    limit: float,
    low: float,
    high: float,
    design_effect: float = 1.0,
    run_length_days: float = RUN_LENGTH_DAYS,
    relief_length_days: float = RELIEF_LENGTH_DAYS,
) -> tuple[Alarm, ...]:
    """Return the alarms of a past, in order; after each that was closed the watch begins anew.

    Args:
        losses: in the order in which their labels fell due, within [low, high], shape (n_rows,).
        days: day of each row, never falling, shape (n_rows,).
        limit: the mean loss that is still in order, within (low, high).
        low: smallest possible loss.
        high: largest possible loss.
        design_effect: each day's evidence is divided by it, see `watch_risk`.
        run_length_days: average number of days to a false alarm while the mean is in order.
        relief_length_days: average number of days to a false end while it is not.
    """
    rising = EDetector.start(low=low, high=high, mean=limit, design_effect=design_effect)
    falling = EDetector.start(low=low, high=high, mean=limit, side="below", design_effect=design_effect)
    alarms: list[Alarm] = []
    detector, open_alarm, restarted_on = rising, None, None
    named, starts = np.unique(days, return_index=True)
    for day, batch in zip(named.tolist(), np.split(losses, starts[1:]), strict=False):
        detector = detector.update_batch(batch)
        if open_alarm is None and detector.has_alarmed(run_length_days):
            open_alarm, detector = Alarm(begins_after=restarted_on, opened_on=day), falling
        elif open_alarm is not None and detector.has_alarmed(relief_length_days):
            closed = Alarm(begins_after=open_alarm.begins_after, opened_on=open_alarm.opened_on, closed_on=day)
            alarms.append(closed)
            open_alarm, detector, restarted_on = None, rising, day
    return tuple(alarms) if open_alarm is None else (*alarms, open_alarm)
