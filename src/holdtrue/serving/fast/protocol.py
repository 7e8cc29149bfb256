"""Protocol: uvicorn's own HTTP protocol, with the short way taken before an ASGI task is begun.

Only keep-alive POSTs to the routes of the short way leave uvicorn's path, and they come back to it whenever they turn
out not to be plain. `find_protocol` checks at start that uvicorn still is what this file takes it to be.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from holdtrue.serving.access.gate import Gate
from holdtrue.serving.access.token import TokenRole
from holdtrue.serving.fast.head import HEAD_LIMIT_BYTES, Head, Heads, read_authorization, read_length, read_route
from holdtrue.serving.fast.lane import Lane

_END = b"\r\n\r\n"
_REST_SECONDS = 0.05
HEAD_SECONDS = 15.0
_METHODS = (
    *("data_received", "on_message_begin", "on_headers_complete", "on_body", "on_message_complete"),
    *("connection_lost", "shutdown", "timeout_keep_alive_handler"),
)
_ATTRIBUTES = (
    *("cycle", "flow", "headers", "loop", "parser", "pipeline", "server_state", "timeout_keep_alive"),
    *("timeout_keep_alive_task", "transport"),
)


class LaneProtocol(HttpToolsProtocol):
    """One connection. `lane`, `gate`, `heads` and `front` are those of the worker, set by `find_protocol`."""

    lane: Lane
    gate: Gate
    heads: Heads
    front: "_Front"
    is_short: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_between = True  # no request is half parsed
        self._is_careful = False  # the next request that is parsed goes the careful way
        self._head: Head | None = None  # of the request that is being parsed, while it may go the short way
        self._body = bytearray()
        self._kept = b""  # a known head, and what came of its body
        self._rest: asyncio.TimerHandle | None = None  # the wait for the rest of a body
        self._asked: bytes | None = None  # what waits in the lane; empty when it was parsed
        self._is_ending = False
        self._replied_at = 0.0
        self._rest_until = 0.0
        self._patience: asyncio.TimerHandle | None = None  # the wait for the rest of a head

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a connection; one that never asks anything is closed as an idle one is."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._await_head(self.timeout_keep_alive)

    # What comes in.

    def data_received(self, data: bytes) -> None:
        """Take a request whose head is known without parsing it; give all else to the parser."""
        is_first_piece = self._rest is None
        if not is_first_piece:
            data = self._end_wait() + data
        if self._asked is not None:
            self.lane.flush()  # replies keep the order of requests
        is_whole = self._is_between and self._can_reply()
        if is_whole:
            end = data.find(_END, 0, HEAD_LIMIT_BYTES) + len(_END)
            head = self.heads.find(data[:end])
            if head is not None and self._take_known(head, data, end, is_first_piece=is_first_piece):
                return
        super().data_received(data)
        if self._head is not None:
            if is_whole:
                self._learn(data, self._head, n_body=len(self._body))
            if not self._is_between:
                self._wait_for_rest(is_first_piece=is_first_piece)

    def _take_known(self, head: Head, data: bytes, end: int, *, is_first_piece: bool) -> bool:
        """Offer a request whose head is known to the lane, or wait for the rest of its body; say whether it was taken.

        It is not if its sender has no token where one is needed: the careful way says so.
        """
        if self._patience is not None:
            self._end_patience()
        missing = head.n_bytes - (len(data) - end)
        if missing < 0 or not self.gate.lets(head.authorization, TokenRole.PREDICT):
            return False
        if missing:
            self._kept = data
            self._wait_for_rest(is_first_piece=is_first_piece)
            return True
        self._asked = data
        if self.lane.take(head.route, data[end:], self):
            return True
        self._asked = None
        return False

    def _wait_for_rest(self, *, is_first_piece: bool) -> None:
        """Wait for the rest of a body, for a moment from its first piece on."""
        if is_first_piece:
            self._rest_until = self.loop.time() + _REST_SECONDS
        self._rest = self.loop.call_at(self._rest_until, self._stop_waiting)

    def _end_wait(self) -> bytes:
        """End the wait for the rest of a body; return what of the request is not with the parser."""
        if self._rest is not None:
            self._rest.cancel()
        kept, self._rest, self._kept = self._kept, None, b""
        return kept

    def _learn(self, data: bytes, head: Head, *, n_body: int) -> None:
        """Remember a head that the parser has read, where it ends where `_take_known` would end it."""
        end = data.find(_END, 0, HEAD_LIMIT_BYTES) + len(_END)
        if end >= len(_END) and len(data) - end == n_body:
            self.heads.learn(data[:end], head)

    def _stop_waiting(self) -> None:
        """Leave a body that does not come at once to the careful way, which knows how long to wait for it."""
        self._rest = None
        if self._kept:
            data, self._kept, self._is_careful = self._kept, b"", True
            super().data_received(data)
        elif self._head is not None and not self._is_between:
            self._head = None
            super().on_headers_complete()
            super().on_body(bytes(self._body))

    def _can_reply(self) -> bool:
        is_idle = self.cycle is None or self.cycle.response_complete
        return is_idle and not self.pipeline and not self.flow.write_paused and not self.transport.is_closing()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin to parse a request."""
        if self._asked is not None:
            self.lane.flush()  # two requests came in one piece
        self._is_between, self._head = False, None
        self._await_head(HEAD_SECONDS)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Put the ASGI task off while the request may go the short way."""
        self._end_patience()
        self._head = None if self._is_careful else self._read_head()
        if self._head is None:
            super().on_headers_complete()
        else:
            self._body.clear()

    def _read_head(self) -> Head | None:
        if not self.is_short or not self._can_reply() or self.parser.get_http_version() != "1.1":
            return None
        route = read_route(self.parser.get_method(), self.url)
        n_bytes = None if route is None else read_length(self.headers)
        if route is None or n_bytes is None:
            return None
        head = Head(route, n_bytes, read_authorization(self.headers))
        # A body is not collected for one who may not ask.
        return head if self.gate.lets(head.authorization, TokenRole.PREDICT) else None

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        if self._head is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Give the request to the lane, or begin its ASGI task after all."""
        self._is_between, self._is_careful = True, False
        if self._head is None:
            super().on_message_complete()
        elif not self._ask_parsed(self._head):
            self._head = None
            self._begin_task()

    def _ask_parsed(self, head: Head) -> bool:
        """Offer a request that was parsed to the lane, which may reply at once; return whether it was taken."""
        self._asked = b""
        may_ask = self.gate.lets(head.authorization, TokenRole.PREDICT)
        if may_ask and self.lane.take(head.route, bytes(self._body), self):
            return True
        self._asked = None
        return False

    def _begin_task(self) -> None:
        super().on_headers_complete()
        super().on_body(bytes(self._body))
        super().on_message_complete()
        if self._is_ending:
            self.cycle.keep_alive = False

    # What the lane calls.

    def reply(self, body: bytes) -> None:
        """Send the reply to the request that waits in the lane."""
        self._asked = None
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        end = b"\r\nconnection: close\r\n\r\n" if self._is_ending else _END
        self.transport.write(b"%b%d%b%b" % (self.front.spell(self.server_state.default_headers), len(body), end, body))
        if self._is_ending:
            self.transport.close()
            return
        self._replied_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._await_next(self.timeout_keep_alive)

    def go_careful(self) -> None:
        """Take the request back from the lane, and have the app answer it."""
        data, self._asked = self._asked, None
        if self.transport.is_closing():
            return
        if data:
            self._is_careful = True
            super().data_received(data)
        else:
            self._begin_task()

    # How a connection ends.

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that is idle: one timer is kept, and looks when the last reply was."""
        idle_seconds = self.loop.time() - self._replied_at
        if self._asked is not None or self._rest is not None:
            idle_seconds = 0.0
        if idle_seconds < self.timeout_keep_alive:
            self._await_next(self.timeout_keep_alive - idle_seconds)
        else:
            super().timeout_keep_alive_handler()

    def _await_next(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(max(seconds, 0.01), self.timeout_keep_alive_handler)

    def _await_head(self, seconds: float) -> None:
        """Close the connection unless a whole head has come by then; uvicorn would wait for ever."""
        self._end_patience()
        self._patience = self.loop.call_later(seconds, self._lose_patience)

    def _lose_patience(self) -> None:
        self._patience = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:  # an answer before is still on its way, and nothing is read meanwhile
            self._await_head(HEAD_SECONDS)

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def shutdown(self) -> None:
        """Answer what was accepted; a request that has begun to come in is answered too."""
        if self._asked is not None:
            self.lane.flush()
        if self._rest is not None:
            self._rest.cancel()
            self._stop_waiting()
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the request that was coming in."""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        self._asked = None
        self._end_patience()
        super().connection_lost(exc)


class _Front:
    """The first lines of a good reply; uvicorn makes its own headers anew each second, for the date."""

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._spelt = b""

    def spell(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Return the lines up to the length of the body."""
        if headers is not self._headers:
            lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
            self._spelt = b"HTTP/1.1 200 OK\r\n" + lines + b"content-type: application/json\r\ncontent-length: "
            self._headers = headers
        return self._spelt


def find_protocol(lane: Lane, gate: Gate, *, is_short: bool = True) -> type[asyncio.Protocol] | None:
    """Return the class for uvicorn's `http=`; None where this uvicorn is another than the class was written for.

    Without `is_short` all requests go the careful way, and connections are waited for as with it.
    """
    if any(not hasattr(HttpToolsProtocol, name) for name in _METHODS):
        return None
    probe = HttpToolsProtocol(Config(_answer_nobody), ServerState(), {}, asyncio.get_running_loop())
    if any(not hasattr(probe, name) for name in _ATTRIBUTES):
        return None
    own = {"lane": lane, "gate": gate, "heads": Heads(), "front": _Front(), "is_short": is_short}
    return type("WorkerProtocol", (LaneProtocol,), own)


async def _answer_nobody(scope: Any, receive: Any, send: Any) -> None:
    """Stand for an app where none is asked."""
