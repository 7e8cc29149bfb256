"""Instances: the form of TensorFlow Serving, which Vertex AI and KServe's V1 protocol speak as well."""

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from holdtrue.domain import Json
from holdtrue.serving.access.gate import needs
from holdtrue.serving.access.token import TokenRole
from holdtrue.serving.answer.answer import Answer
from holdtrue.serving.reply import Output, list_outputs, take_answers
from holdtrue.serving.request.body import Record
from holdtrue.serving.request.field import describe_value, shorten
from holdtrue.serving.request.place import join_path
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.table import read_columns, read_rows
from holdtrue.serving.wait import read_aside
from holdtrue.serving.wire.desk import Desk
from holdtrue.serving.wire.intake import is_long, read_json
from holdtrue.serving.wire.response import respond, respond_to_rows

_ROWS, _COLUMNS = "instances", "inputs"
_SIGNATURE = "signature_name"
_PARAMETERS = "parameters"
_ONLY_SIGNATURE = "serving_default"


class InstancesForm:
    """The handlers of `/v1/models`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._replica = desk.replica

    @needs(TokenRole.PREDICT)
    async def predict(self, request: Request) -> Response:
        """Answer rows with `predictions`, and columns with `outputs`, as TensorFlow Serving does."""
        with self._desk.serve(request) as served:
            patience = self._desk.read_patience(request)
            content = await read_json(request)
            names = served.asked.release.version.signature.given.names
            records = await read_aside(patience, is_long(request), read_instances, content, names)
            answers = take_answers(await self._replica.router.answer(served, records, is_whole=True, patience=patience))
            is_by_row = isinstance(content, dict) and _ROWS in content
            describe = _describe_rows if is_by_row else _describe_columns
            return await respond_to_rows(len(answers), lambda: describe(answers))

    @needs(TokenRole.PREDICT)
    async def show_loops(self, _: Request) -> Response:
        """Name what is served."""
        return respond({"models": list(self._replica.engine.wanted)})

    @needs(TokenRole.PREDICT)
    async def show_loop(self, request: Request) -> Response:
        """Say that a loop is ready, and which versions answer."""
        served = self._desk.find_loop(request)
        numbers = sorted((number for number, share in served.traffic.shares.items() if share > 0), reverse=True)
        fine: Json = {"error_code": "OK", "error_message": ""}
        states: list[Json] = [{"version": str(number), "state": "AVAILABLE", "status": fine} for number in numbers]
        return respond({"name": served.traffic.loop, "ready": True, "model_version_status": states})


def read_instances(content: object, features: Sequence[str]) -> list[Record]:
    """Read {"instances": [...]} or {"inputs": {...}} into records.

    Args:
        content: the decoded body.
        features: the names of the features, for rows that are lists.
    """
    expected = f'{{"{_ROWS}": [...]}}, or {{"{_COLUMNS}": {{...}}}}'
    if not isinstance(content, dict):
        raise Refused(Code.WRONG_FORM, f"the body is {describe_value(content)}", expected=expected)
    for member in content:
        if member not in (_ROWS, _COLUMNS, _SIGNATURE, _PARAMETERS):
            found, path = f"the body has the field {shorten(member)!r}", join_path("$", shorten(member))
            raise Refused(Code.UNKNOWN_FIELD, found, path=path, expected=expected)
    if content.get(_PARAMETERS):
        found, remedy = "the models here take no parameters", "leave them out"
        raise Refused(Code.UNKNOWN_FIELD, found, path=f"$.{_PARAMETERS}", remedy=remedy)
    if content.get(_SIGNATURE) not in (None, _ONLY_SIGNATURE):
        found = f"the signature is {describe_value(content[_SIGNATURE])}"
        raise Refused(Code.WRONG_FORM, found, path=f"$.{_SIGNATURE}", expected=f'"{_ONLY_SIGNATURE}", the only one')
    if (_ROWS in content) == (_COLUMNS in content):
        found = f"the body has {'both' if _ROWS in content else 'neither'} of {_ROWS} and {_COLUMNS}"
        raise Refused(Code.WRONG_FORM, found, expected=expected)
    if _COLUMNS in content:
        return read_columns(content[_COLUMNS], _COLUMNS)
    return read_rows(content[_ROWS], _ROWS, features)


def _describe_rows(answers: Sequence[Answer]) -> Mapping[str, Json]:
    return {"predictions": [answer.describe() for answer in answers]}


def _describe_columns(answers: Sequence[Answer]) -> Mapping[str, Json]:
    return {"outputs": {output.name: _nest(output) for output in list_outputs(answers)}}


def _nest(output: Output) -> list[Json]:
    """Return the values of a tensor, row by row where it has two dimensions."""
    values = list(output.values)
    if len(output.shape) == 1:
        return values
    width = output.shape[1]
    return [values[start : start + width] for start in range(0, len(values), width)]
