"""App: the addresses of the page and of its control API."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from holdtrue.domain import encode_canonically
from holdtrue.errors import (
    DeclarationError,
    HoldtrueError,
    NotFound,
    PromotionRefused,
    RequestInvalid,
    StateConflict,
    StoreFailed,
)
from holdtrue.web.gallery import Gallery
from holdtrue.web.guard import LOOPBACK, Guard
from holdtrue.web.pages import STATIC_FILES, read_static, render_explanation, render_message, render_overview
from holdtrue.web.view import ProjectView

_FOR_EVER = "public, max-age=31536000, immutable"
_CHART_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_IMAGES = {"png": "image/png", "svg": "image/svg+xml"}
_MOST_BYTES = 10_000
_MOST_LETTERS = 500
_STATUS: tuple[tuple[type[HoldtrueError], int], ...] = (
    (NotFound, 404),
    (PromotionRefused, 409),
    (StateConflict, 409),
    (RequestInvalid, 400),
    (DeclarationError, 400),
    (StoreFailed, 503),
)


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What a person orders for a loop, and why; the reason is kept in the audit trail."""

    loop: str
    reason: str = ""


def make_app(view: ProjectView, *, hosts: Iterable[str] = LOOPBACK) -> Starlette:
    """Return the app that shows a project.

    Args:
        view: where its facts come from.
        hosts: the names (without port) by which it may be asked for.
    """
    site = Site(view=view)
    routes = [
        Route("/", site.show_overview),
        Route("/live", site.show_live),
        Route("/why", site.find_why),
        Route("/why/{prediction_id}", site.show_why),
        Route("/chart/{name}.svg", site.show_chart),
        Route("/figure/{artifact}", site.show_figure),
        Route("/static/{name}", show_static),
        Route("/api/status", site.tell_status),
        Route("/api/why/{prediction_id}", site.tell_why),
        Route("/api/promote", site.promote, methods=["POST"]),
        Route("/api/rollback", site.rollback, methods=["POST"]),
    ]
    handlers = {HoldtrueError: show_error, HTTPException: show_http_error}
    return Starlette(routes=routes, middleware=[Middleware(Guard, hosts=hosts)], exception_handlers=handlers)


@dataclass(frozen=True)
class Site:
    """The addresses that need the project; plain functions run in the thread pool, since the view reads a disk."""

    view: ProjectView
    gallery: Gallery = field(default_factory=Gallery)

    def show_overview(self, request: Request) -> Response:
        """Show the whole page."""
        return HTMLResponse(render_overview(self.view.overview(), self.gallery))

    def show_live(self, request: Request) -> Response:
        """Show the part of the page that changes, for the page's own refresh."""
        return HTMLResponse(render_overview(self.view.overview(), self.gallery, is_fragment=True))

    def find_why(self, request: Request) -> Response:
        """Lead the search field to the page of an answer."""
        wanted = request.query_params.get("id", "").strip()
        return RedirectResponse(request.url_for("show_why", prediction_id=wanted).path if wanted else "/", 303)

    def show_why(self, request: Request) -> Response:
        """Show why an answer was what it was."""
        return HTMLResponse(render_explanation(self.view.explain(request.path_params["prediction_id"])))

    def show_chart(self, request: Request) -> Response:
        """Show a chart; its address names its content, so that it never changes."""
        digest, _, width = request.path_params["name"].partition("-")
        svg = self.gallery.svg(digest, is_narrow=width == "narrow")
        headers = {"cache-control": _FOR_EVER, "content-security-policy": _CHART_POLICY}
        return Response(svg, media_type="image/svg+xml", headers=headers)

    def show_figure(self, request: Request) -> Response:
        """Show a picture that a step kept: an image alone, in which nothing runs and which fetches nothing."""
        figure, data = self.view.read_figure(request.path_params["artifact"])
        headers = {"cache-control": _FOR_EVER, "content-security-policy": _CHART_POLICY}
        return Response(data, media_type=_IMAGES[figure.kind], headers=headers)

    def tell_status(self, request: Request) -> Response:
        """Tell the whole project as JSON."""
        return Response(encode_canonically(self.view.overview()), media_type="application/json")

    def tell_why(self, request: Request) -> Response:
        """Tell as JSON why an answer was what it was."""
        explanation = self.view.explain(request.path_params["prediction_id"])
        return Response(encode_canonically(explanation.describe()), media_type="application/json")

    async def promote(self, request: Request) -> Response:
        """Put a loop's challenger in charge."""
        return await carry_out(request, self.view.promote)

    async def rollback(self, request: Request) -> Response:
        """Stop a loop's rollout, or put the champion before back in charge."""
        return await carry_out(request, self.view.rollback)


async def carry_out(request: Request, order: Callable[[str, str], str]) -> Response:
    """Carry an order out and say so: as JSON, or for a form by going back to the page, which shows the decision."""
    told, is_form = await read_order(request)
    reason = told.reason.strip()[:_MOST_LETTERS] or "ordered by a person on the page"
    sentence = await run_in_threadpool(order, told.loop, reason)
    return RedirectResponse("/", status_code=303) if is_form else JSONResponse({"sentence": sentence})


async def read_order(request: Request) -> tuple[Order, bool]:
    """Return the order in a body of JSON or of a form, and whether it was a form.

    Raises:
        RequestInvalid: the body is too long, or is no order.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            raise RequestInvalid(f"the body is longer than {_MOST_BYTES:,} bytes", expected="a loop and a reason")
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    try:
        if is_form:
            fields = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
            return msgspec.convert(fields, Order), True
        return msgspec.json.decode(body, type=Order), False
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise RequestInvalid(f"the body is no order: {error}", expected='{"loop": "...", "reason": "..."}') from error


def show_static(request: Request) -> Response:
    """Show one of our own files; other names are not known."""
    name = request.path_params["name"]
    if name not in STATIC_FILES:
        raise NotFound(f"there is no file {name!r}", expected=f"one of {sorted(STATIC_FILES)}")
    return Response(read_static(name), media_type=STATIC_FILES[name], headers={"cache-control": _FOR_EVER})


def show_error(request: Request, error: Exception) -> Response:
    """Say what went wrong: as JSON to a program, as a page to a browser."""
    if not isinstance(error, HoldtrueError):
        raise error
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    if _wants_page(request):
        rest = [error.expected and f"Expected: {error.expected}.", error.remedy and f"Do this: {error.remedy}."]
        page = render_message(
            "That was not possible", [f"{error.found[:1].upper()}{error.found[1:].rstrip('.')}.", *filter(None, rest)]
        )
        return HTMLResponse(page, status_code=status)
    told = {"error": type(error).__name__, "found": error.found, "expected": error.expected, "remedy": error.remedy}
    return JSONResponse(told, status_code=status)


def show_http_error(request: Request, error: Exception) -> Response:
    """Say that an address is not known or is not asked that way."""
    if not isinstance(error, HTTPException):
        raise error
    if _wants_page(request):
        page = render_message("There is no such page", [f"{request.url.path}: {error.detail}."])
        return HTMLResponse(page, status_code=error.status_code)
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
