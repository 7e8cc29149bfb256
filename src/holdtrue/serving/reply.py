"""Replies: answers and descriptions as the native form and the Open Inference Protocol V2 write them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from holdtrue.domain import Column, Json, Kind
from holdtrue.serving.answer.answer import Answer, name_classes
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop
from holdtrue.serving.request.refusal import Code, Refused

SERVER_NAME = "holdtrue"
EXTENSIONS = ("binary_tensor_data", "model_repository")
DATATYPE_OF = {Kind.NUMBER: "FP64", Kind.INTEGER: "INT64", Kind.BOOLEAN: "BOOL", Kind.TEXT: "BYTES"}


def describe_answers(loop: str, answers: Sequence[Answer | Refused]) -> dict[str, Json]:
    """Return the native reply: one entry for each row, in order; a refused row has an error at its place.

    Raises:
        Refused: every row was refused; the first one's reason, with all of them in `refused_rows`.
    """
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    if len(refused) == len(answers):
        raise AllRefused(refused)
    predictions = [
        answer.describe() if isinstance(answer, Answer) else {"error": answer.describe()} for answer in answers
    ]
    return {"loop": loop, "predictions": predictions}


class AllRefused(Refused):
    """Every row of a request was refused; `rows` has the reason of each."""

    def __init__(self, rows: Sequence[Refused]) -> None:
        first = rows[0]
        self.rows = tuple(rows)
        super().__init__(first.code, first.found, path=first.path, expected=first.expected, remedy=first.remedy)


@dataclass(frozen=True, slots=True)
class Output:
    """A tensor of an answer: as many values as its shape says, row by row."""

    name: str
    datatype: str
    shape: Sequence[int]
    values: Sequence[Json]
    parameters: Mapping[str, Json] = field(default_factory=dict)

    def describe(self) -> dict[str, Json]:
        """Return the tensor without its values as JSON."""
        told: dict[str, Json] = {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}
        return {**told, "parameters": dict(self.parameters)} if self.parameters else told


def take_answers(answers: Sequence[Answer | Refused]) -> list[Answer]:
    """Return the answers of a form that has no place for the error of a row: one refused row refuses the request.

    Raises:
        Refused: a row was refused.
    """
    for answer in answers:
        if isinstance(answer, Refused):
            raise answer
    return [answer for answer in answers if isinstance(answer, Answer)]


def list_outputs(answers: Sequence[Answer]) -> list[Output]:
    """Return answers as tensors with one value (or one row of probabilities) for each row."""
    first = answers[0].version
    signature = first.release.version.signature
    n_rows = len(answers)
    outputs: list[Output] = []
    if signature.task.has_classes:
        numbers = [number for answer in answers for number in answer.prediction.answer]
        classes = {"classes": list(name_classes(signature.classes))}
        outputs.append(Output("probabilities", "FP64", [n_rows, len(signature.classes)], numbers, classes))
        labels = name_classes([answer.label for answer in answers])
        outputs.append(Output("label", "BYTES", [n_rows], labels))
    else:
        outputs.append(Output("answer", "FP64", [n_rows], [answer.prediction.answer[0] for answer in answers]))
    if first.release.action_rule is not None:
        outputs.append(Output("decision", "BYTES", [n_rows], [answer.prediction.decision for answer in answers]))
    ids = [answer.prediction.prediction_id for answer in answers]
    outputs.append(Output("prediction_id", "BYTES", [n_rows], ids))
    outputs.append(Output("version", "BYTES", [n_rows], [answer.version.release.version.name for answer in answers]))
    outputs.append(Output("role", "BYTES", [n_rows], [answer.prediction.role.value for answer in answers]))
    if any(answer.prediction.fallback is not None for answer in answers):
        fallbacks = [answer.prediction.fallback for answer in answers]
        outputs.append(Output("fallback", "BYTES", [n_rows], fallbacks))
    return outputs


def describe_infer(loop: str, request_id: str | None, answers: Sequence[Answer | Refused]) -> dict[str, Json]:
    """Return the V2 reply with all its tensors as JSON.

    Raises:
        Refused: a row was refused.
    """
    given = take_answers(answers)
    outputs: list[Json] = [{**output.describe(), "data": list(output.values)} for output in list_outputs(given)]
    return {**describe_head(loop, request_id, given), "outputs": outputs}


def describe_head(loop: str, request_id: str | None, answers: Sequence[Answer]) -> dict[str, Json]:
    """Return the V2 reply without its tensors."""
    told: dict[str, Json] = {"model_name": loop, "model_version": str(answers[0].version.number)}
    return told if request_id is None else {**told, "id": request_id}


def describe_server(version: str) -> dict[str, Json]:
    """Return the V2 metadata of the server."""
    return {"name": SERVER_NAME, "version": version, "extensions": list(EXTENSIONS)}


def describe_loop(loop: str, served: ServedLoop) -> dict[str, Json]:
    """Return the V2 metadata of a loop: what its champion takes and gives, and which versions answer."""
    numbers = sorted(number for number, share in served.traffic.shares.items() if share > 0)
    return {**describe_version(loop, served.champion), "versions": [str(number) for number in numbers]}


def describe_version(loop: str, version: LoadedVersion) -> dict[str, Json]:
    """Return the V2 metadata of one version."""
    signature = version.release.version.signature
    inputs = [_describe_input(column) for column in signature.given.columns]
    inputs += [
        {"name": name, "datatype": "BYTES", "shape": [-1], "parameters": {"part": part, "optional": True}}
        for part, name in (("key", version.names.key), ("unit", version.names.unit), ("time", version.names.time))
        if name is not None and name not in signature.given.names
    ]
    return {
        "name": loop,
        "versions": [str(version.number)],
        "platform": f"holdtrue_{version.release.version.format.value}",
        "inputs": inputs,
        "outputs": list_output_forms(version),
        "parameters": {"digest": version.release.version.digest, "label": signature.label},
    }


def list_output_forms(version: LoadedVersion) -> list[dict[str, Json]]:
    """Return the V2 metadata of the tensors that a version's answers have."""
    signature = version.release.version.signature
    if signature.task.has_classes:
        classes = list(name_classes(signature.classes))
        output = {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(classes)]}
        outputs: list[dict[str, Json]] = [{**output, "parameters": {"classes": classes}}]
        outputs.append({"name": "label", "datatype": "BYTES", "shape": [-1]})
    else:
        outputs = [{"name": "answer", "datatype": "FP64", "shape": [-1]}]
    if version.release.action_rule is not None:
        outputs.append({"name": "decision", "datatype": "BYTES", "shape": [-1]})
    outputs += [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in ("prediction_id", "version", "role")]
    return outputs


def find_version(served: ServedLoop, name: str) -> LoadedVersion:
    """Return the loaded version of that name, "3" or "v3"; `Refused` lists what there is."""
    digits = name.removeprefix("v")
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else -1
    if number in served.versions:
        return served.versions[number]
    there = ", ".join(str(known) for known in sorted(served.versions))
    raise Refused(Code.UNKNOWN_VERSION, f"the version {name[:20]!r} is not served", expected=f"one of {there}")


def _describe_input(column: Column) -> dict[str, Json]:
    parameters: dict[str, Json] = {"nullable": column.nullable}
    limits = column.limits
    said = {"unit": column.unit or None, "low": limits.low, "high": limits.high, "levels": limits.levels}
    parameters.update({name: value for name, value in said.items() if value is not None})
    return {"name": column.name, "datatype": DATATYPE_OF[column.kind], "shape": [-1], "parameters": parameters}
