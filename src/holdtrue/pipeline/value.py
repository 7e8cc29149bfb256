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


@dataclass(frozen=True, kw_only=True)
class Input:
    """Something in memory that steps get as it is, such as a dataset; `digest` says what it is.

    It goes into the cache's keys by the digest alone, so whoever gives it answers for two things of one digest being
    equal. It is shared between steps, not copied: a step must not change it.
    """

    value: object
    digest: str


def encode_value(value: object, *, place: str, put: Callable[[bytes], str]) -> Json:
    """Return a value as JSON, with `put` called for the bytes, frames, arrays and models in it.

    Raises:
        DeclarationError: something in it cannot be kept; `place` and the path to it are named.
    """
    if isinstance(value, bytes):
        return {_ARTIFACT: put(value)}
    if isinstance(value, list | tuple):
        return [encode_value(item, place=f"{place}[{i}]", put=put) for i, item in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or key in {_ARTIFACT, _FORM}:
                raise _refusal(f"the key {key!r}", place)
        return {key: encode_value(item, place=f"{place}.{key}", put=put) for key, item in value.items()}
    is_plain = value is None or type(value) in {bool, int, float, str}
    if not is_plain:
        formed = dump_form(value, place=place)
        if formed is not None:
            return {_ARTIFACT: put(formed[1]), _FORM: formed[0]}
        raise _refusal(f"a {type(value).__module__}.{type(value).__qualname__}", place)
    if isinstance(value, float) and not math.isfinite(value):
        raise _refusal(f"the number {value}", place)
    if isinstance(value, int) and not -_WIDEST <= value < _WIDEST:
        raise _refusal(f"a number of {value.bit_length()} bits", place)
    return value


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


def _refusal(found: str, place: str) -> DeclarationError:
    return DeclarationError(
        f"{place} holds {found}, which cannot be kept between steps",
        expected="polars frames, numpy arrays, models in a safe format, JSON, bytes, and lists and dicts of these",
        remedy="return the bytes of a file format for anything else",
    )
