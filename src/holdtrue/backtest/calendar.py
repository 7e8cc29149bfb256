"""Calendar: the moments of a replay (ticks, schedule) and the periods that its figures are shown by."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

DAY = timedelta(days=1)
# Parts of the whole span that a loop without a schedule gets, and looks in each part.
N_PARTS = 40
LOOKS_PER_PART = 7
SLIVER = 0.1


@dataclass(frozen=True)
class Period:
    """A half-open span [start, end) of business time."""

    start: datetime
    end: datetime


def lay_moments(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    """Return start + step, start + 2 step, ... up to the end, the end included.

    >>> a = datetime(2013, 3, 1, tzinfo=UTC)
    >>> len(lay_moments(a, a + timedelta(days=10), timedelta(days=4)))
    3
    """
    moments: list[datetime] = []
    moment = start + step
    while moment < end:
        moments.append(moment)
        moment += step
    return [*moments, end]


def choose_look(interval: timedelta) -> timedelta:
    """Return how often a replayed loop looks: daily, or seven times in each interval of a shorter schedule."""
    return min(DAY, interval / LOOKS_PER_PART) if interval < 60 * DAY else 7 * DAY


def lay_periods(start: datetime, end: datetime) -> tuple[Period, ...]:
    """Return calendar periods that cover [start, end): days, weeks, months, quarters or years, at most about 24."""
    span = end - start
    for count, unit in ((24, "day"), (20, "week"), (24, "month"), (24, "quarter")):
        size = {"day": 1, "week": 7, "month": 30.4, "quarter": 91.3}[unit]
        if span / DAY / size <= count:
            return _cut(start, end, unit)
    return _cut(start, end, "year")


def _cut(start: datetime, end: datetime, unit: str) -> tuple[Period, ...]:
    edges = [start]
    while edges[-1] < end:
        edges.append(min(_next_edge(edges[-1], unit), end))
    # The last hours of a span, cut by another zone's midnight, are no month of their own.
    if len(edges) > 2 and edges[-1] - edges[-2] < SLIVER * (edges[-2] - edges[-3]):
        del edges[-2]
    return tuple(Period(a, b) for a, b in pairwise(edges))


def _next_edge(moment: datetime, unit: str) -> datetime:
    moment = moment.astimezone(UTC)
    midnight = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if unit == "day":
        return midnight + DAY
    if unit == "week":
        return midnight + timedelta(days=7 - midnight.weekday())
    if unit == "year":
        return datetime(moment.year + 1, 1, 1, tzinfo=UTC)
    month = moment.month + 1 if unit == "month" else (moment.month - 1) // 3 * 3 + 4
    return datetime(moment.year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=UTC)
