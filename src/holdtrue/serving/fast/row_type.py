"""RowType: a struct generated from a signature, which decodes a row and checks it in one go.

It refuses more than the row reader does and never less: what it refuses goes the careful way, where the reader decides
and names the place.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from holdtrue.domain import Column, Kind, Schema, make_predicate
from holdtrue.serving.request.row import LONGEST_NAME, EventNames, read_moment

_INT64 = 2**63
_PLAIN: Mapping[Kind, Any] = {Kind.NUMBER: float, Kind.INTEGER: int, Kind.BOOLEAN: bool, Kind.TEXT: str}
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)] | int | None
# What a request may never say: no number is of this type, and nothing else either.
_Never = Annotated[int, msgspec.Meta(gt=0, lt=0)] | msgspec.UnsetType

Values = Sequence[Any]
PlainRow = Any
"""A row as the struct holds it: the raw columns in their order, the names of the event, what it took of the past.

It is mutable, and encodes as what is logged of its features, once the event is taken out of it.
"""


class NotPlain(Exception):
    """The row, or the request, must go the careful way."""


class PlainEvent(msgspec.Struct, frozen=True, gc=False):
    """The event of a plain row; None for what it does not carry."""

    key: str | None
    unit: str | None
    seconds: float | None


@dataclass(frozen=True, eq=False)
class RowType:
    """How the plain rows of a loop are decoded.

    Attributes:
        struct: the generated type.
        kinds: the types of the raw columns and of the names of the event, as texts, in the order of the fields.
        n_features: how many of its fields are raw columns; they come first.
        has_more: whether it has other fields: the names of an event, and what is taken of the past.
        past_fields: the field of each feature of the past, by its name. No request can fill them; they are unset, and
            left out where the row is encoded, until the row has taken them.
        read_event: takes the event out of a row, so that what is left of it encodes as its features alone.
        is_allowed: says whether a row keeps the rules of the schema; None where it has none.
    """

    struct: type[msgspec.Struct]
    kinds: Mapping[str, Any]
    n_features: int
    has_more: bool
    past_fields: Mapping[str, str]
    read_event: Callable[[PlainRow], PlainEvent]
    is_allowed: Callable[[PlainRow], bool] | None


def name_form(schema: Schema) -> tuple[object, ...]:
    """Return what decides how rows of a schema are decoded; versions of one form can share a row type."""
    columns = tuple((column.name, column.kind, column.nullable, column.limits) for column in schema.columns)
    return columns, schema.rules


def make_row_type(schema: Schema, names: EventNames, *, past_names: Sequence[str] = ()) -> RowType:
    """Generate the type of the rows that carry a schema's raw columns and an event under these names.

    `past_names` are the features that a version takes of the past; none may be the name of anything else.
    """
    features = [(f"f{i}", _annotate(column)) for i, column in enumerate(schema.columns)]
    extra = [name for name in dict.fromkeys(names.declared) if name not in schema.names]
    events = [(f"e{i}", str | None if name == names.time else _Name, None) for i, name in enumerate(extra)]
    pasts: list[Any] = [(f"p{i}", _Never, msgspec.UNSET) for i in range(len(past_names))]
    spelt = {f"f{i}": name for i, name in enumerate(schema.names)} | {f"e{i}": name for i, name in enumerate(extra)}
    spelt |= {f"p{i}": name for i, name in enumerate(past_names)}
    struct = msgspec.defstruct(
        "PlainRow",
        [*features, *events, *pasts],
        rename=spelt,
        forbid_unknown_fields=True,
        omit_defaults=True,
        gc=False,
    )
    fields = {name: field for field, name in spelt.items()}
    return RowType(
        struct=struct,
        kinds={spelt[field]: kind for field, kind in features} | dict.fromkeys(extra, str | None),
        n_features=len(features),
        has_more=bool(extra or pasts),
        past_fields={name: f"p{i}" for i, name in enumerate(past_names)},
        read_event=_make_event_reader(names, fields, extra),
        is_allowed=_make_rule_check(schema),
    )


def _annotate(column: Column) -> Any:
    limits = column.limits
    if column.is_closed:
        plain: Any = Literal[limits.levels]
    elif column.kind is Kind.TEXT or column.kind is Kind.BOOLEAN:
        plain = _PLAIN[column.kind]
    else:
        low, high = limits.low, limits.high
        if column.kind is Kind.INTEGER:
            low = -_INT64 if low is None else math.ceil(low)
            high = _INT64 - 1 if high is None else math.floor(high)
        plain = Annotated[_PLAIN[column.kind], msgspec.Meta(ge=low, le=high)]
    return plain | None if column.nullable else plain


def _make_event_reader(
    names: EventNames, fields: Mapping[str, str], extra: Sequence[str]
) -> Callable[[PlainRow], PlainEvent]:
    key_field, unit_field, time_field = (
        None if name is None else fields[name] for name in (names.key, names.unit, names.time)
    )
    cleared = [fields[name] for name in extra]
    nothing = PlainEvent(None, None, None)

    def read_event(row: PlainRow) -> PlainEvent:
        key = None if key_field is None else _spell(getattr(row, key_field))
        unit = None if unit_field is None else _spell(getattr(row, unit_field))
        seconds = None
        if time_field is not None and (value := getattr(row, time_field)) is not None:
            moment = read_moment(value, "$")
            seconds = moment.timestamp()
            if key_field is None:  # the moment stands for the key that the loop does not declare
                key = moment.isoformat()
        for field in cleared:
            setattr(row, field, None)
        return PlainEvent(key, unit, seconds)

    return read_event if names.declared else lambda _: nothing


def _spell(value: object) -> str | None:
    if value is None or isinstance(value, str):
        if value is not None and not 0 < len(value) <= LONGEST_NAME:
            raise NotPlain
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise NotPlain
    return str(value)


def _make_rule_check(schema: Schema) -> Callable[[PlainRow], bool] | None:
    kinds = {column.name: column.kind for column in schema.columns}
    asked = [make_predicate(rule.text, kinds) for rule in schema.rules]
    predicates = [predicate for predicate in asked if predicate is not None]
    fields = [(name, f"f{i}") for i, name in enumerate(schema.names)]

    def is_allowed(row: PlainRow) -> bool:
        values = {name: getattr(row, field) for name, field in fields}
        return not any(predicate.ask(values) is False for predicate in predicates)

    return is_allowed if predicates else None
