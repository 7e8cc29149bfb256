"""Invocations: the forms of MLflow's scoring server, which SageMaker's containers speak as well."""

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from holdtrue.domain import Json, Kind
from holdtrue.serving.access.gate import needs
from holdtrue.serving.access.token import TokenRole
from holdtrue.serving.answer.answer import Answer
from holdtrue.serving.answer.loaded import ServedLoop
from holdtrue.serving.answer.patience import Patience
from holdtrue.serving.reply import take_answers
from holdtrue.serving.request.body import JSON_TYPE, Record, decode_body, read_content_type
from holdtrue.serving.request.delimited import CSV_TYPE, has_header, read_csv
from holdtrue.serving.request.field import describe_value, shorten
from holdtrue.serving.request.parquet import PARQUET_TYPES
from holdtrue.serving.request.place import join_path
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.table import read_columns, read_rows, read_split
from holdtrue.serving.wait import read_aside
from holdtrue.serving.wire.desk import Desk
from holdtrue.serving.wire.intake import is_long, read_body
from holdtrue.serving.wire.parquet_desk import ParquetDesk
from holdtrue.serving.wire.response import respond_to_rows

_FORMS = ("dataframe_split", "dataframe_records", "inputs", "instances")
_PARAMETERS = "params"


class InvocationsForm:
    """The handler of `/invocations`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._router = desk.replica.router
        self._parquet = ParquetDesk()

    @needs(TokenRole.PREDICT)
    async def invoke(self, request: Request) -> Response:
        """Answer rows with what a model's `predict` gives: the likeliest class, or the number."""
        with self._desk.serve(request) as served:
            patience = self._desk.read_patience(request)
            records = await self._read_records(request, served, patience)
            answers = take_answers(await self._router.answer(served, records, is_whole=True, patience=patience))
            return await respond_to_rows(len(answers), lambda: _describe(answers))

    async def close(self) -> None:
        """End what was started for requests."""
        await self._parquet.close()

    async def _read_records(self, request: Request, served: ServedLoop, patience: Patience) -> list[Record]:
        declared = request.headers.get("content-type", "")
        content_type = read_content_type(declared, allowed=(JSON_TYPE, CSV_TYPE, *PARQUET_TYPES))
        body = await read_body(request)
        if content_type in PARQUET_TYPES:
            return await self._parquet.read(body, patience)
        features = served.asked.release.version.signature.given.names
        if content_type == CSV_TYPE:
            names, kinds = None if has_header(declared) else features, _collect_kinds(served)
            return await read_aside(patience, is_long(request), read_csv, body, kinds=kinds, features=names)
        return await read_aside(patience, is_long(request), lambda: read_frame(decode_body(body), features))


def _describe(answers: Sequence[Answer]) -> dict[str, Json]:
    ids = [answer.prediction.prediction_id for answer in answers]
    return {"predictions": [answer.label for answer in answers], "prediction_ids": ids}


def read_frame(content: object, features: Sequence[str]) -> list[Record]:
    """Read one of MLflow's four JSON forms into records.

    Args:
        content: the decoded body.
        features: the names of the features, for rows that are lists.
    """
    expected = f"an object with one of {', '.join(_FORMS)}"
    if not isinstance(content, dict):
        raise Refused(Code.WRONG_FORM, f"the body is {describe_value(content)}", expected=expected)
    for member in content:
        if member not in (*_FORMS, _PARAMETERS):
            found, path = f"the body has the field {shorten(member)!r}", join_path("$", shorten(member))
            raise Refused(Code.UNKNOWN_FIELD, found, path=path, expected=expected)
    if content.get(_PARAMETERS):
        found, remedy = "the models here take no parameters", "leave params out"
        raise Refused(Code.UNKNOWN_FIELD, found, path=f"$.{_PARAMETERS}", remedy=remedy)
    named = [form for form in _FORMS if form in content]
    if len(named) != 1:
        found = f"the body has {' and '.join(named)}" if named else "the body has none of them"
        raise Refused(Code.WRONG_FORM, found, expected=expected)
    return _read_form(named[0], content[named[0]], features)


def _read_form(name: str, value: object, features: Sequence[str]) -> list[Record]:
    if name == "dataframe_split":
        return read_split(value, name)
    if isinstance(value, dict) and name != "dataframe_records":
        return read_columns(value, name)
    return read_rows(value, name, features)


def _collect_kinds(served: ServedLoop) -> Mapping[str, Kind]:
    """Return the kinds of all features that the versions in charge know."""
    versions = [served.versions[number] for number in served.traffic.shares]
    schemas = [version.release.version.signature.given for version in versions]
    return {column.name: column.kind for schema in reversed(schemas) for column in schema.columns}
