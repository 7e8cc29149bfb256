"""Rows: one record of a request, read against the signature of the version that answers it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from holdtrue.domain import Predicate, Rule, Signature, make_predicate
from holdtrue.serving.request.field import UNSEEN, describe_value, make_field_reader, name_some, shorten, suggest_name
from holdtrue.serving.request.place import Place
from holdtrue.serving.request.refusal import Code, Refused

LONGEST_NAME = 512
_YEARS = range(1900, 2201)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventNames:
    """The names under which a record carries its event, beside the features; None where the loop declares none."""

    key: str | None = None
    unit: str | None = None
    time: str | None = None

    @property
    def declared(self) -> tuple[str, ...]:
        """Return the names that are declared."""
        return tuple(name for name in (self.key, self.unit, self.time) if name is not None)


@dataclass(frozen=True, slots=True)
class Event:
    """Which event a record is, who is exposed by it, and its business moment (Unix seconds UTC)."""

    key: str
    unit: str
    time: float


@dataclass(frozen=True, slots=True)
class Row:
    """The values of one record.

    Attributes:
        values: what the model takes, in the order of the schema.
        features: the values as they came, by name.
        n_unseen: how many were levels that training had not seen (taken as missing).
    """

    values: list[object]
    features: dict[str, object]
    n_unseen: int


def read_event(record: Mapping[str, object], names: EventNames, place: Place, *, otherwise: Event) -> Event:
    """Read the event of a record; what it does not carry is taken from `otherwise`.

    Where the loop declares no key, the moment stands for it, spelt as the data room does. A missing unit is the key.
    """
    moment = None
    if names.time is not None and record.get(names.time) is not None:
        moment = read_moment(record[names.time], place.field(names.time))
    key = read_name(record, names.key, place)
    if key is None:
        key = moment.isoformat() if names.key is None and moment is not None else otherwise.key
    unit = read_name(record, names.unit, place)
    seconds = otherwise.time if moment is None else moment.timestamp()
    return Event(key, key if unit is None else unit, seconds)


def read_moment(value: object, path: str) -> datetime:
    """Read a moment with a zone, such as "2013-09-01T10:00:00Z"; return it in UTC."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.year not in _YEARS:
        raise _refuse_moment(value, moment, path)
    return moment.astimezone(UTC)


def _refuse_moment(value: object, moment: datetime | None, path: str) -> Refused:
    expected = 'ISO 8601 with a zone, such as "2013-09-01T10:00:00Z"'
    if not isinstance(value, str):
        return Refused(Code.WRONG_TYPE, f"the moment is {describe_value(value)}", path=path, expected=expected)
    found = f'the moment "{shorten(value)}"'
    if moment is None:
        return Refused(Code.WRONG_TYPE, f"{found} cannot be read", path=path, expected=expected)
    if moment.tzinfo is None:
        return Refused(Code.NO_TIME_ZONE, f"{found} has no zone", path=path, expected=expected, remedy="add Z for UTC")
    return Refused(Code.OUT_OF_RANGE, f"{found} is out of range", path=path, expected="the years 1900 to 2200")


class RowReader:
    """Reads records as the rows of one version."""

    def __init__(self, signature: Signature) -> None:
        self._label = signature.label
        schema = signature.given
        self._readers = [(column.name, make_field_reader(column)) for column in schema.columns]
        self._names = frozenset(schema.names)
        kinds = {column.name: column.kind for column in schema.columns}
        asked = [(rule, make_predicate(rule.text, kinds)) for rule in schema.rules]
        # What a predicate cannot say is checked on tables alone.
        self._rules = [(rule, predicate) for rule, predicate in asked if predicate is not None]

    def read(self, record: Mapping[str, object], place: Place, *, known: frozenset[str]) -> Row:
        """Read one record; `Refused` names the first field that the signature does not allow, or the broken rule.

        `known` are the other names that a record may carry: the event's, and the features of other versions in charge.
        """
        values: list[object] = []
        features: dict[str, object] = {}
        n_unseen = 0
        for name, read_field in self._readers:
            if name not in record:
                self._refuse_unknown(record, place, known)
                raise Refused(
                    Code.MISSING_FIELD, f"the field {name!r} is missing", path=place.row, expected=self._say_names()
                )
            value = read_field(record[name], place)
            # A number is logged as the number that the model took, whether it came as 1400 or as 1400.0.
            features[name] = value if isinstance(value, float) else record[name]
            if value is UNSEEN:
                n_unseen += 1
                value = None
            values.append(value)
        if len(record) > len(features):
            self._refuse_unknown(record, place, known)
        for rule, predicate in self._rules:
            if predicate.ask(features) is False:
                raise _refuse_rule(rule, predicate, features, place)
        return Row(values, features, n_unseen)

    def salvage(self, record: Mapping[str, object], place: Place) -> Row:
        """Return what of a record that breaks the schema is good by itself; every other value is missing."""
        values: dict[str, object] = {}
        for name, read_field in self._readers:
            with suppress(Refused):
                value = read_field(record.get(name), place)
                values[name] = None if value is UNSEEN else value
        features = {name: record[name] if values.get(name) is not None else None for name, _ in self._readers}
        return Row([values.get(name) for name, _ in self._readers], features, 0)

    def _refuse_unknown(self, record: Mapping[str, object], place: Place, known: frozenset[str]) -> None:
        for name in record:
            if name in self._names or name in known:
                continue
            is_label = name == self._label
            raise Refused(
                Code.UNKNOWN_FIELD,
                f"the field {shorten(name)!r} is {'what is to be predicted' if is_label else 'not known'}",
                path=place.field(name),
                expected=self._say_names(),
                remedy="leave it out" if is_label else suggest_name(name, self._names | known),
            )

    def _say_names(self) -> str:
        return f"the features {name_some(name for name, _ in self._readers)}"


def _refuse_rule(rule: Rule, predicate: Predicate, features: Mapping[str, object], place: Place) -> Refused:
    values = ", ".join(f"{name!r} is {describe_value(features[name])}" for name in predicate.names)
    found = f"the row breaks the rule {rule.name!r}: {values}"
    return Refused(Code.RULE_BROKEN, found, path=place.row, expected=rule.text)


def read_name(record: Mapping[str, object], name: str | None, place: Place) -> str | None:
    """Read a key or a unit: text as it is, a whole number as its digits."""
    value = None if name is None else record.get(name)
    if value is None or name is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        found, expected = f"{name!r} is {describe_value(value)}", "text or a whole number"
        raise Refused(Code.WRONG_TYPE, found, path=place.field(name), expected=expected)
    text = value if isinstance(value, str) else str(value)
    if not 0 < len(text) <= LONGEST_NAME:
        found, expected = f"{name!r} has {len(text)} characters", f"1 to {LONGEST_NAME}"
        raise Refused(Code.OUT_OF_RANGE, found, path=place.field(name), expected=expected)
    return text
