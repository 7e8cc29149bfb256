"""Protobuf: the fields of a message, read without a schema and without building anything from it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from holdtrue.errors import FormatRefused

Field = int | bytes
MAX_FIELDS = 5_000_000


def read_fields(data: bytes) -> Mapping[int, Sequence[Field]]:
    """Return the values of each field of a message, by its number: whole numbers, or bytes (messages, texts, floats).

    Raises:
        FormatRefused: the bytes are no whole message.
    """
    found: dict[int, list[Field]] = defaultdict(list)
    place, n_fields = 0, 0
    while place < len(data):
        key, place = _read_number(data, place)
        number, kind = key >> 3, key & 7
        n_fields += 1
        if number == 0 or n_fields > MAX_FIELDS:
            raise FormatRefused("a field has no number, or there are too many", expected="an intact file")
        value: Field
        if kind == 0:
            value, place = _read_number(data, place)
        elif kind in (1, 2, 5):
            size, place = _read_number(data, place) if kind == 2 else (8 if kind == 1 else 4, place)
            if size > len(data) - place:
                raise FormatRefused(f"a field declares {size} bytes where fewer are left", expected="an intact file")
            value, place = data[place : place + size], place + size
        else:
            raise FormatRefused(f"a field is of kind {kind}", expected="an intact file")
        found[number].append(value)
    return found


def read_packed(values: Sequence[Field]) -> list[int]:
    """Return whole numbers that stand one by one or packed."""
    numbers: list[int] = []
    for value in values:
        if isinstance(value, int):
            numbers.append(value)
            continue
        place = 0
        while place < len(value):
            number, place = _read_number(value, place)
            numbers.append(number)
    return numbers


def read_text(values: Sequence[Field]) -> str:
    """Return the last of some texts; "" when there is none."""
    last = values[-1] if values else b""
    return last.decode(errors="replace") if isinstance(last, bytes) else ""


def read_messages(values: Sequence[Field]) -> list[Mapping[int, Sequence[Field]]]:
    """Return messages that stand in a field."""
    if not all(isinstance(value, bytes) for value in values):
        raise FormatRefused("a number stands where a message should", expected="an intact file")
    return [read_fields(value) for value in values if isinstance(value, bytes)]


def _read_number(data: bytes, place: int) -> tuple[int, int]:
    number, shift = 0, 0
    while place < len(data) and shift < 70:
        byte = data[place]
        number |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return number, place
        shift += 7
    raise FormatRefused("a number has no end", expected="an intact file")
