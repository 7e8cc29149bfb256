"""Responses: answers and refusals as they go out over HTTP."""

from collections.abc import Callable, Sequence

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from holdtrue.domain import Json
from holdtrue.serving.reply import AllRefused
from holdtrue.serving.request.body import JSON_TYPE
from holdtrue.serving.request.refusal import Code, Refused

RETRY_AFTER_SECONDS = 1


def respond(content: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Make a response of a JSON value."""
    return Response(msgspec.json.encode(content), status, headers, media_type=JSON_TYPE)


def tell_refusal(refused: Refused) -> Response:
    """Make the response that says why a request is not answered."""
    told: dict[str, Json] = {"error": refused.describe()}
    if isinstance(refused, AllRefused):
        told["errors"] = [row.describe() for row in refused.rows]
    headers: dict[str, str] = {}
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
        return respond({"error": refused.describe()}, status, headers)

    return tell_lost


def tell_broken(_: Request, error: Exception) -> Response:
    """Tell of a fault of ours; the server's log has its traceback."""
    return respond({"error": Refused(Code.BROKEN, f"the server failed ({type(error).__name__})").describe()}, 500)
