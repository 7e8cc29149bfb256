"""Intake: a body as it comes in over HTTP, within a size and a time."""

import asyncio

from starlette.requests import Request

from holdtrue.serving.request.body import BODY_LIMIT_BYTES, check_content_type, decode_body
from holdtrue.serving.request.refusal import Code, Refused

BODY_SECONDS = 15.0


async def read_json(request: Request) -> object:
    """Read and decode a JSON body; one that is too large, too slow or of another type is refused."""
    check_content_type(request.headers.get("content-type"))
    return decode_body(await read_body(request))


async def read_body(request: Request) -> bytes:
    """Read a body; one that says it is too large is refused before any of it is read."""
    declared = request.headers.get("content-length", "")
    limit = f"at most {BODY_LIMIT_BYTES} bytes"
    too_large = Refused(Code.TOO_LARGE, "the body is too large", expected=limit, remedy="send fewer rows at once")
    if declared.isdecimal() and int(declared) > BODY_LIMIT_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_LIMIT_BYTES:
                    raise too_large
    except TimeoutError:
        raise Refused(Code.TOO_SLOW, f"the body did not come within {BODY_SECONDS:.0f} s") from None
    return bytes(body)
