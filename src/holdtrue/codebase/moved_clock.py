"""Moved clock: stand-ins for `datetime` and `time` whose present is another, to find code that looks at the clock."""

import datetime as dates
import time
from types import ModuleType
from typing import Any

MOVED = dates.timedelta(days=1_003, hours=7, minutes=11)


def move_clocks() -> dict[str, ModuleType]:
    """Return modules in the place of `datetime` and `time` by which it is almost three years later.

    Clocks that an installed library reads are not moved.
    """
    moved_dates, moved_time = ModuleType("datetime"), ModuleType("time")
    vars(moved_dates).update({**vars(dates), "datetime": _MovedDatetime, "date": _MovedDate})
    seconds = MOVED.total_seconds()
    vars(moved_time).update(
        {
            **vars(time),
            "time": lambda: time.time() + seconds,
            "time_ns": lambda: time.time_ns() + int(seconds) * 10**9,
            "gmtime": lambda at=None: time.gmtime(time.time() + seconds if at is None else at),
            "localtime": lambda at=None: time.localtime(time.time() + seconds if at is None else at),
        }
    )
    return {"datetime": moved_dates, "time": moved_time}


class _Stand(type):
    """The kind of a class that stands for another: what is one of the other is one of it."""

    stood_for: type

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.stood_for)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, cls.stood_for)


class _MovedDatetime(dates.datetime, metaclass=_Stand):
    stood_for = dates.datetime

    def __new__(cls, *given: Any, **named: Any) -> Any:
        return dates.datetime(*given, **named)

    @classmethod
    def now(cls, tz: dates.tzinfo | None = None) -> Any:
        return dates.datetime.now(tz) + MOVED

    @classmethod
    def utcnow(cls) -> Any:
        return dates.datetime.now(dates.UTC).replace(tzinfo=None) + MOVED

    @classmethod
    def today(cls) -> Any:
        return dates.datetime.now() + MOVED


class _MovedDate(dates.date, metaclass=_Stand):
    stood_for = dates.date

    def __new__(cls, *given: Any, **named: Any) -> Any:
        return dates.date(*given, **named)

    @classmethod
    def today(cls) -> Any:
        return dates.datetime.now().date() + MOVED
