"""App: the table of routes of a worker, and its wiring."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from holdtrue.serving.access.gate import find_permission
from holdtrue.serving.cloud import Cloud, read_cloud
from holdtrue.serving.replica import Replica
from holdtrue.serving.wire.description import Description
from holdtrue.serving.wire.desk import Desk, Entry
from holdtrue.serving.wire.explanation import ExplanationForm
from holdtrue.serving.wire.health import Health
from holdtrue.serving.wire.instances import InstancesForm
from holdtrue.serving.wire.invocations import InvocationsForm
from holdtrue.serving.wire.native import NativeForm
from holdtrue.serving.wire.protocol import ProtocolForm
from holdtrue.serving.wire.repository import Repository
from holdtrue.serving.wire.response import Style, make_lost, tell_broken

Beside = Callable[[], AbstractAsyncContextManager[object]]


def make_app(replica: Replica, *, cloud: Cloud | None = None, beside: Beside = nullcontext) -> Starlette:
    """Make the ASGI app of a worker; its lifespan starts and closes the replica.

    Args:
        replica: what answers.
        beside: what else runs while the replica answers, entered when it can and left before it is closed.
        cloud: which paths the platform asks for beside ours; by default as its environment variables say.

    Raises:
        DeclarationError: such a variable makes no sense, or a route declares no permission; nothing is served then.
    """
    desk = Desk(replica)
    invocations = InvocationsForm(desk)
    table = _list_routes(desk, invocations, read_cloud() if cloud is None else cloud)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await replica.start()
        try:
            async with beside():
                yield
        finally:
            await invocations.close()
            await replica.close()

    routes = [Route(entry.path, desk.guard(entry), methods=[entry.method]) for entry in table]
    for route in routes:
        find_permission(route.endpoint)
    handlers = {HTTPException: make_lost([entry.path for entry in table]), Exception: tell_broken}
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)


def _list_routes(desk: Desk, invocations: InvocationsForm, cloud: Cloud) -> list[Entry]:
    """Return the table of routes. Where two fit a request, the first one answers it."""
    instances, description = InstancesForm(desk), Description(desk)
    return [
        *_list_native(NativeForm(desk)),
        *_list_protocol(ProtocolForm(desk), Repository(desk)),
        *_list_explanations(ExplanationForm(desk)),
        *_list_borrowed(invocations, instances),
        *_list_health(Health(desk.replica), cloud),
        Entry("GET", "/openapi.json", description.show_all),
        Entry("GET", "/v2/models/{loop}/openapi.json", description.show_loop, Style.TEXT),
        *([] if cloud.predict_route is None else [Entry("POST", cloud.predict_route, instances.predict, Style.TEXT)]),
    ]


def _list_native(native: NativeForm) -> list[Entry]:
    return [
        Entry("POST", "/v1/predict", native.predict),
        Entry("POST", "/v1/predict/{loop}", native.predict),
        Entry("POST", "/v1/labels", native.receive_labels),
        Entry("POST", "/v1/labels/{loop}", native.receive_labels),
    ]


def _list_protocol(protocol: ProtocolForm, repository: Repository) -> list[Entry]:
    model, style = "/v2/models/{loop}", Style.TEXT
    version = model + "/versions/{version}"
    return [
        Entry("GET", "/v2", protocol.show_server, style),
        Entry("GET", model, protocol.show_loop, style),
        Entry("GET", f"{model}/ready", protocol.show_loop_readiness, style),
        Entry("GET", version, protocol.show_version, style),
        Entry("GET", f"{version}/ready", protocol.show_loop_readiness, style),
        Entry("POST", f"{model}/infer", protocol.infer, style),
        Entry("POST", f"{version}/infer", protocol.infer, style),
        Entry("POST", "/v2/repository/index", repository.list_versions, style),
        Entry("POST", "/v2/repository/models/{loop}/load", repository.refuse_change, style),
        Entry("POST", "/v2/repository/models/{loop}/unload", repository.refuse_change, style),
    ]


def _list_explanations(explanation: ExplanationForm) -> list[Entry]:
    return [
        Entry("POST", "/v1/explain", explanation.explain),
        Entry("POST", "/v1/explain/{loop}", explanation.explain),
        Entry("POST", "/v2/models/{loop}/explain", explanation.explain_tensors, Style.TEXT),
    ]


def _list_borrowed(invocations: InvocationsForm, instances: InstancesForm) -> list[Entry]:
    """Return the routes of MLflow's and TensorFlow's servers."""
    model = "/v1/models/{loop}"
    return [
        Entry("POST", "/invocations", invocations.invoke, Style.MESSAGE),
        Entry("POST", "/invocations/{loop}", invocations.invoke, Style.MESSAGE),
        Entry("GET", "/v1/models", instances.show_loops, Style.TEXT),
        Entry("GET", model, instances.show_loop, Style.TEXT),
        Entry("POST", f"{model}:predict", instances.predict, Style.TEXT),
        Entry("POST", model + "/versions/{version}:predict", instances.predict, Style.TEXT),
    ]


def _list_health(health: Health, cloud: Cloud) -> list[Entry]:
    """Return the routes that platforms ask for health: all but the first say whether every loop can be answered."""
    ready = ["/v2/health/ready", "/ping", "/health", "/healthz"]
    ready += [] if cloud.health_route is None else [cloud.health_route]
    return [
        Entry("GET", "/v2/health/live", health.show_life),
        *(Entry("GET", path, health.show_readiness) for path in ready),
        Entry("GET", "/metrics", health.show_metrics),
    ]
