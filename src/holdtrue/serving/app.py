"""App: the table of routes of a worker, and its wiring."""

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from holdtrue.serving.replica import Replica
from holdtrue.serving.wire.desk import Desk, Handle
from holdtrue.serving.wire.health import Health
from holdtrue.serving.wire.native import NativeForm
from holdtrue.serving.wire.protocol import ProtocolForm
from holdtrue.serving.wire.response import make_lost, tell_broken


def make_app(replica: Replica) -> Starlette:
    """Make the ASGI app of a worker; its lifespan starts and closes the replica."""
    desk = Desk(replica)
    table = _list_routes(desk)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await replica.start()
        try:
            yield
        finally:
            await replica.close()

    routes = [Route(path, desk.guard(path, handle), methods=[method]) for method, path, handle in table]
    handlers = {HTTPException: make_lost([path for _, path, _ in table]), Exception: tell_broken}
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)


def _list_routes(desk: Desk) -> list[tuple[str, str, Handle]]:
    """Return the table of method, path and handler."""
    native, protocol, health = NativeForm(desk), ProtocolForm(desk), Health(desk.replica)
    return [
        ("POST", "/v1/predict", native.predict),
        ("POST", "/v1/predict/{loop}", native.predict),
        ("POST", "/v1/labels", native.receive_labels),
        ("POST", "/v1/labels/{loop}", native.receive_labels),
        ("GET", "/v2", protocol.show_server),
        ("GET", "/v2/health/live", health.show_life),
        ("GET", "/v2/health/ready", health.show_readiness),
        ("GET", "/v2/models/{loop}", protocol.show_loop),
        ("GET", "/v2/models/{loop}/ready", protocol.show_loop_readiness),
        ("GET", "/v2/models/{loop}/versions/{version}", protocol.show_version),
        ("GET", "/v2/models/{loop}/versions/{version}/ready", protocol.show_loop_readiness),
        ("POST", "/v2/models/{loop}/infer", protocol.infer),
        ("GET", "/metrics", health.show_metrics),
    ]
