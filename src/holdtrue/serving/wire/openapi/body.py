"""Bodies: the JSON Schemas of what each form takes and gives, for one loop."""

from collections.abc import Mapping, Sequence

from holdtrue.domain import Json, Role
from holdtrue.serving.answer.answer import name_classes
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop
from holdtrue.serving.reply import list_output_forms
from holdtrue.serving.request.refusal import Code
from holdtrue.serving.request.row import LONGEST_NAME
from holdtrue.serving.request.tensor import DATATYPES
from holdtrue.serving.wire.openapi.row import describe_column, describe_event, describe_row, list_columns, list_features

Schema = dict[str, Json]
_TEXT: Schema = {"type": "string"}
REFUSAL: Schema = {
    "type": "object",
    "properties": {"code": {"enum": [code.value for code in Code]}, "message": _TEXT, "path": _TEXT},
    "required": ["code", "message", "path"],
}


def describe_bodies(served: ServedLoop, prefix: str) -> dict[str, Schema]:
    """Return the schemas of a loop's bodies by name; they refer to each other under the prefix."""
    row = {"$ref": f"#/components/schemas/{prefix}Row"}
    answer = {"$ref": f"#/components/schemas/{prefix}Answer"}
    lists = list_of({**list_of({}), "prefixItems": list_features(list_columns(served)), "items": False})
    size = len(lists["items"]["prefixItems"])
    lists["items"].update({"minItems": size, "maxItems": size})
    columns = _describe_columns(served)
    either: Schema = {"oneOf": [list_of(row), lists]}
    label = describe_label(served.champion)
    return {
        "Row": describe_row(served),
        "Answer": describe_answer(served.champion),
        "Rows": exactly({"rows": list_of(row)}),
        "Predictions": at_least({"loop": _TEXT, "predictions": list_of({"anyOf": [answer, _in_place()]})}),
        "Labels": exactly({"labels": list_of(_describe_label_row(served.champion))}),
        "Instances": {"oneOf": [exactly({"instances": either}), exactly({"inputs": columns})]},
        "InstancesReply": {
            "oneOf": [at_least({"predictions": list_of(answer)}), at_least({"outputs": {"type": "object"}})]
        },
        "Frame": {
            "oneOf": [
                exactly({"dataframe_split": _describe_split()}),
                exactly({"dataframe_records": list_of(row)}),
                exactly({"inputs": {"oneOf": [columns, list_of(row), lists]}}),
                exactly({"instances": {"oneOf": [columns, list_of(row), lists]}}),
            ]
        },
        "FrameReply": at_least({"predictions": list_of(label), "prediction_ids": list_of(_TEXT)}),
        "Infer": _describe_infer(served),
        "InferReply": _describe_infer_reply(served.champion),
    }


def describe_answer(version: LoadedVersion) -> Schema:
    """Return the schema of an answered row."""
    signature, rule = version.release.version.signature, version.release.action_rule
    told: Schema = {"type": "number"}
    if signature.task.has_classes:
        share: Schema = {"type": "number", "minimum": 0, "maximum": 1}
        probabilities = at_least(dict.fromkeys(name_classes(signature.classes), share))
        told = at_least({"probabilities": probabilities, "label": describe_label(version)})
    return at_least(
        {
            "prediction_id": _TEXT,
            "key": _TEXT,
            "answer": told,
            "decision": {"type": ["string", "null"]} if rule is None else {"enum": [*rule.actions, None]},
            "version": _TEXT,
            "role": {"enum": [role.value for role in Role]},
        }
    )


def describe_label(version: LoadedVersion) -> Schema:
    """Return the schema of a label."""
    signature = version.release.version.signature
    return {"enum": list(signature.classes)} if signature.task.has_classes else {"type": "number"}


def list_of(items: Schema) -> Schema:
    """Return the schema of a list that is not empty."""
    return {"type": "array", "minItems": 1, "items": items}


def exactly(properties: Mapping[str, Json]) -> Schema:
    """Return the schema of an object with these members, all of them and no others."""
    return {**at_least(properties), "additionalProperties": False}


def at_least(properties: Mapping[str, Json]) -> Schema:
    """Return the schema of an object with these members and perhaps others."""
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _in_place() -> Schema:
    return at_least({"error": {"$ref": "#/components/schemas/Refusal"}})


def _describe_columns(served: ServedLoop) -> Schema:
    columns = {column.name: list_of(describe_column(column)) for column in list_columns(served)}
    events = {name: list_of(part) for name, part in describe_event(served.champion).items() if name not in columns}
    return {**exactly(columns), "properties": {**columns, **events}}


def _describe_split() -> Schema:
    split = exactly({"columns": list_of(_TEXT), "data": list_of(list_of({}))})
    split["properties"]["index"] = {"type": "array"}
    return split


def _describe_label_row(version: LoadedVersion) -> Schema:
    name: Schema = {"type": ["string", "integer"], "minLength": 1, "maxLength": LONGEST_NAME}
    row = exactly({"label": describe_label(version)})
    row["properties"].update({"key": name, "prediction_id": name, "at": {"type": "string", "format": "date-time"}})
    return {**row, "oneOf": [{"required": ["key"]}, {"required": ["prediction_id"]}]}


def _describe_infer(served: ServedLoop) -> Schema:
    names: Sequence[str] = [column.name for column in list_columns(served)]
    told = f"A tensor for each of {', '.join(names)}; or, of numbers alone, one of shape [n_rows, {len(names)}]."
    size: Schema = {"type": "integer", "minimum": 1}
    shape: Schema = {"type": "array", "minItems": 1, "maxItems": 2, "items": size}
    tensor = at_least({"name": {**_TEXT, "minLength": 1}, "shape": shape, "datatype": {"enum": list(DATATYPES)}})
    tensor["properties"].update({"data": {"type": "array"}, "parameters": {"type": "object"}})
    wanted = {"enum": [output["name"] for output in list_output_forms(served.champion)]}
    output = at_least({"name": wanted})
    output["properties"]["parameters"] = {"type": "object"}
    body = exactly({"inputs": {**list_of({**tensor, "additionalProperties": False}), "description": told}})
    outputs: Schema = {"type": "array", "items": {**output, "additionalProperties": False}}
    body["properties"].update({"id": _TEXT, "parameters": {"type": "object"}, "outputs": outputs})
    return body


def _describe_infer_reply(version: LoadedVersion) -> Schema:
    names = [output["name"] for output in list_output_forms(version)]
    tensor = at_least({"name": {"enum": names}, "datatype": {"enum": ["FP64", "BYTES"]}, "shape": {"type": "array"}})
    return at_least({"model_name": _TEXT, "model_version": _TEXT, "outputs": {"type": "array", "items": tensor}})
