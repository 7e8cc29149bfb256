"""Every error that holdtrue raises on purpose, named by the state of the world that it found.

    HoldtrueError
    ├── DeclarationError        what the user wrote in loop.py cannot be meant
    ├── SourceError             the user's data is not as the loop declares it
    │   ├── SourceMissing       the file or the table is not there
    │   ├── ColumnMissing       a declared column is not there
    │   └── SchemaMismatch      values or types break the schema
    ├── LabelError              labels cannot be used as they came
    │   └── LabelsScarce        too few have come yet for what is asked
    ├── RequestInvalid          a request breaks the signature (has the JSON path)
    ├── TrainingFailed          the user's train raised, died or returned nothing usable
    ├── FormatRefused           a model is in a form that cannot be stored or loaded safely
    ├── NotFound                a name, id or version that nobody knows
    ├── StateConflict           someone else changed it first, or holds it now
    │   ├── ProjectBusy         another process controls this project
    │   └── PortTaken           another process listens there
    ├── PromotionRefused        no passed, unexpired verdict stands behind a version
    ├── StoreFailed             the disk or the database refused: nothing was half-written
    │   ├── StoreAway           the server of the database does not answer
    │   └── TrackingRefused     the tracking server does not take what is written
    └── StatisticsError         a number that no statistic can be made of

Messages say what was found, what was expected, and what to do next. Exit codes and HTTP codes are given at the edges.
"""

from collections.abc import Mapping


class HoldtrueError(Exception):
    """The root of all errors that holdtrue raises on purpose.

    Attributes:
        found: what was there.
        expected: what would have been right.
        remedy: what to do next.
    """

    def __init__(self, found: str, *, expected: str = "", remedy: str = "") -> None:
        self.found = found
        self.expected = expected
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        parts = [self.found.rstrip(".") + "."]
        if self.expected:
            parts.append(f"Expected: {self.expected.rstrip('.')}.")
        if self.remedy:
            parts.append(f"Do this: {self.remedy.rstrip('.')}.")
        return " ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.found, self.expected, self.remedy, dict(self.__dict__)))


def _rebuild(
    kind: type[HoldtrueError], found: str, expected: str, remedy: str, facts: dict[str, object]
) -> HoldtrueError:
    error = kind.__new__(kind)
    HoldtrueError.__init__(error, found, expected=expected, remedy=remedy)
    error.__dict__.update(facts)
    return error


class DeclarationError(HoldtrueError):
    """What the user declared cannot be meant."""


class SourceError(HoldtrueError):
    """The user's data is not as the loop declares it."""


class SourceMissing(SourceError):
    """The file or table that the loop names is not there."""


class ColumnMissing(SourceError):
    """A column that the loop names is not in the data."""


class SchemaMismatch(SourceError):
    """Values or types break the schema."""


class LabelError(HoldtrueError):
    """Labels cannot be used as they came."""


class LabelsScarce(LabelError):
    """Too few labels have come yet for what is asked: it is not wrong, and more of them will do."""


class RequestInvalid(HoldtrueError):
    """A request breaks the signature of the version; `path` is the JSON path of the offending place."""

    def __init__(self, found: str, *, path: str = "$", expected: str = "", remedy: str = "") -> None:
        self.path = path
        super().__init__(found, expected=expected, remedy=remedy)


class TrainingFailed(HoldtrueError):
    """The user's train raised, died or returned nothing usable; `traceback_text` is theirs, not ours.

    `account` is what the training did before, as JSON; None where its process could not tell.
    """

    def __init__(self, found: str, *, traceback_text: str = "", expected: str = "", remedy: str = "") -> None:
        self.traceback_text = traceback_text
        self.account: Mapping[str, object] | None = None
        super().__init__(found, expected=expected, remedy=remedy)


class FormatRefused(HoldtrueError):
    """A model is in a form that cannot be stored or loaded safely."""


class NotFound(HoldtrueError):
    """A name, id or version that nobody knows."""


class StateConflict(HoldtrueError):
    """Someone else changed the state first, or holds it now."""


class ProjectBusy(StateConflict):
    """Another living process controls this project."""


class PortTaken(StateConflict):
    """Another process listens on the port."""


class PromotionRefused(HoldtrueError):
    """No passed, unexpired verdict stands behind the version."""


class StoreFailed(HoldtrueError):
    """The disk or the database refused; nothing was half-written."""


class StoreAway(StoreFailed):
    """The server of the database does not answer, or has cut the connection."""


class TrackingRefused(StoreFailed):
    """The tracking server is there, and does not take what is written."""


class StatisticsError(HoldtrueError):
    """A number that no statistic can be made of."""
