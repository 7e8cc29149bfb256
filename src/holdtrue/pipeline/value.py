"""Values: what steps may hand on, and how it is kept: JSON as it is, all else as artifacts named by their digest."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from holdtrue.domain import Json
from holdtrue.errors import DeclarationError
from holdtrue.pipeline.form import dump_form, load_form

_ARTIFACT = "$artifact"
_FORM = "$form"  # beside the digest, where the bytes are more than bytes
_WIDEST = 1 << 63
_DEEPEST = 100
_REMEDIES = {
    "LazyFrame": "end the step with .collect()",
    "generator": "return list(...) of it",
    "set": "return sorted(...) of it",
    "frozenset": "return sorted(...) of it",
    "bytearray": "return bytes(...) of it",
    "date": "return its .isoformat()",
    "datetime": "return its .isoformat()",
    "PosixPath": "return the bytes of the file, for a file may have changed when the next step reads it",
}


@dataclass(frozen=True, kw_only=True)
class Input:
    """Something in memory that is not kept between steps, such as a dataset; `digest` says what it is.

    It goes into the cache's keys by the digest alone, so whoever gives it answers for two things of one digest being
    equal. `copy` makes what each step gets of it, so that no step sees what another did to its own; without one all
    get the value itself.
    """

    value: object
    digest: str
    copy: Callable[[], object] | None = None


def encode_value(value: object, *, place: str, put: Callable[[bytes], str]) -> Json:
    """Return a value as JSON, with `put` called for the bytes, frames, arrays and models in it.

    Raises:
        DeclarationError: something in it cannot be kept; `place` and the path to it are named.
    """
    return _encode(value, place, put, 0)


def _encode(value: object, place: str, put: Callable[[bytes], str], depth: int) -> Json:
    if isinstance(value, bytes):
        return {_ARTIFACT: put(value)}
    if isinstance(value, list | tuple | dict):
        if depth == _DEEPEST:
            remedy = "hand on the parts, and not the whole in each of them"
            raise _refusal(f"more than {_DEEPEST} lists and dicts in one another", place.partition("[")[0], remedy)
        return _encode_parts(value, place, put, depth + 1)
    is_plain = value is None or type(value) in {bool, int, float, str}
    if not is_plain:
        formed = dump_form(value, place=place)
        if formed is not None:
            return {_ARTIFACT: put(formed[1]), _FORM: formed[0]}
        kind = type(value)
        remedy = _REMEDIES.get(kind.__name__, "return the bytes of a file format for anything else")
        raise _refusal(f"a {kind.__module__}.{kind.__qualname__}", place, remedy)
    _refuse_beyond_json(value, place)
    return value


def _encode_parts(
    value: "list[Any] | tuple[Any, ...] | dict[Any, Any]", place: str, put: Callable[[bytes], str], depth: int
) -> Json:
    if not isinstance(value, dict):
        return [_encode(item, f"{place}[{i}]", put, depth) for i, item in enumerate(value)]
    for key in value:
        if not isinstance(key, str) or key in {_ARTIFACT, _FORM}:
            raise _refusal(f"the key {key!r}", place, "name the keys by other texts, such as str(key)")
        _refuse_beyond_json(key, place)
    return {key: _encode(item, f"{place}.{key}", put, depth) for key, item in value.items()}


def _refuse_beyond_json(value: object, place: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        remedy = "return None where there is no number; frames and arrays may hold it too"
        raise _refusal(f"the number {value}", place, remedy)
    if isinstance(value, int) and not -_WIDEST <= value < _WIDEST:
        raise _refusal(f"a number of {value.bit_length()} bits", place, "return a float or the text of it")
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as broken:
            found = f"a text that UTF-8 cannot say (character {broken.start} is {value[broken.start]!r})"
            raise _refusal(found, place, "read it with its own encoding, or return its bytes") from broken


def decode_value(encoded: Json, *, get: Callable[[str], bytes]) -> Any:
    """Return a fresh copy of the value that was encoded, with `get` called for the artifacts in it."""
    if isinstance(encoded, list):
        return [decode_value(item, get=get) for item in encoded]
    if isinstance(encoded, dict):
        if _ARTIFACT in encoded:
            data = get(encoded[_ARTIFACT])
            return load_form(encoded[_FORM], data) if _FORM in encoded else data
        return {key: decode_value(item, get=get) for key, item in encoded.items()}
    return encoded


def list_artifacts(encoded: Json) -> Iterator[str]:
    """Return the digests of the artifacts that an encoded value refers to."""
    if isinstance(encoded, dict):
        if _ARTIFACT in encoded:
            yield encoded[_ARTIFACT]
            return
        encoded = list(encoded.values())
    if isinstance(encoded, list):
        for item in encoded:
            yield from list_artifacts(item)


def _refusal(found: str, place: str, remedy: str) -> DeclarationError:
    return DeclarationError(
        f"{place} holds {found}, which cannot be kept between steps",
        expected="polars frames, numpy arrays, models in a safe format, JSON, bytes, and lists and dicts of these",
        remedy=remedy,
    )
