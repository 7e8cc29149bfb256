"""Forms: the bodies that are decoded the short way: rows by name, and tensors of the Open Inference Protocol V2."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Annotated, Any, Literal

import msgspec

from holdtrue.domain import Column, Kind, Schema
from holdtrue.serving.fast.row_type import NotPlain, PlainRow, RowType

MOST_ROWS = 64
"""A request of more rows would hold up the others of its tick."""

MOST_ORDERS = 8
"""So many orders of tensors are learned; a client that changes its own with each request has none learned for it."""

MOST_STEADY = 64
"""An order of more tensors than these takes too long to learn."""

_FLOATING = frozenset({"FP16", "FP32", "FP64"})
_WHOLE = frozenset(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
_DATATYPES: Mapping[Kind, frozenset[str]] = {
    Kind.NUMBER: _FLOATING,
    Kind.INTEGER: _WHOLE,
    Kind.BOOLEAN: frozenset({"BOOL"}),
    Kind.TEXT: frozenset({"BYTES"}),
}
_Size = Annotated[int, msgspec.Meta(ge=1)]
# The types of a body are known when a version is loaded, and not before.
_TUPLE: Any = tuple
_LITERAL: Any = Literal
_Name = Annotated[str, msgspec.Meta(min_length=1)]


class PlainRequest(msgspec.Struct, frozen=True, gc=False):
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


class VectorForm(Form):
    """One V2 tensor of shape [1, n_features], for a schema of numbers: its values are checked as they are decoded."""

    def __init__(self, row_type: RowType, schema: Schema) -> None:
        width = row_type.n_features
        fields: list[Any] = [
            ("name", _Name),
            ("shape", _TUPLE[_LITERAL[1], _LITERAL[width]]),
            ("datatype", _LITERAL[tuple(sorted(_FLOATING))]),
            ("data", _name_row(schema)),
        ]
        tensor = msgspec.defstruct("Vector", fields, forbid_unknown_fields=True, gc=False)
        self._decode = msgspec.json.Decoder(_wrap_inputs(_TUPLE[tensor])).decode
        self._make_row: Any = row_type.struct

    def decode(self, body: bytes) -> PlainRequest:
        """Decode a body."""
        asked: Any = self._decode(body)
        return PlainRequest(asked.id, (self._make_row(*asked.inputs[0].data),))


class MatrixForm(Form):
    """One V2 tensor of shape [n_rows, n_features], for a schema of numbers."""

    def __init__(self, row_type: RowType, schema: Schema) -> None:
        self._make_row: Any = row_type.struct
        self._width = row_type.n_features
        self._kinds = _name_row(schema)
        fields = [("name", _Name), ("shape", tuple[_Size, _Size]), ("datatype", str), ("data", list[float | None])]
        tensor = msgspec.defstruct("Matrix", fields, forbid_unknown_fields=True, gc=False)
        self._decoder = msgspec.json.Decoder(_wrap_inputs(_TUPLE[tensor]))

    def decode(self, body: bytes) -> PlainRequest:
        """Decode a body."""
        asked: Any = self._decoder.decode(body)
        tensor, width = asked.inputs[0], self._width
        n_rows, n_columns = tensor.shape
        if n_columns != width or tensor.datatype not in _FLOATING or n_rows > MOST_ROWS:
            raise NotPlain
        data = tensor.data
        if len(data) != n_rows * width:
            raise NotPlain
        rows = (data[at : at + width] for at in range(0, len(data), width))
        return PlainRequest(asked.id, [self._make_row(*msgspec.convert(row, self._kinds)) for row in rows])


def _name_row(schema: Schema) -> Any:
    """Return the type of a row of numbers."""
    return _TUPLE[tuple(_name_kind(column) for column in schema.columns)]


def _name_kind(column: Column) -> Any:
    """Return the type of a number: within the limits of its column, and null where it may be."""
    kind = Annotated[float, msgspec.Meta(ge=column.limits.low, le=column.limits.high)]
    return kind | None if column.nullable else kind


def _wrap_inputs(inputs: Any) -> Any:
    """Return the type of a V2 request with these tensors."""
    fields: list[Any] = [("inputs", inputs), ("id", str | None, None)]
    return msgspec.defstruct("TensorBody", fields, forbid_unknown_fields=True, gc=False)


class _Column(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A tensor of one column."""

    name: str
    shape: Annotated[list[_Size], msgspec.Meta(min_length=1, max_length=2)]
    datatype: str
    data: list[int | float | str | bool | None]


