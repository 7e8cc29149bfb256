"""Triggers: what starts a retraining; joined by `|`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdtrue.domain.amount import LONGEST_DAYS, check_amount
from holdtrue.domain.schedule import DAY, Cron, TimeOfDay, read_clock, read_cron, read_schedule_span
from holdtrue.errors import DeclarationError


class Trigger:
    """One reason to retrain."""

    def __or__(self, other: "Trigger | Triggers") -> "Triggers":
        """Return both: either may fire."""
        return _join(self, other)


@dataclass(frozen=True, kw_only=True)
class Every(Trigger):
    """Retrains when `span` has passed since the last training began; with `at`, at that time of a day."""

    span: timedelta
    at: TimeOfDay | None = None

    def find_due(self, last_run_at: datetime, asked_at: datetime | None, now: datetime) -> datetime | None:
        """Return the moment that asks for a training now, or None.

        Args:
            last_run_at: when the last training began.
            asked_at: the last moment of this schedule that was answered, by a training or a refusal.
            now: business time.
        """
        if self.at is None:
            return last_run_at + self.span if now - last_run_at >= self.span else None
        # A moment that was refused is over: the schedule asks again at the same time of the next day.
        ready = last_run_at + self.span - DAY
        return self.at.cron.find_last(ready if asked_at is None else max(ready, asked_at), now)

    @property
    def sentence(self) -> str:
        """Return what it is called in a reason."""
        days = self.span.total_seconds() / 86_400
        said = f"the schedule of every {days:g} days"
        return said if self.at is None else f"{said} at {self.at.at:%H:%M} {self.at.tz}"


@dataclass(frozen=True, kw_only=True)
class OnCron(Trigger):
    """Retrains at moments of a calendar."""

    calendar: Cron

    @property
    def sentence(self) -> str:
        """Return what it is called in a reason."""
        return f'the calendar "{self.calendar.line}" {self.calendar.tz}'


@dataclass(frozen=True, kw_only=True)
class OnNewData(Trigger):
    """Retrains when so many labels have become known since the last training began."""

    min_rows: int


@dataclass(frozen=True, kw_only=True)
class After(Trigger):
    """Retrains when another loop of the project has put a version in charge that never was before."""

    loop: str


@dataclass(frozen=True, kw_only=True)
class OnRisk(Trigger):
    """Retrains when the risk of the version in charge has risen beyond its tolerance.

    Attributes:
        tolerance: how much the loss may rise, as a share of (loss of the simple baseline - loss of the champion).
        run_length_days: the average time between false triggers that is accepted; a trigger is cheap and gated, so it
            may be shorter than an alert's.
        cooldown: the shortest time between two retrainings that risk starts.
    """

    tolerance: float = 0.1
    run_length_days: float = 60.0
    cooldown: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class Triggers:
    """Several triggers, in the order in which they were joined; any of them may fire."""

    parts: tuple[Trigger, ...] = ()

    def __or__(self, other: "Trigger | Triggers") -> "Triggers":
        """Return all of them."""
        return _join(self, other)

    def __iter__(self) -> Iterator[Trigger]:
        """Go through them in order."""
        return iter(self.parts)

    @property
    def every(self) -> Every | None:
        """Return the schedule."""
        return next((part for part in self.parts if isinstance(part, Every)), None)

    @property
    def crons(self) -> tuple[OnCron, ...]:
        """Return the calendars."""
        return tuple(part for part in self.parts if isinstance(part, OnCron))

    @property
    def on_new_data(self) -> OnNewData | None:
        """Return the trigger by new labels."""
        return next((part for part in self.parts if isinstance(part, OnNewData)), None)

    @property
    def on_risk(self) -> OnRisk | None:
        """Return the trigger by risk."""
        return next((part for part in self.parts if isinstance(part, OnRisk)), None)

    @property
    def afters(self) -> tuple[After, ...]:
        """Return the other loops that are followed."""
        return tuple(part for part in self.parts if isinstance(part, After))


def _join(left: Trigger | Triggers, right: object) -> Triggers:
    if not isinstance(right, Trigger | Triggers):
        raise DeclarationError(
            f"a trigger is joined with {right!r}", expected="triggers on both sides, such as every(days=7) | on_risk()"
        )
    parts = [each for side in (left, right) for each in ((side,) if isinstance(side, Trigger) else side.parts)]
    single = [type(part) for part in parts if not isinstance(part, OnCron | After)]
    if len(set(single)) < len(single):
        raise DeclarationError(
            "two triggers of one kind are joined",
            expected="at most one every(), one on_new_data() and one on_risk(); any number of cron() and after()",
        )
    return Triggers(tuple(dict.fromkeys(parts)))


def every(
    span: str | timedelta | None = None,
    *,
    days: float = 0,
    hours: float = 0,
    minutes: float = 0,
    at: str | None = None,
    tz: str = "UTC",
) -> Every:
    """Declare a schedule: retrain each time that so much business time has passed since the last training began.

    Args:
        span: such as "1 day" or "12h", in place of days, hours and minutes.
        days: days, hours and minutes are added up.
        hours: see `days`.
        minutes: see `days`.
        at: the time of the day, such as "03:00", in a schedule of whole days. A time that the clocks skip comes when
            they have moved on; one that they show twice comes the first time.
        tz: the IANA name of the zone of `at`.

    Raises:
        DeclarationError: no span, or a span of no whole days with `at`; an unknown zone.

    >>> (every(days=7) | on_risk()).every.span.days
    7
    >>> every("1 day", at="03:00", tz="Europe/Berlin").sentence
    'the schedule of every 1 days at 03:00 Europe/Berlin'
    """
    found = read_schedule_span(span, days=days, hours=hours, minutes=minutes)
    if at is None and tz != "UTC":
        raise DeclarationError("every() names a time zone without a time", expected='at="03:00" beside tz=')
    return Every(span=found, at=None if at is None else read_clock(at, tz, found))


def cron(line: str, *, tz: str = "UTC") -> OnCron:
    """Declare a retraining at the moments of a calendar, as cron writes them.

    Raises:
        DeclarationError: the line cannot be read, or never comes; an unknown zone.

    >>> cron("0 3 * * 1", tz="Europe/Berlin").sentence
    'the calendar "0 3 * * 1" Europe/Berlin'
    """
    return OnCron(calendar=read_cron(line, tz))


def on_new_data(*, min_rows: int) -> OnNewData:
    """Declare a retraining when so many labels have become known since the last training began.

    >>> on_new_data(min_rows=5000).min_rows
    5000
    """
    check_amount("on_new_data", "min_rows", min_rows, least=1, is_whole=True)
    return OnNewData(min_rows=min_rows)


def after(loop: str) -> After:
    """Declare a retraining when another loop of the project puts a new version in charge.

    >>> after("late-flights").loop
    'late-flights'
    """
    if not loop:
        raise DeclarationError("after() names no loop", expected="the name of another loop of the project")
    return After(loop=loop)


def on_risk(*, tolerance: float = 0.1, run_length_days: float = 60.0, cooldown_days: float = 7.0) -> OnRisk:
    """Declare a retraining when the measured risk rises; see `OnRisk` for the meaning of the numbers."""
    check_amount("on_risk", "tolerance", tolerance, least=0)
    check_amount("on_risk", "run_length_days", run_length_days, above=0)
    check_amount("on_risk", "cooldown_days", cooldown_days, least=0, most=LONGEST_DAYS)
    return OnRisk(tolerance=tolerance, run_length_days=run_length_days, cooldown=timedelta(days=cooldown_days))
