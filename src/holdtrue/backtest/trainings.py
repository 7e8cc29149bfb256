"""Trainings: those of a replayed loop, what they brought, and what each version promised of itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from holdtrue.domain import Version
from holdtrue.errors import HoldtrueError
from holdtrue.loop import (
    CaughtUp,
    Fitted,
    RiskWatch,
    Trained,
    TrainingLost,
    TrainingOrder,
    TrainingResult,
    conclude,
    make_watch,
)

from .roster import Roster
from .standards import Judgement, read_judgement

Finished = Trained | CaughtUp | TrainingLost


@dataclass(kw_only=True)
class Trainings:
    """Has the trainings of a replayed loop carried out.

    Attributes:
        roster: where versions get their numbers.
        dataset: digest of the replay's snapshot.
        tolerance: share of a version's gain by which its risk may rise.
        order: makes the order of a training as of a moment against a champion; the flag says that it catches up.
        carry_out: carries an order out.
        watches: what the watch of each version goes by.
        judgements: what the gates found.
    """

    roster: Roster
    dataset: str
    tolerance: float
    order: Callable[[datetime, Version, bool], TrainingOrder]
    carry_out: Callable[[TrainingOrder], TrainingResult]
    watches: dict[int, RiskWatch] = field(default_factory=dict)
    judgements: list[Judgement] = field(default_factory=list)

    def open(self, first: TrainingResult, shipped: Fitted, now: datetime) -> None:
        """Enlist the version that takes charge at the start."""
        self._enlist(first, shipped, now, elder=None)

    def train(self, now: datetime, champion: int, *, catches_up: bool) -> Finished:
        """Train on what is known now against a champion; what came of it is in the roster afterwards."""
        order = self.order(now, self.roster.versions[champion], catches_up)
        try:
            result = self.carry_out(order)
        except HoldtrueError as problem:
            return TrainingLost(run_id=order.run_id, sentence=str(problem))
        judgement = read_judgement(result, champion=champion, at=now)
        self.judgements.extend([judgement] if judgement is not None else [])
        fitted = result.refit if result.refit is not None else result.candidate
        assert fitted is not None, "a training of the loop brings a model"
        return conclude(result, self._enlist(result, fitted, now, elder=champion), order)

    def _enlist(self, result: TrainingResult, fitted: Fitted, now: datetime, *, elder: int | None) -> int:
        version = self.roster.enlist(fitted, result, dataset=self.dataset, now=now).number
        if result.evaluation is not None:
            self.watches[version] = make_watch(result.evaluation, tolerance_share=self.tolerance)
        elif elder is not None:
            # A catch-up had no gate of its own: it must keep what the version that it follows promised.
            self.watches[version] = self.watches[elder]
        return version
