"""Entries: the functions that work is named by, "module:function", from JSON to JSON."""

import importlib
from collections.abc import Callable

import msgspec

from holdtrue.domain import Json
from holdtrue.errors import DeclarationError


def find_entry(entry: str) -> Callable[[Json], Json]:
    """Import the module of an entry and return its function; what the import itself raises passes through."""
    module_name, _, function_name = entry.partition(":")
    if not module_name or not function_name:
        raise DeclarationError(f"the entry {entry!r} names no work", expected="module:function")
    found = importlib.import_module(module_name)
    for name in function_name.split("."):
        found = getattr(found, name, None)  # type: ignore[assignment]
    if not callable(found):
        raise DeclarationError(f"the entry {entry!r} is not there", expected=f"a function of the module {module_name}")
    return found


def encode_json(thing: Json, *, role: str) -> bytes:
    """Encode what crosses between processes; anything that JSON cannot say is refused by name."""
    try:
        return msgspec.json.encode(thing)
    except (TypeError, ValueError, OverflowError, RecursionError) as refusal:
        raise DeclarationError(
            f"the {role} is not JSON: {refusal}",
            expected="None, bool, int, float, str, and lists and string-keyed mappings of these",
        ) from refusal


def call_encoded(entry: str, payload: bytes | msgspec.Raw) -> bytes:
    """Call an entry with encoded JSON and return its result encoded."""
    return encode_json(find_entry(entry)(msgspec.json.decode(payload)), role=f"result of {entry}")


def call_entry(entry: str, payload: Json) -> Json:
    """Call an entry the way that a child would: payload and result go through JSON."""
    return msgspec.json.decode(call_encoded(entry, encode_json(payload, role=f"payload for {entry}")))
