"""Trace: a span for each request, sent as OpenTelemetry's standard environment variables say. Off unless they ask.

A span names the loop, versions, roles and the number of rows, and never what is in them.
"""

import logging
import os
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from holdtrue.serving.answer.answer import Answer
from holdtrue.serving.answer.loaded import ServedLoop
from holdtrue.serving.answer.router import Router
from holdtrue.serving.request.refusal import Refused

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

_CLOSE_SECONDS = 2.0
_SCOPE = "holdtrue.serving"
_EXPORTER, _PROTOCOL = "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL"
_ASKING = (_EXPORTER, "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_EXPORTERS = "opentelemetry_traces_exporter"
_log = logging.getLogger(_SCOPE)


class Tracing:
    """Opens spans and hands them to a processor. `find_tracing` makes it.

    Args:
        processor: what becomes of spans that ended.
    """

    def __init__(self, processor: "SpanProcessor") -> None:
        from opentelemetry.sdk.trace import TracerProvider

        self._provider = TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(_SCOPE)

    @contextmanager
    def open(self, name: str, carrier: Mapping[str, str], attributes: Mapping[str, str]) -> Iterator[None]:
        """Open the span of a request that came in.

        Args:
            name: what is asked for, without anything that the client chose.
            carrier: the headers, which may name the parent (`traceparent`).
            attributes: what is known of the request before it is answered.
        """
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind

        with self._tracer.start_as_current_span(
            name,
            context=extract(carrier),
            kind=SpanKind.SERVER,
            attributes=dict(attributes),
            record_exception=False,  # its message may quote what the client sent
            set_status_on_exception=False,
        ):
            yield

    def close(self) -> None:
        """Send what waits, and end; what a dead collector does not take within two seconds is given up."""
        sending = threading.Thread(target=self._provider.shutdown, name="spans", daemon=True)
        sending.start()
        sending.join(_CLOSE_SECONDS)


class TracedRouter(Router):
    """A router that writes down on the span of a request which loop, versions and roles answered how many rows."""

    def _count(self, served: ServedLoop, answers: Sequence[Answer | Refused]) -> None:
        super()._count(served, answers)
        given = [answer.prediction for answer in answers if isinstance(answer, Answer)]
        mark_span("holdtrue.loop", served.traffic.loop)
        mark_span("holdtrue.rows", len(answers))
        mark_span("holdtrue.refused_rows", len(answers) - len(given))
        mark_span("holdtrue.versions", sorted({f"v{each.version}" for each in given}))
        mark_span("holdtrue.roles", sorted({each.role.value for each in given}))


def mark_span(name: str, value: str | int | list[str]) -> None:
    """Write something down on the span of the request that is being answered."""
    from opentelemetry.trace import get_current_span

    get_current_span().set_attribute(name, value)


def mark_failed(kind: str) -> None:
    """Say on the span of the request that the server failed, and in one word how."""
    from opentelemetry.trace import StatusCode, get_current_span

    get_current_span().set_attribute("error.type", kind)
    get_current_span().set_status(StatusCode.ERROR)


def trace_route(
    tracing: Tracing, method: str, path: str, handle: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of an HTTP route with a span around it."""
    attributes = {"http.request.method": method, "http.route": path}

    async def answer(request: Request) -> Response:
        with tracing.open(f"{method} {path}", request.headers, attributes):
            try:
                response = await handle(request)
            except Exception as error:
                mark_failed(type(error).__name__)
                raise
            mark_span("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                mark_failed(str(response.status_code))
            return response

    return answer


def find_tracing(environment: Mapping[str, str] | None = None) -> Tracing | None:
    """Return what opens spans as the environment asks for it; None when it does not, or it cannot be had.

    A server that cannot trace answers all the same; its log says why.

    Args:
        environment: the variables; by default those of this process.
    """
    said = os.environ if environment is None else environment
    if not any(said.get(name) for name in _ASKING) or said.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    name = said.get(_EXPORTER, "").strip() or "otlp"
    if name == "none":
        return None
    try:
        return Tracing(_make_processor(name, said.get(_PROTOCOL, "") or "http/protobuf"))
    except Exception as error:  # other people's code, set up by other people's variables
        _log.warning("Requests are not traced: %s", _explain(error))
        return None


def _make_processor(name: str, protocol: str) -> "SpanProcessor":
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    wanted = {"grpc": "otlp_proto_grpc"}.get(protocol, "otlp_proto_http") if name == "otlp" else name
    exporters = {point.name: point for point in entry_points(group=_EXPORTERS)}
    if wanted not in exporters:
        raise LookupError(f"there is no exporter {wanted[:60]!r}, but {', '.join(sorted(exporters)) or 'none at all'}")
    exporter: Any = exporters[wanted].load()
    return BatchSpanProcessor(exporter())


def _explain(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed (pip install 'holdtrue[otel]')"
    return f"{type(error).__name__}: {error}"
