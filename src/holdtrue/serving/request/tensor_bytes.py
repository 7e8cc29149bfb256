"""Tensor bytes: the values of a tensor as the binary extension of the V2 protocol lays them out.

Little endian, row by row, nothing between; a BYTES value is four bytes of length and its UTF-8 text. There is no way to
write null.
"""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holdtrue.serving.request.field import shorten
from holdtrue.serving.request.refusal import Code, Refused

TEXT = "BYTES"
_HALF = "BF16"
_TYPES = {
    "BOOL": "u1",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
    _HALF: "<u2",  # the upper half of a 32-bit float, which numpy has no type for
    **{f"INT{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"UINT{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
}
_LENGTH = struct.Struct("<I")


def decode_values(data: memoryview, datatype: str, *, name: str, n_values: int, path: str) -> list[object]:
    """Decode the values of one tensor.

    Args:
        data: its bytes and no others.
        datatype: one of the protocol's names.
        name: the tensor's, for messages.
        n_values: how many values the shape says.
        path: the JSON path of its values.

    Raises:
        Refused: other bytes than the shape says, a number that is not finite, or no UTF-8.
    """
    if datatype == TEXT:
        return _decode_texts(data, name, n_values, path)
    wanted = np.dtype(_TYPES[datatype]).itemsize * n_values
    if len(data) != wanted:
        found = f"the tensor {shorten(name)!r} has {len(data)} bytes"
        raise Refused(Code.WRONG_FORM, found, path=path, expected=f"{wanted}: {n_values} values of type {datatype}")
    values = np.frombuffer(data, _TYPES[datatype])
    if datatype == "BOOL":
        return _read_booleans(values, path)
    numbers = (values.astype("<u4") << 16).view("<f4") if datatype == _HALF else values
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
        place = int(np.flatnonzero(~np.isfinite(numbers))[0])
        remedy = 'send the tensor as JSON, {"data": [...]}, with null for a value that is missing'
        raise Refused(
            Code.NOT_FINITE, "NaN or Infinity", path=f"{path}[{place}]", expected="a finite number", remedy=remedy
        )
    return list(numbers.tolist())


def encode_values(values: Sequence[object], datatype: str) -> bytes:
    """Encode values of type FP64 or BYTES, the types that answers have."""
    if datatype == TEXT:
        texts = [str(value).encode() for value in values]
        return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))
    return np.asarray(values, _TYPES[datatype]).tobytes()


def _read_booleans(values: NDArray[np.uint8], path: str) -> list[object]:
    odd = np.flatnonzero(values > 1)
    if len(odd):
        place = int(odd[0])
        found = f"the byte {int(values[place])}"
        raise Refused(Code.WRONG_TYPE, found, path=f"{path}[{place}]", expected="0 for false or 1 for true")
    return [bool(value) for value in values]


def _decode_texts(data: memoryview, name: str, n_values: int, path: str) -> list[object]:
    texts: list[object] = []
    start = 0
    while start < len(data) and len(texts) < n_values:
        place = f"{path}[{len(texts)}]"
        end = start + _LENGTH.size
        end += _LENGTH.unpack(data[start:end])[0] if end <= len(data) else 0
        if end > len(data):
            found = f"a value of {shorten(name)!r} ends after the {len(data)} bytes of its tensor"
            raise Refused(Code.WRONG_FORM, found, path=place, expected="4 bytes of length, then as many bytes")
        try:
            texts.append(str(data[start + _LENGTH.size : end], "utf-8"))
        except UnicodeDecodeError:
            found = f"a value of {shorten(name)!r} is not UTF-8"
            raise Refused(Code.MALFORMED, found, path=place, expected="text in UTF-8") from None
        start = end
    if start != len(data) or len(texts) != n_values:
        found = f"the bytes of {shorten(name)!r} hold {len(texts)}{' or more' if start < len(data) else ''} values"
        raise Refused(Code.WRONG_FORM, found, path=path, expected=f"{n_values}, as the shape says")
    return texts
