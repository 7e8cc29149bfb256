"""Stencils: texts with holes, replies and rows of the log. Each is cut once from what the careful way writes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from operator import itemgetter
from typing import Any

import msgspec

from holdtrue.domain import Json, Prediction
from holdtrue.serving.answer.answer import Answer
from holdtrue.serving.reply import describe_answers, describe_infer

Describe = Callable[[str, str | None, Sequence[Answer]], dict[str, Json]]
DESCRIBES: Mapping[str, Describe] = {
    "native": lambda loop, _, answers: describe_answers(loop, answers),
    "v2": describe_infer,
}
"""How the careful way describes answers in each form: of a loop, with the client's id."""


class Piece(IntEnum):
    """Where each piece of a row stands among its pieces, spelt as JSON. The numbers of its answer follow the last."""

    ID = 0
    KEY = 1
    UNIT = 2
    TIME = 3
    FEATURES = 4
    REQUEST = 5
    LATENCY = 6
    RECEIVED = 7
    NUMBERS = 8


# Texts and numbers that no row holds: what holds them by chance is cut in the wrong place.
_TEXTS = {piece: f"\x00holdtrue:{piece.name}\x00" for piece in Piece if piece < Piece.LATENCY and piece != Piece.TIME}
_FLOATS = {Piece.TIME: 4815.162342108, Piece.LATENCY: 1623.421084815, Piece.RECEIVED: 2342.108481516}
_NUMBER = 0.48151623421080
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Stencil:
    """A text with holes.

    Attributes:
        template: the text, with %b for each hole.
        pick: takes the pieces of the holes out of all pieces of a row.
    """

    template: bytes
    pick: Callable[[Sequence[bytes]], Any]

    def fill(self, pieces: Sequence[bytes]) -> bytes:
        """Return the text for the pieces of a row."""
        return self.template % self.pick(pieces)  # type: ignore[no-any-return]


def cut_line(prediction: Prediction) -> Stencil:
    """Return the stencil of the rows of the log that are as this one but for their pieces."""
    numbers = _mark_numbers(len(prediction.answer), top=0)
    return _cut(_encode(_mark(prediction, numbers)), numbers)


def cut_reply(form: str, loop: str, answer: Answer, *, top: int, is_named: bool) -> Stencil:
    """Return the stencil of the replies that are as the one to a request of this row alone but for their pieces.

    Args:
        form: the wire form.
        loop: the loop's name.
        answer: the answer.
        top: which number of the answer is the greatest.
        is_named: whether the client gave the request an id.
    """
    numbers = _mark_numbers(len(answer.prediction.answer), top=top)
    marked = Answer(_mark(answer.prediction, numbers), answer.version)
    told = DESCRIBES[form](loop, _TEXTS[Piece.REQUEST] if is_named else None, [marked])
    return _cut(_encode(told), numbers)


def _mark_numbers(n_numbers: int, *, top: int) -> list[float]:
    numbers = [_NUMBER / (i + 2) for i in range(n_numbers)]
    numbers[top] = _NUMBER
    return numbers


def _mark(prediction: Prediction, numbers: Sequence[float]) -> Prediction:
    features: Any = _TEXTS[Piece.FEATURES]
    return msgspec.structs.replace(
        prediction,
        prediction_id=_TEXTS[Piece.ID],
        key=_TEXTS[Piece.KEY],
        unit=_TEXTS[Piece.UNIT],
        time=_FLOATS[Piece.TIME],
        features=features,
        answer=tuple(numbers),
        latency_ms=_FLOATS[Piece.LATENCY],
        received_at=_FLOATS[Piece.RECEIVED],
    )


def _cut(text: bytes, numbers: Sequence[float]) -> Stencil:
    """Cut the marks out of a text."""
    marks: dict[bytes, int] = {_encode(number): Piece.NUMBERS + i for i, number in enumerate(numbers)}
    marks |= {_encode(mark): int(piece) for piece, mark in (_TEXTS | _FLOATS).items()}
    parts = re.split(b"(" + b"|".join(re.escape(mark) for mark in marks) + b")", text)
    template = b"%b".join(part.replace(b"%", b"%%") for part in parts[::2])
    return Stencil(template, itemgetter(*(marks[mark] for mark in parts[1::2])))
