"""Asked: the rows and requests of one tick, on their way through the lane."""

import time
from collections.abc import Sequence
from typing import Protocol

import msgspec

from holdtrue.domain import Prediction
from holdtrue.serving.answer.answer import Answer
from holdtrue.serving.fast.arm import Arm
from holdtrue.serving.fast.head import Route
from holdtrue.serving.fast.plain_loop import PlainLoop
from holdtrue.serving.fast.row_type import PlainEvent, PlainRow, Values
from holdtrue.serving.fast.stencil import DESCRIBES, Piece, Stencil, cut_line, cut_reply

_ENCODER = msgspec.json.Encoder()
_encode = _ENCODER.encode


class Asker(Protocol):
    """Who waits for a reply."""

    def reply(self, body: bytes) -> None:
        """Send the body of a good reply."""
        ...

    def go_careful(self) -> None:
        """Take the request back; it goes the careful way."""
        ...


class AskedRow(msgspec.Struct, gc=False):
    """A row on its way.

    Attributes:
        plain: the row as it was decoded.
        event: what it says of its event.
        name: its prediction id, spelt as JSON.
        arm: who answers it.
        values: what that version takes.
        n_unseen: how many of its values were new to that version.
        started: when its request came, on the clock of `time.perf_counter`.
        numbers: its answer, once it has one.
        decision: the action chosen by the answer.
        pieces: what goes into the holes of its line in the log and of its reply, see `Piece`.
    """

    plain: PlainRow
    event: PlainEvent
    name: bytes
    arm: Arm
    values: Values
    n_unseen: int
    started: float
    numbers: Sequence[float] = ()
    decision: str | None = None
    pieces: Sequence[bytes] = ()

    @property
    def prediction_id(self) -> str:
        """Return what names its answer."""
        return self.name[1:-1].decode()


class AskedRequest(msgspec.Struct, gc=False):
    """A request of this tick."""

    asker: Asker
    route: Route
    request_id: str | None
    rows: Sequence[AskedRow]
    started: float


class Tick(msgspec.Struct, frozen=True, gc=False):
    """When the answers of a tick were known: by the engine's clock, the machine's, and `perf_counter`."""

    now: float
    received: float
    ended: float

    @classmethod
    def read(cls, now: float) -> "Tick":
        """Read the machine's clocks; `now` is what the engine's says."""
        return cls(now, time.time(), time.perf_counter())


def write_lines(plain: PlainLoop, rows: Sequence[AskedRow], tick: Tick) -> list[bytes]:
    """Return the rows of the log; each row keeps its pieces."""
    numbers, now = _spell_numbers(rows, tick), _encode(tick.now)
    width = len(numbers) // len(rows)
    features = _ENCODER.encode_lines([row.plain for row in rows]).split(b"\n")
    lines = []
    for i, row in enumerate(rows):
        name, event, arm = row.name, row.event, row.arm
        key = name if event.key is None else _encode(event.key)
        unit = key if event.unit is None else _encode(event.unit)
        moment = now if event.seconds is None else _encode(event.seconds)
        row.pieces = pieces = [name, key, unit, moment, features[i], b"", *numbers[i * width : (i + 1) * width]]
        kind = (row.decision, row.n_unseen)
        stencil = arm.lines.get(kind)
        if stencil is None:
            stencil = arm.lines[kind] = cut_line(describe_row(plain, row, tick))
        lines.append(stencil.fill(pieces))
    return lines


def _spell_numbers(rows: Sequence[AskedRow], tick: Tick) -> list[bytes]:
    """Return all numbers of a tick as JSON spells them; for each row latency, moment of receipt, and its answer."""
    numbers: list[float] = []
    for row in rows:
        seconds = tick.ended - row.started
        numbers += (seconds * 1_000, tick.received - seconds, *row.numbers)
    return _encode(numbers)[1:-1].split(b",")


def render_reply(plain: PlainLoop, request: AskedRequest, tick: Tick) -> bytes:
    """Return the body of the reply to a request whose rows were written."""
    form, request_id, rows = request.route.form, request.request_id, request.rows
    if len(rows) != 1:
        answers = [make_answer(plain, row, tick) for row in rows]
        return _encode(DESCRIBES[form](plain.name, request_id, answers))
    row = rows[0]
    numbers, pieces = row.numbers, row.pieces
    top = numbers.index(max(numbers))
    kind = (form, request_id is None, top, row.decision)
    stencil = row.arm.replies.get(kind)
    if stencil is None:
        stencil = row.arm.replies[kind] = _cut_reply(plain, request, row, tick, top=top)
    if request_id is not None:
        pieces = [*pieces[: Piece.REQUEST], _encode(request_id), *pieces[Piece.REQUEST + 1 :]]
    return stencil.fill(pieces)


def _cut_reply(plain: PlainLoop, request: AskedRequest, row: AskedRow, tick: Tick, *, top: int) -> Stencil:
    answer = make_answer(plain, row, tick)
    return cut_reply(request.route.form, plain.name, answer, top=top, is_named=request.request_id is not None)


def make_answer(plain: PlainLoop, row: AskedRow, tick: Tick) -> Answer:
    """Return a row's answer as the careful way has it."""
    return Answer(describe_row(plain, row, tick), row.arm.version)


def describe_row(plain: PlainLoop, row: AskedRow, tick: Tick) -> Prediction:
    """Return what the log says of a row."""
    version, event, assignment = row.arm.version, row.event, row.arm.assignment
    seconds = tick.ended - row.started
    key = event.key or row.prediction_id
    return Prediction(
        prediction_id=row.prediction_id,
        loop=plain.name,
        key=key,
        unit=event.unit or key,
        time=tick.now if event.seconds is None else event.seconds,
        features=row.plain,  # encodes as its features, by name
        answer=tuple(row.numbers),
        decision=row.decision,
        version=version.number,
        role=assignment.role,
        fallback=None,
        probability=assignment.probability,
        traffic_revision=plain.served.traffic.revision,
        schema_version=version.schema_digest,
        latency_ms=seconds * 1_000,
        received_at=tick.received - seconds,
        n_unseen=row.n_unseen,
    )
