"""Schedules: moments at which the clock asks for a retraining; each comes once, whatever the clocks do."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from holdtrue.domain.span import parse_span
from holdtrue.errors import DeclarationError

DAY = timedelta(days=1)
# How many moments of a calendar tell its usual distance.
N_MOMENTS = 24


@dataclass(frozen=True, kw_only=True)
class Cron:
    """Moments of a calendar, as cron writes them: minute, hour, day of the month, month, day of the week.

    A time that the clocks skip comes when they have moved on; a time that they show twice comes the first time. What is
    written with a star for minute or hour goes by elapsed time and comes in both.
    """

    line: str
    tz: str = "UTC"

    @property
    def name(self) -> str:
        """Return what its firings are remembered by."""
        return f"cron {self.line} {self.tz}"

    def find_next(self, after: datetime) -> datetime:
        """Return the first moment later than `after`, in UTC."""
        for moment in CronSim(self.line, after.astimezone(ZoneInfo(self.tz))):
            if moment.astimezone(UTC) > after:
                return moment.astimezone(UTC)
        raise DeclarationError(f"cron({self.line!r}) never comes", expected="a line that comes within 50 years")

    def find_last(self, after: datetime, now: datetime) -> datetime | None:
        """Return the last moment later than `after` and not later than `now`; None where there is none."""
        if self.find_next(after) > now:
            return None
        # From near to far: a calendar of minutes that nobody looked at for a year is not walked through.
        back = DAY / 24
        while (found := self.find_next(max(now - back, after))) > now:
            back *= 4
        while (later := self.find_next(found)) <= now:
            found = later
        return found

    def measure_span(self, around: datetime) -> timedelta:
        """Return the mean time between two moments, as a calendar has it from `around` on."""
        moments = [self.find_next(around)]
        for _ in range(N_MOMENTS):
            moments.append(self.find_next(moments[-1]))
        spans = [later - earlier for earlier, later in pairwise(moments)]
        return sum(spans, timedelta(0)) / len(spans)


@dataclass(frozen=True, kw_only=True)
class TimeOfDay:
    """A time of the day in a zone: a schedule with one waits for it."""

    at: time
    tz: str

    @property
    def cron(self) -> Cron:
        """Return the days' moments."""
        return Cron(line=f"{self.at.minute} {self.at.hour} * * *", tz=self.tz)


def read_zone(tz: str) -> str:
    """Return the name of a time zone that is known here; raises `DeclarationError`."""
    try:
        ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise DeclarationError(f"there is no time zone {tz!r}", expected='a name such as "Europe/Berlin"') from problem
    return tz


def read_cron(line: str, tz: str) -> Cron:
    """Return the calendar of a cron line; raises `DeclarationError`."""
    text = " ".join(line.split()) if isinstance(line, str) else ""
    expected = 'minute, hour, day of the month, month, day of the week, such as "0 3 * * 1"'
    if len(text.split(" ")) != 5:
        raise DeclarationError(f"cron({line!r}) has {len(text.split())} fields", expected=expected)
    found = Cron(line=text, tz=read_zone(tz))
    try:
        found.find_next(datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError as problem:
        raise DeclarationError(f"cron({line!r}) cannot be read: {problem}", expected=expected) from problem
    return found


def read_clock(at: str, tz: str, span: timedelta) -> TimeOfDay:
    """Return the time of the day of a schedule of whole days; raises `DeclarationError`."""
    if span % DAY:
        raise DeclarationError(f'at="{at}" in a schedule of {span}', expected="a schedule of whole days")
    try:
        moment = time.fromisoformat(at)
    except (ValueError, TypeError) as problem:
        raise DeclarationError(f"at={at!r} is no time of the day", expected='hours and minutes, such as "03:00"') from (
            problem
        )
    if moment.tzinfo is not None or moment.second or moment.microsecond:
        raise DeclarationError(f"at={at!r} says more than a minute", expected='such as "03:00"; the zone is tz=')
    return TimeOfDay(at=moment, tz=read_zone(tz))


def read_schedule_span(span: str | timedelta | None, *, days: float, hours: float, minutes: float) -> timedelta:
    """Return the span of a schedule, said in one of both ways; raises `DeclarationError`."""
    try:
        named = timedelta(days=days, hours=hours, minutes=minutes)
    except (OverflowError, ValueError, TypeError) as problem:  # beyond any calendar, NaN, no number
        raise DeclarationError(
            f"every(days={days}, hours={hours}, minutes={minutes}): {problem}", expected="numbers, such as days=7"
        ) from problem
    if span is not None and named:
        raise DeclarationError("every() names a span twice", expected='every("1 day") or every(days=1)')
    found = named if span is None else parse_span(span)
    if found <= timedelta(0):
        raise DeclarationError("every() names no time", expected="days=, hours= or minutes= above zero")
    return found
