"""Ubjson: reads the binary JSON in which XGBoost writes models, bounded by the bytes that are there."""

import struct
from typing import Any

import numpy as np

from holdtrue.domain import Json
from holdtrue.errors import FormatRefused

MAX_DEPTH = 24
_NUMBERS = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
_CONSTANTS: dict[bytes, Json] = {b"T": True, b"F": False, b"Z": None}


def read_ubjson(data: bytes) -> Json:
    """Return what UBJSON bytes hold; arrays of one numeric type come as numpy arrays.

    Raises:
        FormatRefused: they are not whole, nested too deeply, or declare more than there is.
    """
    reader = _Reader(data)
    value = reader.read_value(reader.take(1), 0)
    if reader.place != len(data):
        raise FormatRefused(f"{len(data) - reader.place} bytes stand after the model", expected="an intact file")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    def take(self, n_bytes: int) -> bytes:
        end = self.place + n_bytes
        if n_bytes < 0 or end > len(self._data):
            raise FormatRefused(f"the model declares {n_bytes} bytes where fewer are left", expected="an intact file")
        taken = self._data[self.place : end]
        self.place = end
        return taken

    def read_value(self, marker: bytes, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise FormatRefused("the model is nested too deeply", expected=f"at most {MAX_DEPTH} levels")
        if marker in _NUMBERS:
            form = _NUMBERS[marker]
            return struct.unpack(form, self.take(struct.calcsize(form)))[0]
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker == b"S":
            return self._read_text()
        if marker == b"[":
            return self._read_array(depth)
        if marker == b"{":
            return self._read_object(depth)
        raise FormatRefused(f"the byte {marker!r} begins no value", expected="an intact file")

    def _read_count(self) -> int:
        marker = self.take(1)
        if marker not in (b"i", b"U", b"I", b"l", b"L"):
            raise FormatRefused(f"a length begins with {marker!r}", expected="a whole number")
        count: int = self.read_value(marker, 0)
        if count < 0:
            raise FormatRefused(f"a length is {count}", expected="zero or more")
        return count

    def _read_text(self) -> str:
        return self.take(self._read_count()).decode(errors="replace")

    def _read_array(self, depth: int) -> Any:
        marker = self.take(1)
        if marker == b"$":
            return self._read_typed_array()
        if marker == b"#":
            return [self.read_value(self.take(1), depth + 1) for _ in range(self._read_count())]
        values = []
        while marker != b"]":
            values.append(self.read_value(marker, depth + 1))
            marker = self.take(1)
        return values

    def _read_typed_array(self) -> Any:
        form = _NUMBERS.get(self.take(1))
        if form is None or self.take(1) != b"#":
            raise FormatRefused("an array is of a type that no model has", expected="numbers")
        kind = np.dtype(form)
        return np.frombuffer(self.take(self._read_count() * kind.itemsize), dtype=kind)

    def _read_object(self, depth: int) -> dict[str, Json]:
        found: dict[str, Json] = {}
        marker = self.take(1)
        while marker != b"}":
            self.place -= 1
            name = self._read_text()
            if name in found:
                raise FormatRefused(f"the model names {name!r} twice", expected="each once")
            found[name] = self.read_value(self.take(1), depth + 1)
            marker = self.take(1)
        return found
