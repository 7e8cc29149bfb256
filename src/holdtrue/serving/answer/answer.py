"""Answers: what a model's numbers become for the log and for the client."""

from collections.abc import Sequence
from dataclasses import dataclass

from holdtrue.domain import Json, LabelValue, Prediction, Role
from holdtrue.serving.answer.loaded import LoadedVersion
from holdtrue.serving.request.row import Event, Row


@dataclass(frozen=True, slots=True)
class Answer:
    """An answered row: what was logged of it, and the version that answered."""

    prediction: Prediction
    version: LoadedVersion

    @property
    def label(self) -> LabelValue:
        """Return the likeliest class, or the number."""
        numbers = self.prediction.answer
        signature = self.version.release.version.signature
        if not signature.task.has_classes:
            return numbers[0]
        return signature.classes[max(range(len(numbers)), key=numbers.__getitem__)]

    def describe(self) -> dict[str, Json]:
        """Return the answer as the native form writes it."""
        prediction, version = self.prediction, self.version.release.version
        told: Json = self.label
        if version.signature.task.has_classes:
            names = name_classes(version.signature.classes)
            told = {"probabilities": dict(zip(names, prediction.answer, strict=True)), "label": self.label}
        described: dict[str, Json] = {
            "prediction_id": prediction.prediction_id,
            "key": prediction.key,
            "answer": told,
            "decision": prediction.decision,
            "version": version.name,
            "role": prediction.role.value,
        }
        if prediction.fallback is not None:
            described["fallback"] = prediction.fallback
        return described


def make_prediction(
    version: LoadedVersion,
    row: Row,
    numbers: Sequence[float],
    *,
    event: Event,
    prediction_id: str,
    role: Role,
    fallback: str | None,
    probability: float,
    traffic_revision: int,
    latency_ms: float,
    received_at: float,
) -> Prediction:
    """Return the row of the log for the numbers that a version gave; its action rule makes the decision."""
    rule = version.release.action_rule
    return Prediction(
        prediction_id=prediction_id,
        loop=version.release.loop,
        key=event.key,
        unit=event.unit,
        time=event.time,
        features=row.features,
        answer=tuple(numbers),
        decision=None if rule is None or not numbers else rule.choose(numbers),
        version=version.number,
        role=role,
        fallback=fallback,
        probability=probability,
        traffic_revision=traffic_revision,
        schema_version=version.schema_digest,
        latency_ms=latency_ms,
        received_at=received_at,
        n_unseen=row.n_unseen,
    )


def name_classes(classes: Sequence[LabelValue]) -> tuple[str, ...]:
    """Return the classes as JSON spells them, for the names of members.

    >>> name_classes((False, True)), name_classes((1, 2.5)), name_classes(("A", "B"))
    (('false', 'true'), ('1', '2.5'), ('A', 'B'))
    """
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in classes)
