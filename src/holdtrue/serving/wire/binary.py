"""Binary: V2 bodies of a JSON object and bytes after it, taken apart as they come and put together as they leave."""

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdtrue.domain import Json
from holdtrue.serving.reply import Output
from holdtrue.serving.request.body import JSON_TYPE, decode_body, read_content_type
from holdtrue.serving.request.field import name_some, shorten, suggest_name
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.tensor import HEADER_LENGTH, InferRequest
from holdtrue.serving.request.tensor_bytes import encode_values
from holdtrue.serving.wire.intake import is_from_web_page, read_body
from holdtrue.serving.wire.response import respond

BINARY_TYPE = "application/octet-stream"


async def read_parts(request: Request, *, may_be_empty: bool = False) -> tuple[object, bytes]:
    """Return the decoded JSON of a V2 body and the bytes after it; an empty body that may be so is an empty object.

    Triton's client names no content type. That is let pass unless a web page sent it.
    """
    declared, length = request.headers.get("content-type"), request.headers.get(HEADER_LENGTH)
    if declared is not None or is_from_web_page(request):
        read_content_type(declared, allowed=(JSON_TYPE,) if length is None else (JSON_TYPE, BINARY_TYPE))
    body = await read_body(request)
    if may_be_empty and not body:
        return {}, b""
    if length is None:
        return decode_body(body), b""
    n_bytes = int(length) if length.isascii() and length.isdecimal() and len(length) < 10 else -1
    if not 0 < n_bytes <= len(body):
        found = f"the header {HEADER_LENGTH} is {shorten(length)!r}"
        expected = f"the length of the JSON, at most the {len(body)} bytes of the body"
        raise Refused(Code.WRONG_FORM, found, expected=expected)
    return decode_body(body[:n_bytes]), body[n_bytes:]


def check_outputs(infer: InferRequest, known: Sequence[str]) -> None:
    """Refuse a request that wants a tensor which the version does not give, before it is answered and logged."""
    seen: set[str] = set()
    for output in infer.outputs:
        if output.name not in known:
            found = f"there is no output {shorten(output.name)!r}"
            expected, remedy = f"one of {name_some(known)}", suggest_name(output.name, known)
            raise Refused(Code.UNKNOWN_FIELD, found, path=output.path, expected=expected, remedy=remedy)
        if output.name in seen:
            found = f"the output {output.name!r} is asked for twice"
            raise Refused(Code.DUPLICATE_KEY, found, path=output.path, expected="each name once")
        seen.add(output.name)


def respond_with(head: dict[str, Json], outputs: Sequence[Output], infer: InferRequest) -> Response:
    """Make the response with the tensors that the client wants, in its order, each as JSON or as bytes after it."""
    by_name = {output.name: (output, infer.is_binary) for output in outputs}
    if infer.outputs:
        by_name = {wanted.name: (by_name[wanted.name][0], wanted.is_binary) for wanted in infer.outputs}
    told: list[Json] = []
    chunks: list[bytes] = []
    for output, is_binary in by_name.values():
        described = output.describe()
        if is_binary:
            chunks.append(encode_values(output.values, output.datatype))
            told.append({**described, "parameters": {**output.parameters, "binary_data_size": len(chunks[-1])}})
        else:
            told.append({**described, "data": list(output.values)})
    content: dict[str, Json] = {**head, "outputs": told}
    if not any(is_binary for _, is_binary in by_name.values()):
        return respond(content)
    text = msgspec.json.encode(content)
    return Response(b"".join((text, *chunks)), headers={HEADER_LENGTH: str(len(text))}, media_type=BINARY_TYPE)