class ColumnsForm(Form):
    """V2 tensors of one column each, named as the features and the parts of the event are."""

    def __init__(self, row_type: RowType, schema: Schema) -> None:
        self._row_type = row_type
        self._struct = row_type.struct
        self._datatypes = {column.name: _DATATYPES[column.kind] for column in schema.columns}
        self._decoder = msgspec.json.Decoder(_wrap_inputs(Annotated[list[_Column], msgspec.Meta(min_length=1)]))
        self._steady: SteadyForm | None = None
        self._n_learned = 0

    def decode(self, body: bytes) -> PlainRequest:
        """Decode a body; one row whose tensors come as they did the last time is checked as it is decoded."""
        if self._steady is not None:
            try:
                return self._steady.decode(body)
            except msgspec.MsgspecError:
                pass
        asked: Any = self._decoder.decode(body)
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
        if n_rows == 1 and self._n_learned < MOST_ORDERS and 1 < len(tensors) <= MOST_STEADY:
            self._n_learned += 1
            self._steady = SteadyForm(self._row_type, self._datatypes, asked.inputs)
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


class SteadyForm(Form):
    """V2 tensors of one column each for one row, in an order in which a client has sent them before."""

    def __init__(self, row_type: RowType, datatypes: Mapping[str, frozenset[str]], tensors: Sequence[_Column]) -> None:
        kinds = []
        for tensor in tensors:
            fields: list[Any] = [
                ("name", _LITERAL[tensor.name]),
                ("shape", _TUPLE[(_LITERAL[1],) * len(tensor.shape)]),
                ("datatype", _LITERAL[tuple(sorted(datatypes.get(tensor.name, {"BYTES"})))]),
                ("data", _TUPLE[row_type.kinds[tensor.name]]),
            ]
            kinds.append(msgspec.defstruct("Steady", fields, forbid_unknown_fields=True, gc=False))
        self._decode = msgspec.json.Decoder(_wrap_inputs(_TUPLE[tuple(kinds)])).decode
        places = {tensor.name: place for place, tensor in enumerate(tensors)}
        # What the client leaves out of the event is None, which stands after all that it sends.
        self._arrange: Any = itemgetter(*(places.get(name, len(tensors)) for name in row_type.kinds))
        self._make_row: Any = row_type.struct

    def decode(self, body: bytes) -> PlainRequest:
        """Decode a body."""
        asked: Any = self._decode(body)
        values = [tensor.data[0] for tensor in asked.inputs]
        values.append(None)
        return PlainRequest(asked.id, (self._make_row(*self._arrange(values)),))


class TensorForm(Form):
    """V2 tensors in any of these ways; the way that the last request came is tried first."""

    def __init__(self, row_type: RowType, schema: Schema) -> None:
        self._forms: list[Form] = [ColumnsForm(row_type, schema)]
        if row_type.n_features > 1 and all(column.kind is Kind.NUMBER for column in schema.columns):
            self._forms = [VectorForm(row_type, schema), MatrixForm(row_type, schema), *self._forms]
        self._decode_first = self._forms[0].decode

    def decode(self, body: bytes) -> PlainRequest:
        """Decode a body."""
        try:
            return self._decode_first(body)
        except (NotPlain, msgspec.MsgspecError):
            return self._decode_otherwise(body)

    def _decode_otherwise(self, body: bytes) -> PlainRequest:
        _, *others = self._forms
        refusal: NotPlain | msgspec.MsgspecError = NotPlain()
        for form in others:
            try:
                asked = form.decode(body)
            except (NotPlain, msgspec.MsgspecError) as error:
                refusal = error
                continue
            self._forms = [form, *(each for each in self._forms if each is not form)]
            self._decode_first = form.decode
            return asked
        raise refusal
