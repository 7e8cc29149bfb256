"""Repository: the extension of the V2 protocol that lists what is loaded. Loading and unloading is the traffic's."""

from starlette.requests import Request
from starlette.responses import Response

from holdtrue.domain import Json
from holdtrue.serving.access.gate import needs
from holdtrue.serving.access.token import TokenRole
from holdtrue.serving.request.field import describe_value
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.wire.binary import read_parts
from holdtrue.serving.wire.desk import Desk
from holdtrue.serving.wire.response import respond


class Repository:
    """The handlers of `/v2/repository`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._engine = desk.replica.engine

    @needs(TokenRole.PREDICT)
    async def list_versions(self, request: Request) -> Response:
        """List the versions in charge of every loop; a loop that cannot be answered is listed with the reason."""
        is_ready = await _read_wish(request)
        told: list[Json] = []
        for name in self._engine.wanted:
            served = self._engine.served.get(name)
            if served is not None:
                numbers = sorted(served.versions)
                told += [{"name": name, "version": str(number), "state": "READY", "reason": ""} for number in numbers]
            elif not is_ready:
                reason = " ".join(self._engine.problems) or "it is being loaded"
                told.append({"name": name, "version": "", "state": "UNAVAILABLE", "reason": reason})
        return respond(told)

    @needs(TokenRole.PREDICT)
    async def refuse_change(self, request: Request) -> Response:
        """Say who loads and unloads versions instead."""
        served = self._desk.find_loop(request)
        raise Refused(
            Code.NOT_OFFERED,
            f"no client loads or unloads versions of {served.traffic.loop!r}",
            expected="a change of the traffic, which servers follow by themselves",
            remedy="holdtrue promote or holdtrue rollback moves it",
        )


async def _read_wish(request: Request) -> bool:
    """Read whether only what is ready is to be listed; the body may be empty."""
    content, _ = await read_parts(request, may_be_empty=True)
    if not isinstance(content, dict):
        raise Refused(Code.WRONG_FORM, f"the body is {describe_value(content)}", expected='{"ready": true}, or nothing')
    is_ready = content.get("ready", False)
    if not isinstance(is_ready, bool):
        found = f'"ready" is {describe_value(is_ready)}'
        raise Refused(Code.WRONG_TYPE, found, path="$.ready", expected="true or false")
    return is_ready
