"""Document: the OpenAPI 3.1 document of one loop, or of all that a worker serves."""

from collections.abc import Mapping, Sequence

from holdtrue.domain import Json
from holdtrue.serving.answer.loaded import ServedLoop
from holdtrue.serving.reply import DATATYPE_OF, SERVER_NAME
from holdtrue.serving.request.body import JSON_TYPE
from holdtrue.serving.request.delimited import CSV_TYPE
from holdtrue.serving.request.parquet import PARQUET_TYPES
from holdtrue.serving.wire.openapi.body import REFUSAL, Schema, at_least, describe_bodies
from holdtrue.serving.wire.openapi.row import find_example, list_columns

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_EXPLANATION = at_least(
    {
        "role": _TEXT,
        "method": _TEXT,
        "scale": _TEXT,
        "answer": _NUMBER,
        "base": _NUMBER,
        "contributions": {"type": "array", "items": at_least({"feature": _TEXT, "contribution": _NUMBER})},
    }
)
_ERRORS: Mapping[str, Schema] = {
    "ObjectError": at_least({"error": {"$ref": "#/components/schemas/Refusal"}}),
    "TextError": at_least({"error": _TEXT, "code": _TEXT, "path": _TEXT}),
    "MessageError": at_least({"error_code": _TEXT, "message": _TEXT, "path": _TEXT}),
}


def describe_api(served: Sequence[ServedLoop], *, release: str) -> dict[str, Json]:
    """Return the document of these loops.

    Args:
        served: what the loops serve at this moment.
        release: of this library, which says what the paths are.
    """
    loops = [one.traffic.loop for one in served]
    paths: dict[str, Json] = {}
    schemas: dict[str, Json] = {"Refusal": REFUSAL, "Explanation": _EXPLANATION, **_ERRORS}
    for one in served:
        prefix = f"{one.traffic.loop}."
        schemas.update({prefix + name: schema for name, schema in describe_bodies(one, prefix).items()})
        paths.update(_list_paths(one, prefix))
        paths.update(_list_explanations(one, prefix))
    paths.update(_list_health())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{SERVER_NAME}: {', '.join(loops)}",
            "version": release,
            "description": "Generated from the signatures of the versions in charge: "
            + ", ".join(f"v{number} of {one.traffic.loop}" for one in served for number in one.traffic.shares),
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}, {}],  # on loopback nobody needs one until the first was made
    }


def _list_paths(served: ServedLoop, prefix: str) -> dict[str, Json]:
    loop, row = served.traffic.loop, find_example(served)

    def post(summary: str, takes: str, gives: str, error: str, example: Json = None, status: str = "200") -> Json:
        body = {"schema": _refer(prefix + takes), **({} if example is None else {"example": example})}
        return _post(f"{takes}-{loop}", summary, body, (_refer(prefix + gives), _refer(error)), status)

    rows = None if row is None else {"rows": [row]}
    instances = None if row is None else {"instances": [row]}
    records = None if row is None else {"dataframe_records": [row]}
    inputs = None if row is None else {"inputs": {name: [value] for name, value in row.items()}}
    invocations = post("Answers rows as MLflow's server does.", "Frame", "FrameReply", "MessageError", records)
    table = {CSV_TYPE: {"schema": _TEXT}, **{name: {} for name in PARQUET_TYPES}}
    invocations["post"]["requestBody"]["content"].update(table)
    labels = _post(
        f"Labels-{loop}",
        "Takes what turned out; each label is accepted or refused by itself.",
        {"schema": _refer(f"{prefix}Labels")},
        (at_least({"accepted": {"type": "integer"}, "refused": {"type": "integer"}}), _refer("ObjectError")),
        "202",
    )
    predict = post("Answers rows, each by itself.", "Rows", "Predictions", "ObjectError", rows)
    infer = post("Answers tensors.", "Infer", "InferReply", "TextError", None if row is None else _shape(served, row))
    model = post("Answers as TensorFlow Serving does.", "Instances", "InstancesReply", "TextError", instances or inputs)
    return {
        f"/v1/predict/{loop}": predict,
        f"/v1/labels/{loop}": labels,
        f"/v2/models/{loop}": _get(f"Metadata-{loop}", "Tells what the loop takes and gives.", "TextError"),
        f"/v2/models/{loop}/infer": infer,
        f"/invocations/{loop}": invocations,
        f"/v1/models/{loop}:predict": model,
    }


def _list_explanations(served: ServedLoop, prefix: str) -> dict[str, Json]:
    loop, row = served.traffic.loop, find_example(served)
    summary, told = "Says what each value of one row adds to its answer.", _refer("Explanation")
    forms = {
        f"/v1/explain/{loop}": ("Rows", "ObjectError", None if row is None else {"rows": [row]}),
        f"/v2/models/{loop}/explain": ("Infer", "TextError", None if row is None else _shape(served, row)),
    }
    paths: dict[str, Json] = {}
    for path, (takes, error, example) in forms.items():
        body = {"schema": _refer(prefix + takes), **({} if example is None else {"example": example})}
        paths[path] = _post(f"Explain{takes}-{loop}", summary, body, (told, _refer(error)), "200")
    return paths


def _shape(served: ServedLoop, row: Mapping[str, Json]) -> dict[str, Json]:
    """Return a row as tensors."""
    datatypes = {column.name: DATATYPE_OF[column.kind] for column in list_columns(served)}
    tensors = [
        {"name": name, "shape": [1], "datatype": datatypes[name], "data": [value]}
        for name, value in row.items()
        if name in datatypes
    ]
    return {"inputs": tensors}


def _list_health() -> dict[str, Json]:
    live = _get("Live", "Says that the process answers.", "ObjectError")
    ready = _get("Ready", "Says whether every loop can be answered.", "ObjectError")
    ready["get"]["responses"]["503"] = {**ready["get"]["responses"]["200"], "description": "Some loop cannot."}
    return {"/v2/health/live": live, "/v2/health/ready": ready}


def _post(name: str, summary: str, body: Schema, gives: tuple[Schema, Schema], status: str) -> dict[str, Json]:
    answer, error = gives
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "requestBody": {"required": True, "content": {JSON_TYPE: body}},
            "responses": {status: _respond("Answered.", answer), **_list_errors(error)},
        }
    }


def _get(name: str, summary: str, error: str) -> dict[str, Json]:
    answer = _respond("Told.", {"type": "object"})
    return {"get": {"operationId": name, "summary": summary, "responses": {"200": answer, "4XX": _tell(error)}}}


def _list_errors(error: Schema) -> dict[str, Json]:
    refused = _respond("Not answered; says what was found, what was expected and where.", error)
    return {"4XX": refused, "5XX": {**refused, "description": "Not answered: overloaded, not ready, or a fault."}}


def _tell(error: str) -> Schema:
    return _respond("Not told.", _refer(error))


def _respond(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {JSON_TYPE: {"schema": schema}}}


def _refer(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
