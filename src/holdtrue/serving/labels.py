"""Labels: what turned out, received over HTTP and on the disk before the client is told so."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from holdtrue.domain import Json, LabelFact, LabelValue, Signature
from holdtrue.errors import StoreFailed
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.counts.counter import Counters, Metric
from holdtrue.serving.log import LabelLog
from holdtrue.serving.request.body import Record
from holdtrue.serving.request.field import describe_value, name_some, shorten, suggest_name
from holdtrue.serving.request.place import Place
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.row import read_moment, read_name

_LARGEST_LABEL = 1e300
_MEMBERS = ("key", "prediction_id", "label", "at")


@dataclass(frozen=True)
class Receipt:
    """How many labels of a request were accepted, and what was wrong with the others."""

    n_accepted: int
    refused: tuple[Refused, ...]

    @property
    def status(self) -> int:
        """Return 202 when any label was accepted (they are joined later), else 422."""
        return 202 if self.n_accepted else 422

    def describe(self) -> dict[str, Json]:
        """Return the receipt as JSON."""
        told: dict[str, Json] = {"accepted": self.n_accepted, "refused": len(self.refused)}
        if self.refused:
            told["errors"] = [refused.describe() for refused in self.refused]
            if not self.n_accepted:
                told["error"] = self.refused[0].describe()
        return told


class LabelDesk:
    """Takes labels in: reads each, writes the good ones down, and names what is wrong with the others."""

    def __init__(self, engine: Engine, log: LabelLog, counters: Counters) -> None:
        self._engine = engine
        self._log = log
        self._counters = counters

    async def receive(self, loop: str, signature: Signature, records: Sequence[Record]) -> Receipt:
        """Take the labels of one loop; on return the accepted ones survive a loss of power.

        Raises:
            Refused: the disk refused; none was accepted.
        """
        now, received_at = self._engine.clock.now(), time.time()
        facts: list[LabelFact] = []
        refused: list[Refused] = []
        for record in records:
            try:
                facts.append(_read_fact(loop, signature, record, now=now, received_at=received_at))
            except Refused as reason:
                refused.append(reason)
        if facts:
            try:
                await self._log.write(facts)
            except StoreFailed as failure:
                found = f"the labels cannot be written, so none is accepted: {failure}"
                raise Refused(Code.LOG_FULL, found, remedy="send them again when the disk has space") from failure
        self._counters.add(Metric.LABELS, loop, "accepted", amount=len(facts))
        self._counters.add(Metric.LABELS, loop, "refused", amount=len(refused))
        return Receipt(len(facts), tuple(refused))


def _read_fact(loop: str, signature: Signature, record: Record, *, now: datetime, received_at: float) -> LabelFact:
    if record.refused is not None:
        raise record.refused
    fields, place = record.fields, record.place
    for name in fields:
        if name not in _MEMBERS:
            raise Refused(
                Code.UNKNOWN_FIELD,
                f"the field {shorten(name)!r} is not known",
                path=place.field(name),
                expected=", ".join(_MEMBERS),
                remedy=suggest_name(name, _MEMBERS),
            )
    key, prediction_id = read_name(fields, "key", place), read_name(fields, "prediction_id", place)
    if (key is None) == (prediction_id is None):
        found = "the label names neither or both of key and prediction_id"
        raise Refused(Code.MISSING_FIELD, found, path=place.row, expected="one of them")
    at = now if fields.get("at") is None else read_moment(fields["at"], place.field("at"))
    return LabelFact(
        loop=loop,
        label=_read_label(fields, signature, place),
        at=at.timestamp(),
        received_at=received_at,
        key=key,
        prediction_id=prediction_id,
    )


def _read_label(fields: Mapping[str, object], signature: Signature, place: Place) -> LabelValue:
    """Read a label as one of the signature's classes, or as a finite number."""
    value = fields.get("label")
    if value is None:
        raise Refused(Code.MISSING_FIELD, "the label is missing", path=place.field("label"), expected="what turned out")
    if not signature.task.has_classes:
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST_LABEL:
            return value
        found = f"the label is {describe_value(value)}"
        raise Refused(Code.LABEL_NOT_ALLOWED, found, path=place.field("label"), expected="a finite number")
    for known in signature.classes:
        # In Python True == 1: a class and a label must be of one kind as well.
        if known == value and isinstance(known, bool) == isinstance(value, bool):
            return known
    raise Refused(
        Code.LABEL_NOT_ALLOWED,
        f"the label is {describe_value(value)}",
        path=place.field("label"),
        expected=f"one of {name_some(_spell(known) for known in signature.classes)}",
    )


def _spell(label: LabelValue) -> str:
    if isinstance(label, bool):
        return str(label).lower()
    return f'"{label}"' if isinstance(label, str) else str(label)
