"""Row: the JSON Schema of one row of a loop, from the signatures of its versions in charge."""

from collections.abc import Sequence

from holdtrue.domain import Column, Json, Kind
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop
from holdtrue.serving.request.row import LONGEST_NAME

_TYPES = {Kind.NUMBER: "number", Kind.INTEGER: "integer", Kind.BOOLEAN: "boolean", Kind.TEXT: "string"}
_INT64 = 2**63
_SHOWN_LEVELS = 5


def describe_row(served: ServedLoop) -> dict[str, Json]:
    """Return the schema of a row by name: every feature of every version in charge, and the parts of the event."""
    columns = list_columns(served)
    properties: dict[str, Json] = {column.name: describe_column(column) for column in columns}
    properties.update({name: part for name, part in describe_event(served.champion).items() if name not in properties})
    row: dict[str, Json] = {
        "type": "object",
        "properties": properties,
        "required": [column.name for column in columns],
        "additionalProperties": False,
    }
    rules = served.champion.release.version.signature.given.rules
    if rules:
        row["description"] = "Each row keeps " + "; ".join(f"{rule.name}: {rule.text}" for rule in rules) + "."
    example = find_example(served)
    return row if example is None else {**row, "examples": [example]}


def list_columns(served: ServedLoop) -> list[Column]:
    """Return the champion's features in its order, then those that only others in charge have."""
    numbers = sorted(served.traffic.shares, key=lambda number: number != served.traffic.champion)
    columns: dict[str, Column] = {}
    for number in numbers:
        for column in served.versions[number].release.version.signature.given.columns:
            columns.setdefault(column.name, column)
    return list(columns.values())


def describe_column(column: Column) -> dict[str, Json]:
    """Return the schema of one value: its type, what it refuses, and in words what was seen."""
    told: dict[str, Json] = {"type": [_TYPES[column.kind], "null"] if column.nullable else _TYPES[column.kind]}
    limits = column.limits
    if column.kind is Kind.INTEGER:
        low, high = limits.low, limits.high
        told["minimum"] = -_INT64 if low is None else low
        told["maximum"] = _INT64 - 1 if high is None else high
    elif column.kind is Kind.NUMBER:
        told.update({"minimum": limits.low} if limits.low is not None else {})
        told.update({"maximum": limits.high} if limits.high is not None else {})
    if limits.levels is not None:
        told["enum"] = [*limits.levels, None] if column.nullable else list(limits.levels)
    elif column.levels:
        told["examples"] = list(column.levels[:_SHOWN_LEVELS])
    said = _say(column)
    return {**told, "description": said} if said else told


def describe_event(version: LoadedVersion) -> dict[str, Json]:
    """Return the schemas of key, unit and time, by the names that requests carry them under."""
    names = version.names
    name: Json = {"type": ["string", "integer", "null"], "minLength": 1, "maxLength": LONGEST_NAME}
    told: dict[str, Json] = {}
    if names.time is not None:
        moment = "When the prediction is made, with a zone; left out, now."
        told[names.time] = {"type": ["string", "null"], "format": "date-time", "description": moment}
    if names.unit is not None:
        told[names.unit] = {**name, "description": "Who or what is exposed; left out, the key."}
    if names.key is not None:
        told[names.key] = {**name, "description": "Names the event; its label is joined by it."}
    return told


def find_example(served: ServedLoop) -> dict[str, Json] | None:
    """Return a row of the champion's own sample; None when it has none, or others in charge want more than it has."""
    sample = served.champion.release.sample
    wanted = {column.name for column in list_columns(served)}
    return dict(sample[0]) if sample and wanted <= set(sample[0]) else None


def _say(column: Column) -> str:
    said: list[str] = []
    if column.unit:
        said.append(f"Unit: {column.unit}.")
    if column.low is not None and column.high is not None:
        said.append(f"Seen from {column.low:g} to {column.high:g}.")
    if column.kind is Kind.TEXT and not column.is_closed:
        said.append("A text that training has not seen is taken as missing.")
    return " ".join(said)


def list_features(columns: Sequence[Column]) -> list[Json]:
    """Return the schemas of a row that is a list."""
    return [describe_column(column) for column in columns]
