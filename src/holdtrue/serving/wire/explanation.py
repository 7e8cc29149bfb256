"""Explanation: one row explained, in the native form and as V2 tensors."""

from starlette.requests import Request
from starlette.responses import Response

from holdtrue.serving.access.gate import needs
from holdtrue.serving.access.token import TokenRole
from holdtrue.serving.explain import TIMEOUT_SECONDS
from holdtrue.serving.request.body import read_native
from holdtrue.serving.request.tensor import read_infer
from holdtrue.serving.wait import read_patience
from holdtrue.serving.wire.binary import read_parts
from holdtrue.serving.wire.desk import Desk
from holdtrue.serving.wire.intake import read_json
from holdtrue.serving.wire.response import respond


class ExplanationForm:
    """The handlers of `explain`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._explain = desk.replica.explain

    @needs(TokenRole.PREDICT)
    async def explain(self, request: Request) -> Response:
        """Explain one row in the native form."""
        patience = read_patience(request, TIMEOUT_SECONDS)
        served = self._desk.choose_version(request, self._desk.find_loop(request))
        records = read_native(await read_json(request))
        return respond(await self._explain.explain(served, records, patience))

    @needs(TokenRole.PREDICT)
    async def explain_tensors(self, request: Request) -> Response:
        """Explain one row in the V2 form."""
        patience = read_patience(request, TIMEOUT_SECONDS)
        served = self._desk.choose_version(request, self._desk.find_loop(request))
        content, data = await read_parts(request)
        infer = read_infer(content, features=served.asked.release.version.signature.given.names, data=data)
        told = await self._explain.explain(served, infer.records, patience)
        named = {"model_name": told.pop("loop"), "model_version": told.pop("version").removeprefix("v"), **told}
        return respond(named if infer.request_id is None else {**named, "id": infer.request_id})
