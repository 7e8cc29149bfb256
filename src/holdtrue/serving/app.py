"""App: the routes of a worker, and how a body comes in and a refusal goes out over HTTP."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.metadata import version as find_release

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from holdtrue.domain import Json
from holdtrue.serving.answer.loaded import ServedLoop
from holdtrue.serving.counts.counter import Metric
from holdtrue.serving.counts.metrics import PROMETHEUS_TYPE, render_metrics
from holdtrue.serving.explain import TIMEOUT_SECONDS
from holdtrue.serving.replica import Replica
from holdtrue.serving.reply import (
    AllRefused,
    describe_answers,
    describe_infer,
    describe_loop,
    describe_server,
    describe_version,
    find_version,
)
from holdtrue.serving.request.body import (
    BODY_LIMIT_BYTES,
    JSON_TYPE,
    check_content_type,
    decode_body,
    read_native,
)
from holdtrue.serving.request.field import name_some, suggest_name
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.tensor import read_infer
from holdtrue.serving.wait import read_patience

BODY_SECONDS = 15.0
RETRY_AFTER_SECONDS = 1
CLIENT_GONE_STATUS = 499
Handle = Callable[[Request], Awaitable[Response]]


def make_app(replica: Replica) -> Starlette:
    """Make the ASGI app of a worker; its lifespan starts and closes the replica."""
    desk = _Desk(replica)
    table: list[tuple[str, str, Handle]] = [
        ("POST", "/v1/predict", desk.predict),
        ("POST", "/v1/predict/{loop}", desk.predict),
        ("POST", "/v1/explain", desk.explain),
        ("POST", "/v1/explain/{loop}", desk.explain),
        ("POST", "/v1/labels", desk.receive_labels),
        ("POST", "/v1/labels/{loop}", desk.receive_labels),
        ("GET", "/v2", desk.show_server),
        ("GET", "/v2/health/live", desk.show_life),
        ("GET", "/v2/health/ready", desk.show_readiness),
        ("GET", "/v2/models/{loop}", desk.show_loop),
        ("GET", "/v2/models/{loop}/ready", desk.show_loop_readiness),
        ("GET", "/v2/models/{loop}/versions/{version}", desk.show_version),
        ("GET", "/v2/models/{loop}/versions/{version}/ready", desk.show_loop_readiness),
        ("POST", "/v2/models/{loop}/infer", desk.infer),
        ("POST", "/v2/models/{loop}/explain", desk.explain_infer),
        ("GET", "/metrics", desk.show_metrics),
    ]

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await replica.start()
        try:
            yield
        finally:
            await replica.close()

    routes = [Route(path, desk.guard(path, handle), methods=[method]) for method, path, handle in table]
    paths = [path for _, path, _ in table]
    handlers = {HTTPException: _make_lost(paths), Exception: _tell_broken}
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)


class _Desk:
    """The handlers. Each returns a reply or raises `Refused`, which `guard` turns into one."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._engine = replica.engine

    def guard(self, route: str, handle: Handle) -> Handle:
        """Return the handler with refusals turned into replies, and every reply counted under its route."""

        async def respond(request: Request) -> Response:
            try:
                response = await handle(request)
            except Refused as refused:
                response = _tell_refusal(refused)
            except ClientDisconnect:
                response = Response(status_code=CLIENT_GONE_STATUS)
            self._replica.counters.add(Metric.REQUESTS, route, str(response.status_code))
            return response

        return respond

    async def predict(self, request: Request) -> Response:
        """Answer rows in the native form."""
        started = time.perf_counter()
        patience = read_patience(request, self._replica.router.timeout_seconds)
        served = self._find_loop(request)
        records = read_native(await _read_json(request))
        answers = await self._replica.router.answer(served, records, patience=patience)
        told = describe_answers(served.traffic.loop, answers)
        self._replica.counters.observe_latency(served.traffic.loop, time.perf_counter() - started)
        return _reply(told)

    async def infer(self, request: Request) -> Response:
        """Answer rows in the V2 form."""
        started = time.perf_counter()
        patience = read_patience(request, self._replica.router.timeout_seconds)
        served = self._find_loop(request)
        content = await _read_json(request)
        infer = read_infer(content, features=served.champion.release.version.signature.schema.names)
        answers = await self._replica.router.answer(served, infer.records, is_whole=True, patience=patience)
        told = describe_infer(served.traffic.loop, infer.request_id, answers)
        self._replica.counters.observe_latency(served.traffic.loop, time.perf_counter() - started)
        return _reply(told)

    async def explain(self, request: Request) -> Response:
        """Explain one row in the native form."""
        patience = read_patience(request, TIMEOUT_SECONDS)
        served = self._find_loop(request)
        records = read_native(await _read_json(request))
        return _reply(await self._replica.explain.explain(served, records, patience))

    async def explain_infer(self, request: Request) -> Response:
        """Explain one row in the V2 form."""
        patience = read_patience(request, TIMEOUT_SECONDS)
        served = self._find_loop(request)
        content = await _read_json(request)
        infer = read_infer(content, features=served.champion.release.version.signature.schema.names)
        told = await self._replica.explain.explain(served, infer.records, patience)
        named = {"model_name": told.pop("loop"), "model_version": told.pop("version").removeprefix("v"), **told}
        return _reply(named if infer.request_id is None else {**named, "id": infer.request_id})

    async def receive_labels(self, request: Request) -> Response:
        """Take labels in."""
        served = self._find_loop(request)
        records = read_native(await _read_json(request), name="labels")
        signature = served.champion.release.version.signature
        receipt = await self._replica.labels.receive(served.traffic.loop, signature, records)
        return _reply(receipt.describe(), receipt.status)

    async def show_server(self, _: Request) -> Response:
        """Tell what this server is."""
        return _reply(describe_server(find_release("holdtrue")))

    async def show_life(self, _: Request) -> Response:
        """Say that this process answers."""
        return _reply({"live": True})

    async def show_readiness(self, _: Request) -> Response:
        """Say whether every loop can be answered, and by which revision of its traffic."""
        status = self._replica.status
        told = {
            "ready": status.is_ready,
            "nonce": status.nonce,
            "worker": status.slot,
            "revisions": status.revisions,
            "problems": status.problems,
        }
        return _reply(told, 200 if status.is_ready else 503)

    async def show_loop(self, request: Request) -> Response:
        """Tell what a loop takes and gives."""
        served = self._find_loop(request)
        return _reply(describe_loop(served.traffic.loop, served))

    async def show_loop_readiness(self, request: Request) -> Response:
        """Say that a loop, or a version of it, is loaded."""
        served = self._find_loop(request)
        if "version" in request.path_params:
            find_version(served, request.path_params["version"])
        return _reply({"name": served.traffic.loop, "ready": True})

    async def show_version(self, request: Request) -> Response:
        """Tell what a version takes and gives."""
        served = self._find_loop(request)
        version = find_version(served, request.path_params["version"])
        return _reply(describe_version(served.traffic.loop, version))

    async def show_metrics(self, _: Request) -> Response:
        """Tell the counters of all workers."""
        text = render_metrics(self._replica.gather_statuses(), n_waiting=self._engine.n_waiting)
        return Response(text, headers={"content-type": PROMETHEUS_TYPE})

    def _find_loop(self, request: Request) -> ServedLoop:
        """Return the loop that the path names; without a name the only one."""
        name, there = request.path_params.get("loop"), self._engine.wanted
        if name is None and len(there) == 1:
            name = there[0]
        if name is not None and name in self._engine.served:
            return self._engine.served[name]
        if name in there or not there:
            reasons = " ".join(self._engine.problems)
            raise Refused(Code.NOT_READY, f"no version is ready to answer yet. {reasons}".strip(), remedy="try again")
        if name is None:
            remedy = f"add its name to the path: {request.url.path}/{there[0]}"
            raise Refused(
                Code.UNKNOWN_LOOP, "the path names no loop", expected=f"one of {name_some(there)}", remedy=remedy
            )
        found, expected = f"there is no loop {name[:60]!r}", f"one of {name_some(there)}"
        raise Refused(Code.UNKNOWN_LOOP, found, expected=expected, remedy=suggest_name(name, there))


