"""Trial: a rollout in a replay, from whose rows its evidence is weighed as their labels fall due."""

from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Loss, Rollout, Schema, hash_unit
from holdtrue.rollout import NEWEST_REQUESTS, Evidence, Exposures, Skew, find_skew, weigh_exposures

from .replay import Replay, to_microseconds


@dataclass
class Trial:
    """Keeps what both versions answered since a rollout began (replayed rows [begin, ...)).

    `schemas` are those of the champion's and the challenger's training rows; without them skew is not looked for.
    """

    rollout: Rollout
    begin: int
    replay: Replay
    loss: Loss
    schemas: tuple[Schema, Schema] | None = None
    champion_loss: list[NDArray[np.float64]] = field(default_factory=list)
    challenger_loss: list[NDArray[np.float64]] = field(default_factory=list)
    is_challenger: list[NDArray[np.bool_]] = field(default_factory=list)
    share: list[NDArray[np.float64]] = field(default_factory=list)
    stage: list[NDArray[np.int64]] = field(default_factory=list)

    def assign(self, begin: int, end: int) -> NDArray[np.bool_]:
        """Return which of the replayed rows [begin, end) the challenger answers: sticky by unit, as servers do."""
        share = self.rollout.stage.share
        if share <= 0:
            return np.zeros(end - begin, dtype=np.bool_)
        names = self.replay.unit_names[begin:end]
        return np.array([hash_unit(self.rollout.rollout_id, name) < share for name in names], dtype=np.bool_)

    def record(
        self,
        begin: int,
        end: int,
        champion: NDArray[np.float64],
        challenger: NDArray[np.float64],
        is_challenger: NDArray[np.bool_],
    ) -> None:
        """Keep what happened on the rows [begin, end); unpaired, only the one that answered is known."""
        labels = self.replay.labels[begin:end]
        known = self.replay.is_labelled[begin:end]
        stage = self.rollout.stage
        for kept, answers, hidden in (
            (self.champion_loss, champion, is_challenger),
            (self.challenger_loss, challenger, ~is_challenger),
        ):
            losses = np.full(end - begin, np.nan)
            losses[known] = self.loss.rows(answers[known], labels[known])
            if not stage.is_paired:
                losses[hidden] = np.nan
            kept.append(losses)
        self.is_challenger.append(is_challenger)
        self.share.append(np.full(end - begin, stage.share))
        self.stage.append(np.full(end - begin, self.rollout.stage_index, dtype=np.int64))

    def weigh(self, now: datetime) -> Evidence:
        """Weigh the rows whose labels are due by now: first exposures of a unit, in the order of falling due."""
        rows = self._collect(now) if self.share else Exposures.none()
        evidence = weigh_exposures(
            rows,
            self.rollout.terms,
            stage_index=self.rollout.stage_index,
            is_paired=self.rollout.stage.is_paired,
        )
        return replace(evidence, n_exposed=self.n_exposed, skew=self._find_skew())

    def _find_skew(self) -> Skew | None:
        if self.schemas is None:
            return None
        champion, challenger = self.schemas
        n_rows = sum(len(part) for part in self.share)
        newest = self.replay.part.frame[self.begin : self.begin + n_rows].tail(NEWEST_REQUESTS)
        values = {name: newest[name].to_list() for name in challenger.names if name in newest.columns}
        return find_skew(values, challenger=challenger, champion=champion)

    @property
    def n_exposed(self) -> int:
        """Return how many answers the challenger has given."""
        return int(sum(part.sum() for part in self.is_challenger))

    def _collect(self, now: datetime) -> Exposures:
        n_rows = sum(len(part) for part in self.share)
        rows = slice(self.begin, self.begin + n_rows)
        _, first = np.unique(self.replay.units[rows], return_index=True)
        due = self.replay.due[rows]
        chosen = first[due[first] <= to_microseconds(now)]
        order = chosen[np.argsort(due[chosen], kind="stable")]
        return Exposures(
            challenger_loss=np.concatenate(self.challenger_loss)[order],
            champion_loss=np.concatenate(self.champion_loss)[order],
            is_challenger=np.concatenate(self.is_challenger)[order],
            share=np.concatenate(self.share)[order],
            stage=np.concatenate(self.stage)[order],
        )
