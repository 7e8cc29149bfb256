"""Native: {"rows": [...]} for predictions, each row answered or refused by itself, and {"labels": [...]}."""

from starlette.requests import Request
from starlette.responses import Response

from holdtrue.serving.access.gate import needs
from holdtrue.serving.access.token import TokenRole
from holdtrue.serving.reply import describe_answers
from holdtrue.serving.request.body import read_native
from holdtrue.serving.wait import read_aside
from holdtrue.serving.wire.desk import Desk
from holdtrue.serving.wire.intake import is_long, read_json
from holdtrue.serving.wire.response import respond, respond_to_rows


class NativeForm:
    """The handlers of the native form."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._replica = desk.replica

    @needs(TokenRole.PREDICT)
    async def predict(self, request: Request) -> Response:
        """Answer rows."""
        with self._desk.serve(request) as served:
            patience = self._desk.read_patience(request)
            content = await read_json(request)
            records = await read_aside(patience, is_long(request), read_native, content)
            answers = await self._replica.router.answer(served, records, patience=patience)
            return await respond_to_rows(len(answers), lambda: describe_answers(served.traffic.loop, answers))

    @needs(TokenRole.PREDICT)
    async def receive_labels(self, request: Request) -> Response:
        """Take labels in."""
        served = self._desk.find_loop(request)
        records = read_native(await read_json(request), name="labels")
        signature = served.champion.release.version.signature
        receipt = await self._replica.labels.receive(served.traffic.loop, signature, records)
        return respond(receipt.describe(), receipt.status)
