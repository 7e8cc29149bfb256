"""Tensors: requests in the JSON form of the Open Inference Protocol V2, turned into records.

A feature travels as a tensor of its own name and shape [n_rows] or [n_rows, 1]; a model of numbers alone also takes one
tensor of shape [n_rows, n_features], in the order of the schema. Key, unit and time are tensors of type BYTES.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdtrue.serving.request.body import Record
from holdtrue.serving.request.field import describe_value, name_some, shorten
from holdtrue.serving.request.place import join_path
from holdtrue.serving.request.refusal import Code, Refused

_WHOLE = frozenset(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
_FLOATING = frozenset({"FP16", "FP32", "FP64"})
DATATYPES = ("BOOL", "BYTES", *sorted(_FLOATING), *sorted(_WHOLE))
_MEMBERS = frozenset({"id", "parameters", "inputs", "outputs"})
_TENSOR_MEMBERS = frozenset({"name", "shape", "datatype", "parameters", "data"})


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A decoded V2 request: the client's own id, to be echoed, and its rows."""

    request_id: str | None
    records: list[Record]


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """A row of tensors: the same position in each of them."""

    columns: Mapping[str, "_Column"]
    index: int

    @property
    def row(self) -> str:
        """Return the path of the tensors; a row has none of its own."""
        return "$.inputs"

    def field(self, name: str) -> str:
        """Return the path of a field of the row; the tensors' own path when no tensor holds it."""
        column = self.columns.get(name)
        return self.row if column is None else column.spell_path(self.index)


@dataclass(frozen=True, slots=True)
class _Column:
    """One named column of a tensor whose values are laid out row by row."""

    path: str
    values: Sequence[object]
    position: int
    width: int
    is_nested: bool

    def value(self, row: int) -> object:
        return self.values[row * self.width + self.position]

    def spell_path(self, row: int) -> str:
        if self.is_nested:
            return f"{self.path}.data[{row}][{self.position}]"
        return f"{self.path}.data[{row * self.width + self.position}]"


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str
    path: str
    n_rows: int
    width: int
    values: Sequence[object]
    is_nested: bool

    def column(self, position: int) -> _Column:
        return _Column(self.path, self.values, position, self.width, self.is_nested)


def read_infer(content: object, *, features: Sequence[str]) -> InferRequest:
    """Read a V2 request into records; `features` names the columns of a tensor that holds them all."""
    if not isinstance(content, dict):
        raise Refused(Code.WRONG_FORM, f"the body is {describe_value(content)}", expected='{"inputs": [...]}')
    _refuse_members(content, _MEMBERS, "$")
    inputs, request_id = content.get("inputs"), content.get("id")
    if not isinstance(inputs, list) or not inputs:
        found = '"inputs" is missing' if inputs is None else f'"inputs" is {describe_value(inputs)}'
        raise Refused(Code.EMPTY if inputs == [] else Code.WRONG_FORM, found, path="$.inputs", expected="tensors")
    if request_id is not None and not isinstance(request_id, str):
        raise Refused(Code.WRONG_TYPE, f'"id" is {describe_value(request_id)}', path="$.id", expected="text")
    tensors = [_read_tensor(tensor, f"$.inputs[{i}]") for i, tensor in enumerate(inputs)]
    columns = _name_columns(tensors, features)
    records = []
    for i in range(tensors[0].n_rows):
        fields = {name: column.value(i) for name, column in columns.items()}
        records.append(Record(fields, TensorPlace(columns, i)))
    return InferRequest(request_id, records)


