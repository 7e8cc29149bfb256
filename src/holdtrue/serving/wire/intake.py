"""Intake: a body as it comes in over HTTP, within a size and a time."""

import asyncio
import zlib

from starlette.requests import Request

from holdtrue.serving.aside import FEW_BYTES
from holdtrue.serving.request.body import BODY_LIMIT_BYTES, decode_body, read_content_type
from holdtrue.serving.request.refusal import Code, Refused

BODY_SECONDS = 15.0
_WINDOW_BITS = {"gzip": zlib.MAX_WBITS + 16, "deflate": zlib.MAX_WBITS}


async def read_json(request: Request) -> object:
    """Read and decode a JSON body; one that is too large, too slow or of another type is refused."""
    read_content_type(request.headers.get("content-type"))
    return decode_body(await read_body(request))


async def read_body(request: Request) -> bytes:
    """Read a body; one that says it is too large is refused before any of it is read. A compressed one is inflated."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity" and encoding not in _WINDOW_BITS:
        found = f"the content encoding is {encoding[:60]!r}"
        raise Refused(Code.WRONG_CONTENT_TYPE, found, expected="none, gzip or deflate")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > BODY_LIMIT_BYTES:
        raise _refuse_size()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_LIMIT_BYTES:
                    raise _refuse_size()
    except TimeoutError:
        raise Refused(Code.TOO_SLOW, f"the body did not come within {BODY_SECONDS:.0f} s") from None
    whole = bytes(body) if encoding == "identity" else _inflate(body, encoding)
    request.state.n_bytes = len(whole)
    return whole


def is_long(request: Request) -> bool:
    """Say whether the body that was read is so long that it should be taken apart aside."""
    return int(getattr(request.state, "n_bytes", 0)) > FEW_BYTES


def _inflate(body: bytearray, encoding: str) -> bytes:
    """Inflate a body, but not beyond the limit, whatever it would become."""
    inflater = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        inflated = inflater.decompress(body, BODY_LIMIT_BYTES + 1)
    except zlib.error:
        raise Refused(Code.MALFORMED, f"the body is no {encoding}", expected="what its content encoding says") from None
    if len(inflated) > BODY_LIMIT_BYTES:
        raise _refuse_size()
    if not inflater.eof or inflater.unused_data:
        raise Refused(Code.MALFORMED, f"the {encoding} of the body is cut off or goes on", expected="one whole stream")
    return inflated


def _refuse_size() -> Refused:
    limit = f"at most {BODY_LIMIT_BYTES} bytes"
    return Refused(Code.TOO_LARGE, "the body is too large", expected=limit, remedy="send fewer rows at once")


def is_from_web_page(request: Request) -> bool:
    """Say whether a browser sent a request for a web page: it adds these headers, and no page can take them away."""
    return "origin" in request.headers or "sec-fetch-site" in request.headers
