"""Tensors: requests in the form of the Open Inference Protocol V2, turned into records.

A feature travels as a tensor of its own name and shape [n_rows] or [n_rows, 1]; a model of numbers alone also takes one
tensor of shape [n_rows, n_features], in the order of the schema. Key, unit and time are tensors of type BYTES. The
values of a tensor stand in the JSON, or as bytes after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdtrue.serving.request.body import Record
from holdtrue.serving.request.field import describe_value, name_some, shorten
from holdtrue.serving.request.place import join_path
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.tensor_bytes import decode_values

HEADER_LENGTH = "Inference-Header-Content-Length"
_WHOLE = frozenset(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
_FLOATING = frozenset({"BF16", "FP16", "FP32", "FP64"})
DATATYPES = ("BOOL", "BYTES", *sorted(_FLOATING), *sorted(_WHOLE))
_MEMBERS = frozenset({"id", "parameters", "inputs", "outputs"})
_TENSOR_MEMBERS = frozenset({"name", "shape", "datatype", "parameters", "data"})
_OUTPUT_MEMBERS = frozenset({"name", "parameters"})
_NOT_OFFERED = ("shared_memory_region", "classification")


@dataclass(frozen=True, slots=True)
class WantedOutput:
    """A tensor that the client wants, where it asked for it, and whether as bytes after the JSON."""

    name: str
    path: str
    is_binary: bool


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A decoded V2 request.

    Attributes:
        request_id: the client's own id, to be echoed.
        records: its rows.
        outputs: the tensors that it wants; empty for all of them.
        is_binary: whether tensors that it does not name are wanted as bytes after the JSON.
    """

    request_id: str | None
    records: list[Record]
    outputs: tuple[WantedOutput, ...] = ()
    is_binary: bool = False


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

    @property
    def n_rows(self) -> int:
        return len(self.values) // self.width

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


def read_infer(content: object, *, features: Sequence[str], data: bytes = b"") -> InferRequest:
    """Read a V2 request into records.

    Args:
        content: the decoded JSON.
        features: the columns of a tensor that holds them all.
        data: the bytes after the JSON, which its inputs share out in their order.
    """
    if not isinstance(content, dict):
        raise Refused(Code.WRONG_FORM, f"the body is {describe_value(content)}", expected='{"inputs": [...]}')
    _refuse_members(content, _MEMBERS, "$")
    inputs, request_id = content.get("inputs"), content.get("id")
    if not isinstance(inputs, list) or not inputs:
        found = '"inputs" is missing' if inputs is None else f'"inputs" is {describe_value(inputs)}'
        raise Refused(Code.EMPTY if inputs == [] else Code.WRONG_FORM, found, path="$.inputs", expected="tensors")
    if request_id is not None and not isinstance(request_id, str):
        raise Refused(Code.WRONG_TYPE, f'"id" is {describe_value(request_id)}', path="$.id", expected="text")
    is_binary = _read_flag(_read_parameters(content, "$"), "binary_data_output", "$", otherwise=False)
    outputs = _read_outputs(content.get("outputs"), is_binary)
    columns = _name_columns(_read_tensors(inputs, memoryview(data)), features)
    n_rows = next(iter(columns.values())).n_rows
    records = []
    for i in range(n_rows):
        fields = {name: column.value(i) for name, column in columns.items()}
        records.append(Record(fields, TensorPlace(columns, i)))
    return InferRequest(request_id, records, outputs, is_binary)


def _read_outputs(outputs: object, is_binary: bool) -> tuple[WantedOutput, ...]:
    if outputs is None:
        return ()
    if not isinstance(outputs, list):
        raise Refused(Code.WRONG_FORM, f'"outputs" is {describe_value(outputs)}', path="$.outputs", expected="a list")
    return tuple(_read_output(output, f"$.outputs[{i}]", is_binary) for i, output in enumerate(outputs))


