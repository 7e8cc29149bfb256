"""Crowd: clients on keep-alive connections that ask until they are told to stop, and remember what went wrong.

They run in a thread with an event loop of its own. wrk measures speed; a crowd looks at each reply.
"""

import asyncio
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
RETRY_SECONDS = 0.02
SILENCE_SECONDS = 30.0


@dataclass
class Seen:
    """What a crowd saw. A request is broken when its connection ended, or fell silent, before a whole reply."""

    statuses: Counter[int] = field(default_factory=Counter)
    n_broken: int = 0
    n_refused_connections: int = 0
    latencies: list[float] = field(default_factory=list)
    ended_at: list[float] = field(default_factory=list)
    last_by_version: dict[bytes, float] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    @property
    def n_right(self) -> int:
        """Return how many requests were answered with 2xx."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def n_failed(self) -> int:
        """Return how many were not."""
        return sum(self.statuses.values()) - self.n_right + self.n_broken

    def find_percentile(self, percent: float, *, since: float = 0.0, until: float = float("inf")) -> float:
        """Return a percentile of the time to a reply in milliseconds, of the replies between two moments."""
        pairs = zip(list(self.latencies), list(self.ended_at), strict=False)
        chosen = sorted(seconds for seconds, at in pairs if since <= at < until)
        return chosen[min(len(chosen) - 1, int(len(chosen) * percent / 100))] * 1e3 if chosen else float("nan")


Take = Callable[[bytes, int, bytes, bytes], None]
"""Is given a request, the status, the head and the body of its reply; may complain to `Seen`."""


def write_request(path: str, body: bytes, *, content_type: str = "application/json", headers: bytes = b"") -> bytes:
    """Return a whole request; `headers` are further lines, each with its end."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {content_type}\r\n"
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (head.encode(), headers, len(body), body)


class Crowd:
    """Asks `make()` for each request. With a rate, requests are paced evenly over the connections.

    Args:
        port: of the server, on loopback.
        make: returns the next request.
        n_connections: how many ask at once.
        rate: requests a second of all together; None for as many as it can.
        take: looks at each reply.
        versions: texts that name versions in replies; when each was last seen is kept.
        n_requests: after how many it stops by itself.
    """

    def __init__(
        self,
        port: int,
        make: Callable[[], bytes],
        *,
        n_connections: int = 16,
        rate: float | None = None,
        take: Take | None = None,
        versions: tuple[bytes, ...] = (),
        n_requests: int | None = None,
    ) -> None:
        self.seen = Seen()
        self.port, self.make, self.take, self.versions = port, make, take, versions
        self.pause_seconds = n_connections / rate if rate else 0.0
        self.is_over = False
        self._n_left = n_requests
        self._n_connections = n_connections
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._live, name="crowd", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over = True
        self._thread.join(SILENCE_SECONDS + 5)
        self._raise()

    def wait(self) -> None:
        """Wait until all requests of a limited number were answered."""
        self._thread.join()
        self._raise()

    def _live(self) -> None:
        try:
            asyncio.run(self._run())
        except Exception as error:  # a fault of the bench must not look like silence of the server
            self._failure = error

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def wait_for(self, n_more: int, *, limit_seconds: float = 60.0) -> None:
        """Wait until so many more were answered with 2xx."""
        goal, deadline = self.seen.n_right + n_more, time.monotonic() + limit_seconds
        while self.seen.n_right < goal:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{n_more} more answers did not come in {limit_seconds:.0f} s: {self.seen.statuses}")
            time.sleep(0.005)

    def draw(self) -> bytes | None:
        """Return the next request, or None when there is none left."""
        if self.is_over or self._n_left == 0:
            return None
        if self._n_left is not None:
            self._n_left -= 1
        return self.make()

    async def _run(self) -> None:
        await asyncio.gather(*(self._ask(number) for number in range(self._n_connections)))

    async def _ask(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.pause_seconds * number / self._n_connections
        line: _Line | None = None
        while (request := self.draw()) is not None:
            if self.pause_seconds:
                await asyncio.sleep(max(0.0, due - loop.time()))
                due += self.pause_seconds
            while line is None or line.is_lost:
                try:
                    _, line = await loop.create_connection(_Line, "127.0.0.1", self.port)
                except OSError:
                    self.seen.n_refused_connections += 1
                    if self.is_over:
                        return
                    await asyncio.sleep(RETRY_SECONDS)
            began = time.perf_counter()
            try:
                status, head, body = await asyncio.wait_for(line.ask(request), SILENCE_SECONDS)
            except (OSError, TimeoutError):
                self.seen.n_broken += 1
                line.close()
                line = None
                continue
            self._note(request, status, head, body, time.perf_counter() - began)
        if line is not None:
            line.close()

    def _note(self, request: bytes, status: int, head: bytes, body: bytes, seconds: float) -> None:
        seen, now = self.seen, time.monotonic()
        seen.statuses[status] += 1
        seen.latencies.append(seconds)
        seen.ended_at.append(now)
        for version in self.versions:
            if version in body:
                seen.last_by_version[version] = now
        if self.take is not None:
            self.take(request, status, head, body)


class _Line(asyncio.Protocol):
    """One connection: a request, then its reply."""

    def __init__(self) -> None:
        self.is_lost = False
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._reply: asyncio.Future[tuple[int, bytes, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes, bytes]]":
        """Send a request; the future has status, head and body of the reply."""
        assert self._transport is not None
        self._buffer = b""
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._reply

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._reply is None or self._reply.done():
            return
        head = self._buffer[: end + 2]
        status, length = _STATUS.match(head), _LENGTH.search(head)
        if status is None:
            self._reply.set_exception(ConnectionError(f"no HTTP: {head[:80]!r}"))
            return
        if status[1] == b"100":
            self._buffer = self._buffer[end + 4 :]
            self.data_received(b"")
            return
        body = self._buffer[end + 4 :]
        if length is not None and len(body) >= int(length[1]):
            if b"\r\nconnection: close" in head.lower():
                self.close()
            self._reply.set_result((int(status[1]), head, body[: int(length[1])]))

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error or ConnectionResetError("the server hung up"))

    def close(self) -> None:
        """Hang up."""
        self.is_lost = True
        if self._transport is not None:
            self._transport.close()
