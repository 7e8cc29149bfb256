"""Roster: the versions of a replay, each scored on slices of the replayed rows."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from holdtrue.data import conform
from holdtrue.domain import ActionRule, Lineage, ModelFormat, Signature, Version, digest_of
from holdtrue.loop import Fitted, TrainingResult, align_classes
from holdtrue.registry import Scorer, load_model
from holdtrue.store import Artifacts

from .replay import Replay


@dataclass
class Roster:
    """Holds the versions that a policy trained, and answers replayed rows with any of them."""

    replay: Replay
    artifacts: Artifacts
    versions: dict[int, Version] = field(default_factory=dict)
    rules: dict[int, ActionRule | None] = field(default_factory=dict)
    _scorers: dict[int, Scorer] = field(default_factory=dict)

    def enlist(self, fitted: Fitted, result: TrainingResult, *, dataset: str, now: datetime) -> Version:
        """Give a version the next number; versions of a replay live in its roster alone."""
        number = len(self.versions) + 1
        version = Version(
            loop="replay",
            number=number,
            digest=digest_of([fitted.artifact, result.signature]),
            artifact=fitted.artifact,
            format=fitted.format,
            signature=result.signature,
            lineage=Lineage(
                run_id=f"replay-{number}", dataset=dataset, trained_until=fitted.trained_until, code=result.code
            ),
            loss=result.loss,
            created_at=now,
            metrics=result.evaluation.figures if result.evaluation is not None else {},
            slices=result.evaluation.slices if result.evaluation is not None else (),
        )
        self.versions[number] = version
        self.rules[number] = result.action_rule
        return version

    def answer(self, number: int, begin: int, end: int) -> NDArray[np.float64]:
        """Return a version's answers to the replayed rows [begin, end), in the replay's own classes."""
        version = self.versions[number]
        if number not in self._scorers:
            self._scorers[number] = self._load(version.artifact, version.format, version.signature)
        return self._score(self._scorers[number], version.signature, begin, end)

    def answer_with(self, fitted: Fitted, signature: Signature, begin: int, end: int) -> NDArray[np.float64]:
        """Return the answers of a fitted model that has no number, as `answer` does."""
        return self._score(self._load(fitted.artifact, fitted.format, signature), signature, begin, end)

    def _load(self, artifact: str, stored_as: ModelFormat, signature: Signature) -> Scorer:
        return load_model(self.artifacts.get(artifact), stored_as, signature)

    def _score(self, scorer: Scorer, signature: Signature, begin: int, end: int) -> NDArray[np.float64]:
        answers = scorer.score(conform(self.replay.part.frame[begin:end], signature.schema))
        if not self.replay.task.has_classes:
            return answers
        return align_classes(answers, signature.classes, self.replay.history.classes)

    def worth(self, number: int, answers: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what the version's actions were worth on these rows; nan where the label is missing."""
        rule = self.rules[number]
        worth = np.full(len(answers), np.nan)
        if rule is not None and (labels >= 0).any():
            known = labels >= 0
            worth[known] = rule.worth_rows(answers[known], labels[known])
        return worth
