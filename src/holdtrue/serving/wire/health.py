"""Health: how a worker is, for load balancers and for Prometheus."""

from starlette.requests import Request
from starlette.responses import Response

from holdtrue.serving.access.gate import Free, needs
from holdtrue.serving.access.token import TokenRole
from holdtrue.serving.counts.metrics import PROMETHEUS_TYPE, render_metrics
from holdtrue.serving.replica import Replica
from holdtrue.serving.wire.response import respond


class Health:
    """The handlers that say how a worker is."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    @needs(Free.FREE)
    async def show_life(self, _: Request) -> Response:
        """Say that this process answers."""
        return respond({"live": True})

    @needs(Free.FREE)
    async def show_readiness(self, request: Request) -> Response:
        """Say whether every loop can be answered, and by which revision of its traffic."""
        status = self._replica.status
        is_observer = self._replica.gate.lets(request.headers.get("authorization"), TokenRole.OBSERVE)
        told = {
            "ready": status.is_ready,
            "nonce": status.nonce,
            "worker": status.slot,
            "revisions": status.revisions if is_observer else {},
            "problems": status.problems if is_observer else [],
        }
        return respond(told, 200 if status.is_ready else 503)

    @needs(TokenRole.OBSERVE)
    async def show_metrics(self, _: Request) -> Response:
        """Tell the counters of all workers."""
        replica = self._replica
        text = render_metrics(
            replica.gather_statuses(),
            n_waiting=replica.engine.n_waiting,
            log_folder=replica.run_folder.parent / "log",
        )
        return Response(text, headers={"content-type": PROMETHEUS_TYPE})