def _read_output(output: object, path: str, is_binary: bool) -> WantedOutput:
    if not isinstance(output, dict):
        raise Refused(Code.WRONG_FORM, f"the output is {describe_value(output)}", path=path, expected="an object")
    _refuse_members(output, _OUTPUT_MEMBERS, path)
    name = output.get("name")
    if not isinstance(name, str):
        raise Refused(Code.WRONG_FORM, "the output has no name", path=f"{path}.name", expected="text")
    parameters = _read_parameters(output, path)
    return WantedOutput(name, f"{path}.name", _read_flag(parameters, "binary_data", path, otherwise=is_binary))


def _read_parameters(content: Mapping[str, object], path: str) -> Mapping[str, object]:
    """Return the parameters of a request or a tensor; those that mean nothing here are let be, as others' are."""
    parameters = content.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        found = f'"parameters" is {describe_value(parameters)}'
        raise Refused(Code.WRONG_FORM, found, path=f"{path}.parameters", expected="an object")
    for name in _NOT_OFFERED:
        if name in parameters:
            found = f"the parameter {name!r} is not offered here"
            raise Refused(Code.UNKNOWN_FIELD, found, path=f"{path}.parameters.{name}", remedy="leave it out")
    return parameters


def _read_flag(parameters: Mapping[str, object], name: str, path: str, *, otherwise: bool) -> bool:
    flag = parameters.get(name, otherwise)
    if not isinstance(flag, bool):
        found = f"{name!r} is {describe_value(flag)}"
        raise Refused(Code.WRONG_TYPE, found, path=f"{path}.parameters.{name}", expected="true or false")
    return flag


def _read_tensors(inputs: Sequence[object], data: memoryview) -> list["_Tensor"]:
    """Read the tensors; each that is binary takes its share of the data, and nothing may be left."""
    tensors: list[_Tensor] = []
    start = 0
    for i, tensor in enumerate(inputs):
        path = f"$.inputs[{i}]"
        if not isinstance(tensor, dict):
            raise Refused(Code.WRONG_FORM, f"the tensor is {describe_value(tensor)}", path=path, expected="an object")
        size = _read_size(tensor, path)
        share = None if size is None else data[start : start + size]
        if share is not None and len(share) != size:
            found = f"{len(share)} bytes are left after the JSON"
            raise Refused(
                Code.WRONG_FORM,
                found,
                path=f"{path}.parameters.binary_data_size",
                expected=f"the {size} that it says",
                remedy=f"set the header {HEADER_LENGTH} to the length of the JSON" if not data else "",
            )
        start += size or 0
        tensors.append(_read_tensor(tensor, path, share))
    if start != len(data):
        found = f"{len(data) - start} bytes after the JSON belong to no input"
        raise Refused(Code.WRONG_FORM, found, path="$.inputs", expected="a binary_data_size for each binary input")
    return tensors


def _read_size(tensor: Mapping[str, object], path: str) -> int | None:
    size = _read_parameters(tensor, path).get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or size < 0:
        found = f'"binary_data_size" is {describe_value(size)}'
        place = f"{path}.parameters.binary_data_size"
        raise Refused(Code.WRONG_TYPE, found, path=place, expected="a number of bytes")
    if "data" in tensor:
        found = "the tensor has data in the JSON and after it"
        raise Refused(Code.WRONG_FORM, found, path=f"{path}.data", expected="one of them")
    return size


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


def _read_tensor(tensor: Mapping[str, object], path: str, share: memoryview | None) -> _Tensor:
    _refuse_members(tensor, _TENSOR_MEMBERS, path)
    name, datatype = tensor.get("name"), tensor.get("datatype")
    if not isinstance(name, str) or not name:
        raise Refused(Code.WRONG_FORM, "the tensor has no name", path=f"{path}.name", expected="text")
    if datatype not in DATATYPES:
        found = f'"datatype" is {describe_value(datatype)}'
        raise Refused(Code.WRONG_FORM, found, path=f"{path}.datatype", expected=f"one of {', '.join(DATATYPES)}")
    n_rows, width = _read_shape(tensor.get("shape"), path)
    if share is not None:
        values = decode_values(share, str(datatype), name=name, n_values=n_rows * width, path=f"{path}.data")
        return _Tensor(name, path, n_rows, width, values, False)
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
