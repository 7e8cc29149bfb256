"""Responses: answers and refusals as they go out over HTTP."""

from collections.abc import Callable, Sequence
from enum import Enum

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from holdtrue.domain import Json
from holdtrue.serving.aside import FEW_ROWS, run_aside
from holdtrue.serving.reply import AllRefused
from holdtrue.serving.request.body import JSON_TYPE
from holdtrue.serving.request.refusal import Code, Refused

RETRY_AFTER_SECONDS = 1


async def respond_to_rows(n_rows: int, describe: Callable[[], Json]) -> Response:
    """Make the response for rows; it is described and encoded aside when they are many."""
    return await run_aside(n_rows > FEW_ROWS, lambda: respond(describe()))


def respond(content: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Make a response of a JSON value."""
    return Response(msgspec.json.encode(content), status, headers, media_type=JSON_TYPE)


class Style(Enum):
    """Where a refusal's message stands in a reply: where the clients of a form look for it."""

    OBJECT = "object"
    """`{"error": {"code", "message", "path"}}`: our own."""

    TEXT = "text"
    """`{"error": "...", "code", "path"}`: the V2 protocol and TensorFlow Serving."""

    MESSAGE = "message"
    """`{"error_code", "message", "path"}`: MLflow."""


def describe_refusal(refused: Refused, style: Style) -> dict[str, Json]:
    """Return a refusal as the JSON object of a reply."""
    described = refused.describe()
    if style is Style.OBJECT:
        return {"error": described}
    names = {"message": "error"} if style is Style.TEXT else {"code": "error_code"}
    return {names.get(name, name): value for name, value in described.items()}


def tell_refusal(refused: Refused, style: Style = Style.OBJECT) -> Response:
    """Make the response that says why a request is not answered."""
    told = describe_refusal(refused, style)
    if isinstance(refused, AllRefused):
        told["errors"] = [row.describe() for row in refused.rows]
    headers: dict[str, str] = {}
    if refused.status == 401:
        headers["www-authenticate"] = "Bearer"
    if refused.status == 503:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    if refused.code in {Code.TOO_LARGE, Code.TOO_SLOW}:
        headers["connection"] = "close"  # the rest of the body is not worth reading
    return respond(told, refused.status, headers)


def make_lost(paths: Sequence[str]) -> Callable[[Request, Exception], Response]:
    """Return the handler for a path or a method that is not there."""

    def tell_lost(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        code = Code.WRONG_METHOD if status == 405 else Code.UNKNOWN_ROUTE
        found = f"{request.method} {request.url.path[:100]} is not served"
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        refused = Refused(code, found, expected=f"one of {', '.join(paths)}")
        return respond(describe_refusal(refused, _guess_style(request)), status, headers)

    return tell_lost


def tell_broken(request: Request, error: Exception) -> Response:
    """Tell of a fault of ours; the server's log has its traceback."""
    refused = Refused(Code.BROKEN, f"the server failed ({type(error).__name__})")
    return respond(describe_refusal(refused, _guess_style(request)), 500)


def _guess_style(request: Request) -> Style:
    """Return the style for a path that belongs to no form."""
    return Style.TEXT if request.url.path.startswith("/v2/") else Style.OBJECT