async def _read_json(request: Request) -> object:
    """Read and decode a body; one that is too large, too slow or of another type is refused."""
    check_content_type(request.headers.get("content-type"))
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
    return decode_body(bytes(body))


def _reply(content: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers, media_type=JSON_TYPE)


def _tell_refusal(refused: Refused) -> Response:
    told: dict[str, Json] = {"error": refused.describe()}
    if isinstance(refused, AllRefused):
        told["errors"] = [row.describe() for row in refused.rows]
    headers: dict[str, str] = {}
    if refused.status == 503:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    if refused.code in {Code.TOO_LARGE, Code.TOO_SLOW}:
        headers["connection"] = "close"  # the rest of the body is not worth reading
    return _reply(told, refused.status, headers)


def _make_lost(paths: list[str]) -> Callable[[Request, Exception], Response]:
    """Return the handler for a path or a method that is not there."""

    def tell_lost(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        code = Code.WRONG_METHOD if status == 405 else Code.UNKNOWN_ROUTE
        found = f"{request.method} {request.url.path[:100]} is not served"
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        return _reply(
            {"error": Refused(code, found, expected=f"one of {', '.join(paths)}").describe()}, status, headers
        )

    return tell_lost


def _tell_broken(_: Request, error: Exception) -> Response:
    """Tell of a fault of ours; the server's log has its traceback."""
    return _reply({"error": Refused(Code.BROKEN, f"the server failed ({type(error).__name__})").describe()}, 500)
