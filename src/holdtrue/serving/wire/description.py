"""Description: the OpenAPI document of what is served at this moment."""

from importlib.metadata import version as find_release

from starlette.requests import Request
from starlette.responses import Response

from holdtrue.serving.wire.desk import Desk
from holdtrue.serving.wire.openapi.document import describe_api
from holdtrue.serving.wire.response import respond


class Description:
    """The handlers that describe the API."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show_all(self, _: Request) -> Response:
        """Describe every loop that can be answered."""
        served = self._desk.replica.engine.served
        return respond(describe_api([served[name] for name in sorted(served)], release=find_release("holdtrue")))

    async def show_loop(self, request: Request) -> Response:
        """Describe one loop."""
        return respond(describe_api([self._desk.find_loop(request)], release=find_release("holdtrue")))
