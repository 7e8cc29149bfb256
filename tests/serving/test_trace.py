"""Spans: what they say of a request, whose children they are, and how a worker sends them."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from holdtrue.serving import start_workers
from holdtrue.serving.address import Address
from holdtrue.serving.app import make_app
from holdtrue.serving.front import Front
from holdtrue.serving.grpc.server import serve_grpc
from holdtrue.serving.replica import Replica, Seat
from holdtrue.serving.trace import Tracing, find_tracing
from serving.flights import ROW
from serving.test_grpc import make_request, make_stub

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
def spans():
    return InMemorySpanExporter()


def run(flights, spans, scenario):
    async def main():
        replica = Replica(flights.folder, Seat(), tracing=Tracing(SimpleSpanProcessor(spans)))
        app = make_app(replica)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                client.replica = replica
                return await scenario(client)

    return asyncio.run(main())


@pytest.fixture
def served(flights, boosters):
    flights.send(flights.release(boosters[0]).number)
    return flights


def test_a_request_is_a_span_of_its_callers_trace_without_what_it_carried(served, spans):
    async def scenario(client):
        rows = {"rows": [{**ROW, "flight": "secret-key"}, {**ROW, "distance": "secret-value"}]}
        await client.post("/v1/predict/flights", json=rows, headers={"traceparent": TRACEPARENT})

    run(served, spans, scenario)
    (span,) = spans.get_finished_spans()
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert (span.name, span.kind.name) == ("POST /v1/predict/{loop}", "SERVER")
    assert dict(span.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/predict/{loop}",
        "http.response.status_code": 200,
        "holdtrue.loop": "flights",
        "holdtrue.rows": 2,
        "holdtrue.refused_rows": 1,
        "holdtrue.versions": ("v1",),
        "holdtrue.roles": ("champion",),
    }
    assert "secret" not in span.to_json()


def test_a_refusal_and_a_fault_are_told_by_code_and_status_alone(served, spans):
    async def scenario(client):
        await client.post("/v1/predict/secret", json={"rows": [ROW]})

        async def fail(*_, **__):
            raise ZeroDivisionError("secret")

        client.replica.router.answer = fail
        await client.post("/v1/predict/flights", json={"rows": [ROW]})
        await client.get("/v2/health/ready")

    run(served, spans, scenario)
    refused, failed = spans.get_finished_spans()  # health is not traced
    assert (refused.attributes["holdtrue.code"], refused.attributes["http.response.status_code"]) == (
        "unknown_loop",
        404,
    )
    assert refused.status.status_code.name == "UNSET"
    assert (failed.status.status_code.name, failed.attributes["error.type"]) == ("ERROR", "ZeroDivisionError")
    assert "secret" not in refused.to_json() + failed.to_json()


def test_a_grpc_call_is_a_span_too(served, spans):
    async def scenario(client):
        opened = serve_grpc(client.replica, Front(), Address("127.0.0.1", 0), beside_siblings=False)
        async with opened as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            infer = make_stub(channel, "ModelInfer")
            await infer(make_request(), metadata=[("traceparent", TRACEPARENT)], timeout=20)
            with pytest.raises(grpc.aio.AioRpcError):
                await infer(make_request(model_name="secret"), timeout=20)

    run(served, spans, scenario)
    answered, refused = spans.get_finished_spans()
    assert f"{answered.context.trace_id:032x}" == TRACE
    assert answered.name == "inference.GRPCInferenceService/ModelInfer"
    assert (answered.attributes["rpc.grpc.status_code"], answered.attributes["holdtrue.rows"]) == (0, 1)
    assert (refused.attributes["rpc.grpc.status_code"], refused.attributes["holdtrue.code"]) == (5, "unknown_loop")
    assert "secret" not in refused.to_json()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "flights"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1"},
    ],
)
def test_nothing_is_traced_unless_the_environment_asks(environment):
    assert find_tracing(environment) is None


def test_an_exporter_that_is_not_there_is_said_and_serving_goes_on(caplog):
    assert find_tracing({"OTEL_TRACES_EXPORTER": "zipkin"}) is None
    assert "Requests are not traced" in caplog.text
    assert "'zipkin'" in caplog.text


def test_without_its_library_the_log_says_how_to_get_it(monkeypatch, caplog):
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace.export", None)
    assert find_tracing({"OTEL_TRACES_EXPORTER": "console"}) is None
    assert "holdtrue[otel]" in caplog.text


class Collector(BaseHTTPRequestHandler):
    """Takes spans in as OpenTelemetry's collector does."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_): ...


def test_a_worker_sends_its_spans_as_the_environment_says(served, monkeypatch):
    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    collector.received = []
    thread = threading.Thread(target=collector.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "late-flights")
    workers = start_workers(served.folder, port=0)
    try:
        assert workers.wait_until_ready(60), workers.problems
        headers = {"traceparent": TRACEPARENT}
        reply = httpx.post(f"{workers.url}/v1/predict", json={"rows": [ROW]}, headers=headers)
        assert reply.status_code == 200, reply.text
    finally:
        workers.stop()
        collector.shutdown()
        collector.server_close()
        thread.join()
    ((path, told),) = collector.received  # sent at the end, if not before
    (resource,) = told.resource_spans
    names = {each.key: each.value.string_value for each in resource.resource.attributes}
    (span,) = resource.scope_spans[0].spans
    assert (path, names["service.name"]) == ("/v1/traces", "late-flights")
    assert span.trace_id.hex() == TRACE
    assert json.dumps(ROW["dest"]) not in str(told)
