"""Desk: what every form of request needs: the loop that a path names, refusals told, replies counted."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from holdtrue.serving.access.gate import Free, find_permission, needs
from holdtrue.serving.answer.loaded import ServedLoop
from holdtrue.serving.answer.patience import Patience
from holdtrue.serving.choice import choose_version, find_loop
from holdtrue.serving.counts.counter import Metric
from holdtrue.serving.replica import Replica
from holdtrue.serving.request.field import name_some
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.trace import trace_route
from holdtrue.serving.wait import read_patience
from holdtrue.serving.wire.response import Style, tell_refusal

CLIENT_GONE_STATUS = 499
VERSION_HEADER = "x-holdtrue-version"
Handle = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Entry:
    """One row of the table of routes: `style` says how its refusals are spelt."""

    method: str
    path: str
    handle: Handle
    style: Style = Style.OBJECT


class Desk:
    """Stands between the handlers of the forms and the replica that answers.

    A handler takes a request and returns a response or raises `Refused`, which `guard` turns into one.
    """

    def __init__(self, replica: Replica) -> None:
        self.replica = replica

    def guard(self, entry: Entry) -> Handle:
        """Return a route's handler behind the gate, with refusals turned into replies, and every reply counted.

        Raises:
            DeclarationError: the handler declares no permission.
        """
        permission = find_permission(entry.handle)

        async def answer(request: Request) -> Response:
            try:
                self.replica.gate.admit(request.headers.get("authorization"), permission)
                response = await entry.handle(request)
            except Refused as refused:
                self.replica.note_refusal(refused)
                response = tell_refusal(refused, entry.style)
            except ClientDisconnect:
                response = Response(status_code=CLIENT_GONE_STATUS)
            self.replica.counters.add(Metric.REQUESTS, entry.path, str(response.status_code))
            return response

        tracing = self.replica.tracing
        # Probes of health come every few seconds and say nothing of a request.
        if tracing is None or permission is Free.FREE:
            return needs(permission)(answer)
        return needs(permission)(trace_route(tracing, entry.method, entry.path, answer))

    @contextmanager
    def serve(self, request: Request) -> Iterator[ServedLoop]:
        """Give the loop of a request for rows; the time until its answers are spelt out is counted."""
        started = time.perf_counter()
        served = self.choose_version(request, self.find_loop(request))
        yield served
        self.replica.counters.observe_latency(served.traffic.loop, time.perf_counter() - started)

    def read_patience(self, request: Request) -> Patience:
        """Return how long a request for rows waits, from now on."""
        return read_patience(request, self.replica.router.timeout_seconds)

    def find_loop(self, request: Request) -> ServedLoop:
        """Return the loop that the path names; without a name the only one."""
        engine = self.replica.engine
        name, there = request.path_params.get("loop"), engine.wanted
        if name is None and len(there) > 1:
            remedy = f"add its name to the path: {request.url.path}/{there[0]}"
            raise Refused(
                Code.UNKNOWN_LOOP, "the path names no loop", expected=f"one of {name_some(there)}", remedy=remedy
            )
        return find_loop(engine, name or "".join(there))

    def choose_version(self, request: Request, served: ServedLoop) -> ServedLoop:
        """Return what answers a request for rows: the loop as its traffic says, or a version that a test forces.

        Which version answers a unit is the traffic's to say, so a path that names a version is answered only while that
        one answers every unit, or for those who may force one.

        Raises:
            Refused: the version is not loaded, or others answer too and the caller may not force it.
        """
        forced, named = request.headers.get(VERSION_HEADER), request.path_params.get("version")
        return choose_version(served, self.replica.gate, request.headers.get("authorization"), forced, named)
