"""Verdict: what a check found, with its evidence. A bad model is a verdict, never an exception."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from holdtrue.domain.digest import Json


class Ruling(StrEnum):
    """The four things that a check can find. No data is never "passed"."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The ruling of one check, in a sentence, with the figures it rests on."""

    check: str
    ruling: Ruling
    sentence: str
    evidence: Mapping[str, Json] = field(default_factory=dict)

    def __bool__(self) -> bool:
        raise TypeError("a verdict is not true or false: it has four rulings; ask verdict.has_passed")

    @property
    def has_passed(self) -> bool:
        """Say whether the ruling is passed."""
        return self.ruling is Ruling.PASSED


def combine_rulings(verdicts: Iterable[Verdict]) -> Ruling:
    """Return failed if any failed, else error, else inconclusive; passed only when there is one and all passed."""
    rulings = {verdict.ruling for verdict in verdicts}
    for worst in (Ruling.FAILED, Ruling.ERROR, Ruling.INCONCLUSIVE):
        if worst in rulings:
            return worst
    return Ruling.PASSED if rulings else Ruling.INCONCLUSIVE


class VerdictStage(StrEnum):
    """Where on its way a version was judged."""

    GATE = "gate"
    SHADOW = "shadow"
    CANARY = "canary"
    REFIT = "refit"


@dataclass(frozen=True, kw_only=True)
class VerdictRecord:
    """A kept ruling that binds what was judged: it speaks for these digests and no others, until it expires."""

    verdict_id: str
    loop: str
    stage: VerdictStage
    challenger: str
    champion: str | None
    evaluation: str
    code: str
    ruling: Ruling
    verdicts: tuple[Verdict, ...]
    decided_at: datetime
    expires_at: datetime
