"""Protocol: the Open Inference Protocol V2: what is served, and rows answered as tensors."""

from importlib.metadata import version as find_release

from starlette.requests import Request
from starlette.responses import Response

from holdtrue.serving.access.gate import Free, needs
from holdtrue.serving.access.token import TokenRole
from holdtrue.serving.aside import FEW_ROWS, run_aside
from holdtrue.serving.reply import (
    describe_head,
    describe_loop,
    describe_server,
    describe_version,
    find_version,
    list_output_forms,
    list_outputs,
    take_answers,
)
from holdtrue.serving.request.refusal import Refused
from holdtrue.serving.request.tensor import read_infer
from holdtrue.serving.wait import read_aside
from holdtrue.serving.wire.binary import check_outputs, read_parts, respond_with
from holdtrue.serving.wire.desk import Desk
from holdtrue.serving.wire.intake import is_long
from holdtrue.serving.wire.response import respond


class ProtocolForm:
    """The handlers of the V2 protocol."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._replica = desk.replica

    @needs(TokenRole.PREDICT)
    async def infer(self, request: Request) -> Response:
        """Answer rows; a version in the path must be the one that answers everybody."""
        with self._desk.serve(request) as served:
            patience = self._desk.read_patience(request)
            content, data = await read_parts(request)
            names = served.asked.release.version.signature.given.names
            infer = await read_aside(patience, is_long(request), read_infer, content, features=names, data=data)
            check_outputs(infer, [str(output["name"]) for output in list_output_forms(served.asked)])
            given = await self._replica.router.answer(served, infer.records, is_whole=True, patience=patience)
            answers = take_answers(given)
            head = describe_head(served.traffic.loop, infer.request_id, answers)
            is_many = len(answers) > FEW_ROWS
            return await run_aside(is_many, lambda: respond_with(head, list_outputs(answers), infer))

    @needs(TokenRole.PREDICT)
    async def show_server(self, _: Request) -> Response:
        """Tell what this server is."""
        return respond(describe_server(find_release("holdtrue")))

    @needs(TokenRole.PREDICT)
    async def show_loop(self, request: Request) -> Response:
        """Tell what a loop takes and gives."""
        served = self._desk.find_loop(request)
        return respond(describe_loop(served.traffic.loop, served))

    @needs(Free.FREE)
    async def show_loop_readiness(self, request: Request) -> Response:
        """Say whether a loop, or a version of it, is loaded; what there is instead is told to those who may know."""
        try:
            served = self._desk.find_loop(request)
            if "version" in request.path_params:
                find_version(served, request.path_params["version"])
        except Refused as refused:
            if self._replica.gate.lets(request.headers.get("authorization"), TokenRole.PREDICT):
                raise
            raise Refused(refused.code, "it is not ready, or not there") from None
        return respond({"name": served.traffic.loop, "ready": True})

    @needs(TokenRole.PREDICT)
    async def show_version(self, request: Request) -> Response:
        """Tell what a version takes and gives."""
        served = self._desk.find_loop(request)
        version = find_version(served, request.path_params["version"])
        return respond(describe_version(served.traffic.loop, version))
