"""Forms: the bodies that are decoded the short way: rows by name, and tensors of the Open Inference Protocol V2."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from holdtrue.domain import Kind, Schema
from holdtrue.serving.fast.row_type import NotPlain, PlainRow, RowType

MOST_ROWS = 64
"""A request of more rows would hold up the others of its tick."""

_FLOATING = frozenset({"FP16", "FP32", "FP64"})
_WHOLE = frozenset(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
_DATATYPES: Mapping[Kind, frozenset[str]] = {
    Kind.NUMBER: _FLOATING,
    Kind.INTEGER: _WHOLE,
    Kind.BOOLEAN: frozenset({"BOOL"}),
    Kind.TEXT: frozenset({"BYTES"}),
}
_Size = Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A decoded request: the client's own id, to be echoed, and its rows."""

    request_id: str | None
    rows: Sequence[PlainRow]


class Form(ABC):
    """A wire form of one loop."""

    @abstractmethod
    def decode(self, body: bytes) -> PlainRequest:
        """Decode a body.

        Raises:
            NotPlain: it must go the careful way; so does whatever makes msgspec raise.
        """


class NativeForm(Form):
    """Rows by name: `{"rows": [{...}]}`."""

    def __init__(self, row_type: RowType) -> None:
        rows = list[row_type.struct]  # type: ignore[name-defined]
        body = msgspec.defstruct("Body", [("rows", rows)], forbid_unknown_fields=True, gc=False)
        self._decoder = msgspec.json.Decoder(body)

    def decode(self, body: bytes) -> PlainRequest:
        """Decode a body."""
        rows: list[PlainRow] = self._decoder.decode(body).rows  # type: ignore[attr-defined]
        if not 0 < len(rows) <= MOST_ROWS:
            raise NotPlain
        return PlainRequest(None, rows)


class _Numbers(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A tensor of numbers alone, laid out row by row."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    shape: tuple[_Size, _Size]
    datatype: str
    data: list[float | None]


class _NumbersBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    inputs: tuple[_Numbers]
    id: str | None = None


class MatrixForm(Form):
    """One V2 tensor of shape [n_rows, n_features], for a schema of numbers."""

    def __init__(self, row_type: RowType, schema: Schema) -> None:
        self._make_row: Any = row_type.struct
        self._width = row_type.n_features
        nullable = {column.nullable for column in schema.columns}
        is_free = all(column.limits.low is None and column.limits.high is None for column in schema.columns)
        self._takes_nulls = False not in nullable
        # What every column takes alike is asked once; a row is held to its own columns only where they differ.
        self._kinds: Any = None if is_free and len(nullable) == 1 else _name_kinds(schema)
        self._decoder = msgspec.json.Decoder(_NumbersBody)

    def decode(self, body: bytes) -> PlainRequest:
        """Decode a body."""
        asked = self._decoder.decode(body)
        tensor, width = asked.inputs[0], self._width
        n_rows, n_columns = tensor.shape
        if n_columns != width or tensor.datatype not in _FLOATING or n_rows > MOST_ROWS:
            raise NotPlain
        data = tensor.data
        has_nulls = self._kinds is None and not self._takes_nulls and None in data
        if len(data) != n_rows * width or has_nulls:
            raise NotPlain
        if n_rows == 1:
            return PlainRequest(asked.id, (self._read_row(data),))
        return PlainRequest(asked.id, [self._read_row(data[at : at + width]) for at in range(0, len(data), width)])

    def _read_row(self, values: list[float | None]) -> PlainRow:
        if self._kinds is not None:
            msgspec.convert(values, self._kinds)
        return self._make_row(*values)


def _name_kinds(schema: Schema) -> Any:
    """Return the type of a row of numbers: within the limits of its columns, and null where they may be."""
    limits = [(column.nullable, msgspec.Meta(ge=column.limits.low, le=column.limits.high)) for column in schema.columns]
    kinds = tuple(Annotated[float, meta] | None if nullable else Annotated[float, meta] for nullable, meta in limits)
    return tuple[kinds]  # type: ignore[valid-type]


class _Column(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A tensor of one column."""

    name: str
    shape: Annotated[list[_Size], msgspec.Meta(min_length=1, max_length=2)]
    datatype: str
    data: list[int | float | str | bool | None]


class _ColumnsBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    inputs: Annotated[list[_Column], msgspec.Meta(min_length=1)]
    id: str | None = None


class ColumnsForm(Form):
    """V2 tensors of one column each, named as the features and the parts of the event are."""

    def __init__(self, row_type: RowType, schema: Schema) -> None:
        self._struct = row_type.struct
        self._datatypes = {column.name: _DATATYPES[column.kind] for column in schema.columns}
        self._decoder = msgspec.json.Decoder(_ColumnsBody)

    def decode(self, body: bytes) -> PlainRequest:
        """Decode a body."""
        asked = self._decoder.decode(body)
        tensors = {tensor.name: tensor for tensor in asked.inputs}
        n_rows = asked.inputs[0].shape[0]
        if len(tensors) != len(asked.inputs) or n_rows > MOST_ROWS:
            raise NotPlain
        if not all(self._is_plain(tensor, n_rows) for tensor in asked.inputs):
            raise NotPlain
        rows = [
            msgspec.convert({name: tensor.data[i] for name, tensor in tensors.items()}, self._struct)
            for i in range(n_rows)
        ]
        return PlainRequest(asked.id, rows)

    def _is_plain(self, tensor: _Column, n_rows: int) -> bool:
        shape, data = tensor.shape, tensor.data
        is_column = shape[0] == n_rows and shape[-1] == (n_rows if len(shape) == 1 else 1)
        if not is_column or len(data) != n_rows:
            return False
        allowed = self._datatypes.get(tensor.name)
        if allowed is None:  # a part of the event, which is text here, though a row by name may give it as a number
            return tensor.datatype == "BYTES" and all(value is None or isinstance(value, str) for value in data)
        return tensor.datatype in allowed


class TensorForm(Form):
    """V2 tensors either way; the way that the last request came is tried first."""

    def __init__(self, row_type: RowType, schema: Schema) -> None:
        self._forms: list[Form] = [ColumnsForm(row_type, schema)]
        if row_type.n_features > 1 and all(column.kind is Kind.NUMBER for column in schema.columns):
            self._forms.insert(0, MatrixForm(row_type, schema))

    def decode(self, body: bytes) -> PlainRequest:
        """Decode a body."""
        first, *others = self._forms
        try:
            return first.decode(body)
        except (NotPlain, msgspec.MsgspecError):
            for form in others:
                asked = form.decode(body)
                self._forms = [form, first]
                return asked
            raise
