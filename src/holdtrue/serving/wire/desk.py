"""Desk: what every form of request needs: the loop that a path names, refusals told, replies counted."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from holdtrue.serving.answer.loaded import ServedLoop
from holdtrue.serving.counts.counter import Metric
from holdtrue.serving.replica import Replica
from holdtrue.serving.reply import find_version
from holdtrue.serving.request.field import name_some, suggest_name
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.wire.response import Style, tell_refusal

CLIENT_GONE_STATUS = 499
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
        """Return a route's handler with refusals turned into replies, and every reply counted under its path."""

        async def answer(request: Request) -> Response:
            try:
                response = await entry.handle(request)
            except Refused as refused:
                response = tell_refusal(refused, entry.style)
            except ClientDisconnect:
                response = Response(status_code=CLIENT_GONE_STATUS)
            self.replica.counters.add(Metric.REQUESTS, entry.path, str(response.status_code))
            return response

        return answer

    @contextmanager
    def serve(self, request: Request) -> Iterator[ServedLoop]:
        """Give the loop of a request for rows; the time until its answers are spelt out is counted."""
        started = time.perf_counter()
        served = choose_version(request, self.find_loop(request))
        yield served
        self.replica.counters.observe_latency(served.traffic.loop, time.perf_counter() - started)

    def find_loop(self, request: Request) -> ServedLoop:
        """Return the loop that the path names; without a name the only one."""
        engine = self.replica.engine
        name, there = request.path_params.get("loop"), engine.wanted
        if name is None and len(there) == 1:
            name = there[0]
        if name is not None and name in engine.served:
            return engine.served[name]
        if name in there or not there:
            reasons = " ".join(engine.problems)
            raise Refused(Code.NOT_READY, f"no version is ready to answer yet. {reasons}".strip(), remedy="try again")
        if name is None:
            remedy = f"add its name to the path: {request.url.path}/{there[0]}"
            raise Refused(
                Code.UNKNOWN_LOOP, "the path names no loop", expected=f"one of {name_some(there)}", remedy=remedy
            )
        found, expected = f"there is no loop {name[:60]!r}", f"one of {name_some(there)}"
        raise Refused(Code.UNKNOWN_LOOP, found, expected=expected, remedy=suggest_name(name, there))


def choose_version(request: Request, served: ServedLoop) -> ServedLoop:
    """Return what answers a request for rows: the loop as its traffic says.

    Which version answers a unit is the traffic's to say, so a path that names a version is answered only while that one
    answers every unit. Whoever may force a version is to be let through here.

    Raises:
        Refused: the version is not loaded, or others answer too.
    """
    name = request.path_params.get("version")
    if name is None:
        return served
    number = find_version(served, name).number
    shares = {known: share for known, share in served.traffic.shares.items() if share > 0}
    if number in shares and len(shares) == 1:
        return served
    told = ", ".join(f"v{known} {share:.0%}" for known, share in sorted(shares.items()))
    raise Refused(
        Code.VERSION_NOT_CHOSEN,
        f"v{number} of {served.traffic.loop!r} is not what everybody is answered by: the traffic says {told}",
        expected="a path without a version",
        remedy="leave /versions/... out; the answer names its version",
    )
