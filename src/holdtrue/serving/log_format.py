"""Log format: how a worker's log is written: a line for each event, as text for people or as JSON for programs.

No line holds what a client sent: of an exception the log has its kind and the places in the code, and not its message,
which may quote a value.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from holdtrue.domain import Json
from holdtrue.errors import HoldtrueError, RequestInvalid

LOGGER = "holdtrue.serving"
_FACTS = "facts"
_MOST_PLACES = 40


class LogFormat(StrEnum):
    """The form of a worker's log."""

    TEXT = "text"
    JSON = "json"


def start_log(form: LogFormat, *, slot: int) -> None:
    """Send all that this process logs to the error stream, which the supervisor keeps in the worker's file."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LineFormatter(form, slot))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger(LOGGER).setLevel(logging.INFO)
    logging.captureWarnings(True)


def log_event(event: str, facts: Mapping[str, Json], *, level: int = logging.INFO) -> None:
    """Log an event with what is known of it."""
    logging.getLogger(LOGGER).log(level, event, extra={_FACTS: dict(facts)})


class _LineFormatter(logging.Formatter):
    """Writes a record as one line, or as one and its traceback in the form for people."""

    def __init__(self, form: LogFormat, slot: int) -> None:
        super().__init__()
        self._form = form
        self._slot = slot

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event, facts = _read_record(record)
        level = record.levelname.lower()
        if self._form is LogFormat.JSON:
            head: dict[str, Json] = {"at": at, "level": level, "event": event, "worker": self._slot}
            return msgspec.json.encode({**head, "pid": record.process, **facts}).decode()
        places = facts.pop("traceback", [])
        told = " ".join([at, level, f"worker={self._slot}", event, *(_spell(*fact) for fact in facts.items())])
        return "\n".join([told, *(f"  {place}" for place in places)]) if isinstance(places, list) else told


def _read_record(record: logging.LogRecord) -> tuple[str, dict[str, Json]]:
    """Return event and facts; what others log is a note, and an exception, whoever logs it, a fault."""
    facts = getattr(record, _FACTS, None)
    if facts is not None:
        return record.msg, dict(facts)
    told: dict[str, Json] = {"logger": record.name, "message": record.getMessage()}
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return "note", told
    told |= {"error": type(error).__name__, "traceback": list(_list_places(error))}
    if isinstance(error, HoldtrueError) and not isinstance(error, RequestInvalid):
        told["why"] = str(error)  # our own words, of the world and not of a request
    return "fault", told


def _list_places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames[-_MOST_PLACES:]]


def _spell(name: str, value: Json) -> str:
    """Spell a fact for people.

    >>> _spell("versions", ["v1", "v2"]), _spell("why", "the disk is full")
    ('versions=v1,v2', 'why="the disk is full"')
    """
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return f'{name}="{text}"' if set(text) & set(' "\n') or not text else f"{name}={text}"
