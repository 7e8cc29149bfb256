"""Service: the calls of `inference.GRPCInferenceService`, answered by the router that answers HTTP."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version as find_release
from typing import Any

import grpc

from holdtrue.serving.access.gate import Free, find_permission, needs
from holdtrue.serving.access.token import TokenRole
from holdtrue.serving.answer.patience import Patience
from holdtrue.serving.aside import FEW_BYTES, FEW_ROWS, run_aside
from holdtrue.serving.choice import choose_version, find_loop
from holdtrue.serving.counts.counter import Metric
from holdtrue.serving.grpc.message import SERVICE, list_calls
from holdtrue.serving.grpc.status import STATUSES
from holdtrue.serving.grpc.tensor import fill_response, read_message
from holdtrue.serving.replica import Replica
from holdtrue.serving.reply import (
    describe_loop,
    describe_server,
    describe_version,
    find_version,
    list_output_forms,
    list_outputs,
    take_answers,
)
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.trace import Tracing, mark_failed, mark_span
from holdtrue.serving.wait import read_aside
from holdtrue.serving.wire.binary import check_outputs
from holdtrue.serving.wire.desk import VERSION_HEADER

_FAILURES = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN})
_log = logging.getLogger("holdtrue.serving")
Answer = Callable[[Any, Any, "Call"], Awaitable[None]]
"""Fills the response for a request."""


def make_handler(replica: Replica) -> grpc.GenericRpcHandler:
    """Return the handler of the whole service.

    Raises:
        DeclarationError: a call declares no permission; nothing is served then.
    """
    desk = _Desk(replica)
    answers: dict[str, Answer] = {
        "ServerLive": desk.show_life,
        "ServerReady": desk.show_readiness,
        "ModelReady": desk.show_loop_readiness,
        "ServerMetadata": desk.show_server,
        "ModelMetadata": desk.show_loop,
        "ModelInfer": desk.infer,
    }
    methods = {
        name: grpc.unary_unary_rpc_method_handler(
            _guard(replica, name, answers[name], make_response),
            request_deserializer=request.FromString,
            response_serializer=make_response.SerializeToString,
        )
        for name, (request, make_response) in list_calls().items()
    }
    return grpc.method_handlers_generic_handler(SERVICE, methods)


@dataclass(frozen=True)
class Call:
    """What a client says beside its message: metadata, and how long it waits (None: the usual time)."""

    metadata: Mapping[str, str]
    patience: Patience | None


def _read_call(context: Any) -> Call:
    metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    seconds = context.time_remaining()
    return Call(metadata, None if seconds is None else Patience(timeout_seconds=seconds))


def _guard(replica: Replica, name: str, answer: Answer, make_response: Any) -> Callable[[Any, Any], Awaitable[Any]]:
    """Return the handler of a call behind the gate, with refusals turned into statuses, and every call counted."""
    permission = find_permission(answer)
    route = f"/{SERVICE}/{name}"

    async def respond(request: Any, context: Any) -> Any:
        call = _read_call(context)
        response = make_response()
        try:
            replica.gate.admit(call.metadata.get("authorization"), permission)
            await answer(request, response, call)
        except Refused as refusal:
            refused = refusal
            replica.note_refusal(refused)
        except Exception as error:  # whatever breaks, the client is told as over HTTP, and the log has the traceback
            _log.exception("%s failed", route)
            refused = Refused(Code.BROKEN, f"the server failed ({type(error).__name__})")
        else:
            replica.counters.add(Metric.REQUESTS, route, grpc.StatusCode.OK.name)
            return response
        status = STATUSES.get(refused.code, grpc.StatusCode.UNKNOWN)
        replica.counters.add(Metric.REQUESTS, route, status.name)
        await context.abort(status, str(refused), _describe(refused))

    if replica.tracing is None or permission is Free.FREE:
        return respond
    return _trace_call(replica.tracing, name, respond)


def _trace_call(
    tracing: Tracing, name: str, respond: Callable[[Any, Any], Awaitable[Any]]
) -> Callable[[Any, Any], Awaitable[Any]]:
    """Return the handler of a call with a span around it."""
    attributes = {"rpc.system": "grpc", "rpc.service": SERVICE, "rpc.method": name}

    async def respond_traced(request: Any, context: Any) -> Any:
        with tracing.open(f"{SERVICE}/{name}", _read_call(context).metadata, attributes):
            try:
                return await respond(request, context)
            finally:
                status = context.code() or grpc.StatusCode.OK
                mark_span("rpc.grpc.status_code", int(status.value[0]))
                if status in _FAILURES:
                    mark_failed(status.name)

    return respond_traced


def _describe(refused: Refused) -> tuple[tuple[str, str], ...]:
    """Return code and place of a refusal as trailing metadata, which holds ASCII alone."""
    place = refused.path.encode("ascii", "backslashreplace").decode()
    return ("holdtrue-code", refused.code.value), ("holdtrue-path", place)


class _Desk:
    """The calls. Each fills its response, or raises `Refused`."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    @needs(Free.FREE)
    async def show_life(self, _: Any, response: Any, __: Call) -> None:
        """Say that this process answers."""
        response.live = True

    @needs(Free.FREE)
    async def show_readiness(self, _: Any, response: Any, __: Call) -> None:
        """Say whether every loop can be answered."""
        response.ready = self._replica.engine.is_ready

    @needs(Free.FREE)
    async def show_loop_readiness(self, request: Any, response: Any, call: Call) -> None:
        """Say whether a loop, or a version of it, is loaded; what there is instead is told to those who may know."""
        try:
            served = find_loop(self._replica.engine, request.name)
            if request.version:
                find_version(served, request.version)
        except Refused as refused:
            if self._replica.gate.lets(call.metadata.get("authorization"), TokenRole.PREDICT):
                raise
            raise Refused(refused.code, "it is not ready, or not there") from None
        response.ready = True

    @needs(TokenRole.PREDICT)
    async def show_server(self, _: Any, response: Any, __: Call) -> None:
        """Tell what this server is."""
        told = describe_server(find_release("holdtrue"))
        response.name, response.version = told["name"], told["version"]

    @needs(TokenRole.PREDICT)
    async def show_loop(self, request: Any, response: Any, _: Call) -> None:
        """Tell what a loop, or a version of it, takes and gives."""
        served = find_loop(self._replica.engine, request.name)
        told: Any = (
            describe_version(request.name, find_version(served, request.version))
            if request.version
            else describe_loop(request.name, served)
        )
        response.name, response.platform = told["name"], told["platform"]
        response.versions.extend(told["versions"])
        for part, tensors in ((response.inputs, told["inputs"]), (response.outputs, told["outputs"])):
            for tensor in tensors:
                part.add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])

    @needs(TokenRole.PREDICT)
    async def infer(self, request: Any, response: Any, call: Call) -> None:
        """Answer rows."""
        started, replica = time.perf_counter(), self._replica
        served = choose_version(
            find_loop(replica.engine, request.model_name),
            replica.gate,
            call.metadata.get("authorization"),
            call.metadata.get(VERSION_HEADER),
            request.model_version or None,
        )
        names = served.asked.release.version.signature.given.names
        is_long = request.ByteSize() > FEW_BYTES
        infer = await read_aside(call.patience, is_long, read_message, request, features=names)
        check_outputs(infer, [str(output["name"]) for output in list_output_forms(served.asked)])
        given = await replica.router.answer(served, infer.records, is_whole=True, patience=call.patience)
        answers = take_answers(given)
        response.model_name, response.model_version = request.model_name, str(answers[0].version.number)
        response.id = request.id
        outputs, is_raw = list_outputs(answers), bool(request.raw_input_contents)
        await run_aside(len(answers) > FEW_ROWS, fill_response, response, outputs, infer, is_raw=is_raw)
        replica.counters.observe_latency(request.model_name, time.perf_counter() - started)
