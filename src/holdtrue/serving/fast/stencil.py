"""Stencils: replies with holes. Each is cut once from what the careful way replies, so both say the same."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from holdtrue.domain import Json, Prediction
from holdtrue.serving.answer.answer import Answer
from holdtrue.serving.reply import describe_answers, describe_infer

Describe = Callable[[str, str | None, Sequence[Answer]], dict[str, Json]]
_DESCRIBES: dict[str, Describe] = {
    "native": lambda loop, _, answers: describe_answers(loop, answers),
    "v2": describe_infer,
}
# Texts that no row holds: a reply that holds them by chance is cut in the wrong place, and not taken.
_MARK = "\x00holdtrue:{}\x00"
_ID, _KEY, _REQUEST = (_MARK.format(name) for name in ("id", "key", "request"))
_NUMBER = 0.48151623421080
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Stencil:
    """The parts of a reply between its holes, and what goes into each hole."""

    parts: tuple[bytes, ...]
    holes: tuple[int | str, ...]

    def fill(self, prediction: Prediction, request_id: str | None) -> bytes:
        pieces = [self.parts[0]]
        for hole, part in zip(self.holes, self.parts[1:], strict=True):
            if isinstance(hole, int):
                pieces.append(_encode(prediction.answer[hole]))
            elif hole is _ID:
                pieces.append(_encode(prediction.prediction_id))
            else:
                pieces.append(_encode(prediction.key if hole is _KEY else request_id))
            pieces.append(part)
        return b"".join(pieces)


class Stencils:
    """The replies of one loop, as long as its traffic stays as it is."""

    def __init__(self, loop: str) -> None:
        self._loop = loop
        self._cut: dict[tuple[object, ...], _Stencil] = {}

    def render(self, form: str, request_id: str | None, answers: Sequence[Answer]) -> bytes:
        """Return the body of the reply of a request."""
        if len(answers) != 1:
            return _encode(_DESCRIBES[form](self._loop, request_id, answers))
        (answer,) = answers
        prediction = answer.prediction
        numbers = prediction.answer
        top = numbers.index(max(numbers))
        kind = (form, request_id is None, prediction.version, prediction.role, top, prediction.decision)
        stencil = self._cut.get(kind)
        if stencil is None:
            stencil = self._cut[kind] = self._cut_out(form, request_id is None, answer, top)
        return stencil.fill(prediction, request_id)

    def _cut_out(self, form: str, is_unnamed: bool, answer: Answer, top: int) -> _Stencil:
        """Describe an answer of marks the careful way, and cut the marks out."""
        n_numbers = len(answer.prediction.answer)
        numbers = [_NUMBER / (i + 2) for i in range(n_numbers)]
        numbers[top] = _NUMBER
        marked = msgspec.structs.replace(answer.prediction, answer=tuple(numbers), prediction_id=_ID, key=_KEY)
        told = _DESCRIBES[form](self._loop, None if is_unnamed else _REQUEST, [Answer(marked, answer.version)])
        marks: dict[bytes, int | str] = {_encode(number): i for i, number in enumerate(numbers)}
        marks |= {_encode(mark): mark for mark in (_ID, _KEY, _REQUEST)}
        pieces = re.split(b"(" + b"|".join(re.escape(mark) for mark in marks) + b")", _encode(told))
        return _Stencil(tuple(pieces[::2]), tuple(marks[mark] for mark in pieces[1::2]))
