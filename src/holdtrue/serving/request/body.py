"""Requests: bodies decoded into records, each with its place; nothing here knows a model."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from holdtrue.serving.request.field import describe_value
from holdtrue.serving.request.place import Place, RowPlace, join_path
from holdtrue.serving.request.refusal import Code, Refused

BODY_LIMIT_BYTES = 1 << 20
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a request, and where it stood; `refused` when it is not even an object."""

    fields: Mapping[str, object]
    place: Place
    refused: Refused | None = None


def read_content_type(content_type: str | None, *, allowed: Sequence[str] = (JSON_TYPE,)) -> str:
    """Return which of the allowed types a body is declared as; refuse every other.

    A body without a type is refused too: a web page can send one to a server on loopback without asking it first.
    """
    declared = (content_type or "").split(";")[0].strip().lower()
    if declared in allowed:
        return declared
    raise Refused(
        Code.WRONG_CONTENT_TYPE,
        f"the content type is {declared[:60]!r}" if declared else "the request has no content type",
        expected=allowed[0] if len(allowed) == 1 else f"one of {', '.join(allowed)}",
        remedy=f"send the header Content-Type: {allowed[0]}",
    )


def decode_body(body: bytes) -> object:
    """Decode a JSON body; refuse what is no JSON, what is nested too deeply and numbers that no float can hold."""
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise Refused(
            Code.MALFORMED, f"the body is not UTF-8 at byte {error.start}", expected="JSON in UTF-8"
        ) from None
    except RecursionError:
        raise Refused(Code.MALFORMED, "the body is nested too deeply", expected="rows of plain values") from None
    except msgspec.DecodeError as error:
        raise _explain_malformed(body, str(error)) from None


def read_native(content: object, *, name: str = "rows") -> list[Record]:
    """Read the native form {"rows": [{...}, ...]} into records; `name` is the name of the list."""
    expected = f'{{"{name}": [{{...}}, ...]}}'
    if not isinstance(content, dict):
        raise Refused(Code.WRONG_FORM, f"the body is {describe_value(content)}", expected=expected)
    for member in content:
        if member != name:
            raise Refused(
                Code.UNKNOWN_FIELD,
                f"the body has the field {member[:60]!r}",
                path=join_path("$", member),
                expected=expected,
            )
    rows = content.get(name)
    if not isinstance(rows, list):
        found = f"{name!r} is {describe_value(rows)}" if name in content else f"the field {name!r} is missing"
        raise Refused(Code.WRONG_FORM, found, path=f"$.{name}", expected=expected)
    if not rows:
        raise Refused(Code.EMPTY, f"{name!r} is empty", path=f"$.{name}", expected="at least one")
    return [_read_record(row, RowPlace(i, name)) for i, row in enumerate(rows)]


def _read_record(row: object, place: RowPlace) -> Record:
    if isinstance(row, dict):
        return Record(row, place)
    refused = Refused(
        Code.WRONG_FORM, f"the row is {describe_value(row)}", path=place.row, expected="an object of names and values"
    )
    return Record({}, place, refused)


def _explain_malformed(body: bytes, complaint: str) -> Refused:
    """Say what is wrong; a NaN or a number beyond 64 bits is found by the lenient reader of the standard library."""
    try:
        path = _find_not_finite(json.loads(body), "$")
    except (ValueError, RecursionError):
        path = None
    if path is None:
        return Refused(Code.MALFORMED, f"the body is no JSON: {complaint}", expected="JSON in UTF-8")
    return Refused(
        Code.NOT_FINITE,
        "NaN, Infinity or a number that no 64-bit float can hold",
        path=path,
        expected="a finite number",
        remedy="send null for a value that is missing",
    )


def _find_not_finite(content: object, path: str) -> str | None:
    if isinstance(content, float):
        return None if math.isfinite(content) else path
    if isinstance(content, dict):
        members = ((join_path(path, name), value) for name, value in content.items())
    elif isinstance(content, list):
        members = ((f"{path}[{i}]", value) for i, value in enumerate(content))
    else:
        return None
    return next((found for place, value in members if (found := _find_not_finite(value, place)) is not None), None)
