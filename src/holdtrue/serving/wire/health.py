"""Health: how a worker is, for load balancers and for Prometheus."""

from starlette.requests import Request
from starlette.responses import Response

from holdtrue.serving.counts.metrics import PROMETHEUS_TYPE, render_metrics
from holdtrue.serving.replica import Replica
from holdtrue.serving.wire.response import respond


class Health:
    """The handlers that say how a worker is."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def show_life(self, _: Request) -> Response:
        """Say that this process answers."""
        return respond({"live": True})

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
        return respond(told, 200 if status.is_ready else 503)

    async def show_metrics(self, _: Request) -> Response:
        """Tell the counters of all workers."""
        text = render_metrics(self._replica.gather_statuses(), n_waiting=self._replica.engine.n_waiting)
        return Response(text, headers={"content-type": PROMETHEUS_TYPE})