def _name_columns(tensors: Sequence[_Tensor], features: Sequence[str]) -> dict[str, _Column]:
    columns: dict[str, _Column] = {}
    for tensor in tensors:
        if tensor.n_rows != tensors[0].n_rows:
            found = f"the tensor {shorten(tensor.name)!r} has {tensor.n_rows} rows"
            expected = f"{tensors[0].n_rows}, as the first one has"
            raise Refused(Code.WRONG_FORM, found, path=f"{tensor.path}.shape", expected=expected)
        if tensor.width != 1 and tensor.width != len(features):
            found = f"the tensor {shorten(tensor.name)!r} has {tensor.width} columns"
            expected = f"1, or one for each of the {len(features)} features {name_some(features)}"
            raise Refused(Code.WRONG_FORM, found, path=f"{tensor.path}.shape", expected=expected)
        names = [tensor.name] if tensor.width == 1 else list(features)
        for position, name in enumerate(names):
            if name in columns:
                found = f"two tensors hold {shorten(name)!r}"
                raise Refused(Code.DUPLICATE_KEY, found, path=f"{tensor.path}.name", expected="each name once")
            columns[name] = tensor.column(position)
    return columns


def _read_tensor(tensor: object, path: str) -> _Tensor:
    if not isinstance(tensor, dict):
        raise Refused(Code.WRONG_FORM, f"the tensor is {describe_value(tensor)}", path=path, expected="an object")
    _refuse_members(tensor, _TENSOR_MEMBERS, path)
    name, datatype = tensor.get("name"), tensor.get("datatype")
    if not isinstance(name, str) or not name:
        raise Refused(Code.WRONG_FORM, "the tensor has no name", path=f"{path}.name", expected="text")
    if datatype not in DATATYPES:
        found = f'"datatype" is {describe_value(datatype)}'
        raise Refused(Code.WRONG_FORM, found, path=f"{path}.datatype", expected=f"one of {', '.join(DATATYPES)}")
    n_rows, width = _read_shape(tensor.get("shape"), path)
    values, is_nested = _flatten(tensor.get("data"), path)
    if len(values) != n_rows * width:
        found = f"{len(values)} values"
        raise Refused(Code.WRONG_FORM, found, path=f"{path}.data", expected=f"{n_rows * width}, as the shape says")
    for i, value in enumerate(values):
        if value is not None and not _fits(value, str(datatype)):
            place = f"[{i // width}][{i % width}]" if is_nested else f"[{i}]"
            found = f"a value of {shorten(name)!r} is {describe_value(value)}"
            raise Refused(Code.WRONG_TYPE, found, path=f"{path}.data{place}", expected=f"a value of type {datatype}")
    return _Tensor(name, path, n_rows, width, values, is_nested)


def _read_shape(shape: object, path: str) -> tuple[int, int]:
    is_shape = isinstance(shape, list) and 1 <= len(shape) <= 2 and all(type(size) is int for size in shape)
    if not is_shape or not isinstance(shape, list):
        found = f'"shape" is {describe_value(shape)}'
        raise Refused(Code.WRONG_FORM, found, path=f"{path}.shape", expected="[n_rows] or [n_rows, n_columns]")
    if min(shape) < 1:
        raise Refused(Code.EMPTY, f"the shape is {shape}", path=f"{path}.shape", expected="at least one row and column")
    return shape[0], shape[1] if len(shape) == 2 else 1


def _flatten(data: object, path: str) -> tuple[list[object], bool]:
    if not isinstance(data, list):
        raise Refused(Code.WRONG_FORM, f'"data" is {describe_value(data)}', path=f"{path}.data", expected="a list")
    if data and all(isinstance(row, list) and len(row) == len(data[0]) for row in data):
        return [value for row in data for value in row], True
    return data, False


def _fits(value: object, datatype: str) -> bool:
    if datatype == "BYTES":
        return isinstance(value, str)
    if datatype == "BOOL":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return datatype in _FLOATING or isinstance(value, int) or value.is_integer()


def _refuse_members(content: Mapping[str, object], allowed: frozenset[str], path: str) -> None:
    for name in content:
        if name not in allowed:
            place = join_path(path, shorten(name))
            raise Refused(
                Code.UNKNOWN_FIELD,
                f"the member {shorten(name)!r} is not known",
                path=place,
                expected=f"one of {', '.join(sorted(allowed))}",
            )
