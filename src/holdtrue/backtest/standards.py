"""Standards: what each standard of the gate ruled on the challengers of a replay, and what came of them afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from holdtrue.domain import Loss, Ruling, Signature, Standard, StandardResult
from holdtrue.loop import Fitted, TrainingResult

from .replay import Replay
from .roster import Roster


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a gate found of one candidate: the ruling of each standard on the same figures, and against whom."""

    at: datetime
    champion: int
    candidate: Fitted
    signature: Signature
    rulings: Mapping[str, str]


def read_judgement(result: TrainingResult, *, champion: int, at: datetime) -> Judgement | None:
    """Return the judgement of a gated training; None when no comparison with the champion was made."""
    if result.evaluation is None or result.candidate is None:
        return None
    for verdict in result.evaluation.verdicts:
        rulings = verdict.evidence.get("rulings")
        if isinstance(rulings, Mapping):
            return Judgement(
                at=at,
                champion=champion,
                candidate=result.candidate,
                signature=result.signature,
                rulings={name: str(ruling) for name, ruling in rulings.items()},
            )
    return None


def tally_standards(
    judgements: Sequence[Judgement], *, replay: Replay, roster: Roster, loss: Loss, span: timedelta
) -> tuple[StandardResult, ...]:
    """Count what each standard ruled, and measure the judged candidates on the rows of the `span` that followed.

    That hindsight was known to no gate; it tells whether a standard refused what would have been better.
    """
    after = [_look_back(each, replay=replay, roster=roster, loss=loss, span=span) for each in judgements]
    found = []
    for standard in Standard if judgements else ():
        rulings = [each.rulings.get(standard.value, "") for each in judgements]
        has_passed = np.array([ruling == Ruling.PASSED for ruling in rulings])
        found.append(
            StandardResult(
                standard=standard.value,
                n_passed=int(has_passed.sum()),
                n_failed=rulings.count(Ruling.FAILED),
                n_inconclusive=rulings.count(Ruling.INCONCLUSIVE),
                after_passed=_mean([d for d, is_in in zip(after, has_passed, strict=True) if is_in]),
                after_refused=_mean([d for d, is_in in zip(after, has_passed, strict=True) if not is_in]),
            )
        )
    return tuple(found)


def _look_back(judgement: Judgement, *, replay: Replay, roster: Roster, loss: Loss, span: timedelta) -> float | None:
    begin, end = replay.find_row(judgement.at), replay.find_row(judgement.at + span)
    known = replay.is_labelled[begin:end]
    if not known.any():
        return None
    labels = replay.labels[begin:end][known]
    candidate = roster.answer_with(judgement.candidate, judgement.signature, begin, end)[known]
    champion = roster.answer(judgement.champion, begin, end)[known]
    return float(np.mean(loss.rows(candidate, labels) - loss.rows(champion, labels)))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
