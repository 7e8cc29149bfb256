"""Digests: the name of a thing is the hash of what it is."""

import hashlib
from typing import Any

import msgspec

Json = Any  # what JSON can say: None, bool, int, float, str, lists and string-keyed mappings of these


def encode_canonically(thing: object) -> bytes:
    """Encode a noun as JSON in one way only: sorted keys, no white space, dataclasses as objects."""
    # Keys become text first: sorting is for text keys alone, and numbers are names here.
    plain = msgspec.to_builtins(thing, str_keys=True)
    return msgspec.json.encode(plain, order="deterministic")


def digest_of(thing: object) -> str:
    """Return the sha256 (64 hex digits) of a noun's canonical JSON.

    >>> digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
    True
    """
    return hashlib.sha256(encode_canonically(thing)).hexdigest()
