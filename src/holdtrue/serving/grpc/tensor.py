"""Tensors: messages of the gRPC form turned into what the V2 reader takes, and answers into messages."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from holdtrue.serving.grpc.message import find_message
from holdtrue.serving.reply import Output
from holdtrue.serving.request.field import name_some, shorten
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.tensor import InferRequest, read_infer
from holdtrue.serving.request.tensor_bytes import encode_values

Response: Any = find_message("ModelInferResponse")
_SIZE = "binary_data_size"
_CONTENTS: Mapping[str, str] = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def read_message(message: Any, *, features: Sequence[str]) -> InferRequest:
    """Read a ModelInferRequest into records.

    Args:
        message: the request.
        features: the columns of a tensor that holds them all.

    Raises:
        Refused: names the place as the JSON form would: `$.inputs[0].data[3]`.
    """
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        found = f"{len(raw)} raw_input_contents for {len(message.inputs)} inputs"
        raise Refused(Code.WRONG_FORM, found, path="$.raw_input_contents", expected="one for each input, or none")
    inputs = [
        _read_tensor(tensor, f"$.inputs[{i}]", len(raw[i]) if raw else None) for i, tensor in enumerate(message.inputs)
    ]
    outputs = [{"name": each.name, "parameters": _read_parameters(each)} for each in message.outputs]
    content = {"inputs": inputs, "outputs": outputs, "parameters": _read_parameters(message)}
    return read_infer({**content, "id": message.id or None}, features=features, data=b"".join(raw))


def fill_response(response: Any, outputs: Sequence[Output], infer: InferRequest, *, is_raw: bool) -> None:
    """Put the tensors that the client wants into a response, in its order, as contents or raw, as the request came."""
    by_name = {output.name: output for output in outputs}
    for output in [by_name[wanted.name] for wanted in infer.outputs] or outputs:
        tensor = response.outputs.add(name=output.name, datatype=output.datatype, shape=output.shape)
        for name, value in output.parameters.items():
            tensor.parameters[name].string_param = msgspec.json.encode(value).decode()
        if is_raw:
            response.raw_output_contents.append(encode_values(output.values, output.datatype))
            continue
        values: Sequence[object] = output.values
        if output.datatype == "BYTES":
            values = [str(value).encode() for value in values]
        getattr(tensor.contents, _CONTENTS[output.datatype]).extend(values)


def _read_tensor(tensor: Any, path: str, n_raw_bytes: int | None) -> dict[str, object]:
    told: dict[str, object] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
    parameters = _read_parameters(tensor)
    filled = [field.name for field, _ in tensor.contents.ListFields()]
    if n_raw_bytes is not None:
        if filled:
            found = f"the tensor {shorten(tensor.name)!r} has contents and raw_input_contents"
            raise Refused(Code.WRONG_FORM, found, path=f"{path}.contents", expected="one of them")
        return {**told, "parameters": {**parameters, _SIZE: n_raw_bytes}}
    wanted = _CONTENTS.get(tensor.datatype)
    if wanted is None:
        if tensor.datatype in ("FP16", "BF16"):
            found = f"the tensor {shorten(tensor.name)!r} is {tensor.datatype}, which has no contents"
            raise Refused(Code.WRONG_FORM, found, path=f"{path}.contents", expected="raw_input_contents")
        return {**told, "parameters": parameters, "data": []}  # the reader refuses the datatype
    if set(filled) - {wanted}:
        found = f"the tensor {shorten(tensor.name)!r} of type {tensor.datatype} has {name_some(filled)}"
        raise Refused(Code.WRONG_FORM, found, path=f"{path}.contents", expected=wanted)
    values = getattr(tensor.contents, wanted)
    return {**told, "parameters": parameters, "data": _read_values(values, tensor.datatype, path)}


def _read_values(values: Sequence[Any], datatype: str, path: str) -> list[object]:
    if datatype == "BYTES":
        return [_read_text(value, f"{path}.data[{i}]") for i, value in enumerate(values)]
    for i, value in enumerate(values):
        if isinstance(value, float) and not math.isfinite(value):
            place = f"{path}.data[{i}]"
            raise Refused(Code.NOT_FINITE, "NaN or Infinity", path=place, expected="a finite number")
    return list(values)


def _read_text(value: bytes, path: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Refused(Code.MALFORMED, "the text is not UTF-8", path=path, expected="text in UTF-8") from None


def _read_parameters(message: Any) -> dict[str, object]:
    """Return the parameters of a message; sizes of bytes are said by the bytes themselves."""
    found = {name: parameter.WhichOneof("parameter_choice") for name, parameter in message.parameters.items()}
    return {
        name: None if choice is None else getattr(message.parameters[name], choice)
        for name, choice in found.items()
        if name != _SIZE
    }
