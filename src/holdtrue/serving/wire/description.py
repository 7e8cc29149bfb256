"""Description: the OpenAPI document of what is served at this moment."""

from collections.abc import Sequence
from importlib.metadata import version as find_release

from starlette.requests import Request
from starlette.responses import Response

from holdtrue.serving.access.gate import needs
from holdtrue.serving.access.token import TokenRole
from holdtrue.serving.answer.loaded import ServedLoop
from holdtrue.serving.wire.desk import Desk
from holdtrue.serving.wire.response import respond


class Description:
    """The handlers that describe the API."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @needs(TokenRole.PREDICT)
    async def show_all(self, _: Request) -> Response:
        """Describe every loop that can be answered."""
        served = self._desk.replica.engine.served
        return _describe([served[name] for name in sorted(served)])

    @needs(TokenRole.PREDICT)
    async def show_loop(self, request: Request) -> Response:
        """Describe one loop."""
        return _describe([self._desk.find_loop(request)])


def _describe(served: Sequence[ServedLoop]) -> Response:
    from holdtrue.serving.wire.openapi.document import describe_api  # not before it is needed: a worker starts quickly

    return respond(describe_api(served, release=find_release("holdtrue")))
