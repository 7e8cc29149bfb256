"""Guard: who may ask, and what a browser may do with the answer.

The page has no password: it listens on the loopback, where any local program may speak to it. A foreign web page in the
same browser may not: foreign names that resolve to the loopback are refused by the Host list, orders of other origins
by the Origin check, and injected markup can run nothing under the content security policy.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: with it browsers send "Origin: null" with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class Guard:
    """Refuses requests for foreign names and orders of foreign pages; adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str] = LOOPBACK) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._find_refusal(scope["method"], Headers(scope=scope))
        answer = self._app if refusal is None else PlainTextResponse(refusal, status_code=403)
        await answer(scope, receive, send_guarded)

    def _find_refusal(self, method: str, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if _name_of(f"//{host}") not in self._hosts:
            return f"This page is not known by the name in Host. Expected: one of {', '.join(sorted(self._hosts))}."
        if method in _SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin is None:
            # Browsers name the origin of every POST. Without one it is a program; JSON keeps old browsers' forms out.
            is_json = headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
            return None if is_json else "An order without Origin must be application/json."
        if urlsplit(origin).netloc.lower() != host.lower():
            return "Orders are taken from this page only: Origin and Host differ."
        return None


def _name_of(address: str) -> str | None:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return None
