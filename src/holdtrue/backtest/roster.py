"""Roster: the versions of a replay, each scored on slices of the replayed rows."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holdtrue.data import conform
from holdtrue.domain import ActionRule, Signature
from holdtrue.loop import Fitted, align_classes
from holdtrue.registry import Scorer

from .replay import Replay

LoadScorer = Callable[[Fitted, Signature], Scorer]


@dataclass(frozen=True, kw_only=True)
class Member:
    """One version of a replay."""

    number: int
    fitted: Fitted
    signature: Signature
    rule: ActionRule | None = None


@dataclass
class Roster:
    """Holds the versions that a policy trained, and answers replayed rows with any of them."""

    replay: Replay
    load: LoadScorer
    members: dict[int, Member] = field(default_factory=dict)
    scorers: dict[int, Scorer] = field(default_factory=dict)

    def enlist(self, fitted: Fitted, signature: Signature, rule: ActionRule | None) -> Member:
        """Give a version the next number."""
        member = Member(number=len(self.members) + 1, fitted=fitted, signature=signature, rule=rule)
        self.members[member.number] = member
        return member

    def answer(self, number: int, begin: int, end: int) -> NDArray[np.float64]:
        """Return a version's answers to the replayed rows [begin, end), in the replay's own classes."""
        member = self.members[number]
        if number not in self.scorers:
            self.scorers[number] = self.load(member.fitted, member.signature)
        frame = conform(self.replay.part.frame[begin:end], member.signature.schema)
        answers = self.scorers[number].score(frame)
        if not self.replay.task.has_classes:
            return answers
        return align_classes(answers, member.signature.classes, self.replay.history.classes)

    def worth(self, number: int, answers: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what the version's actions were worth on these rows; nan where the label is missing."""
        rule = self.members[number].rule
        worth = np.full(len(answers), np.nan)
        known = labels >= 0
        if rule is not None and known.any():
            worth[known] = rule.worth_rows(answers[known], labels[known])
        return worth
