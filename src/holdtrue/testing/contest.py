"""Contest: one rollout on replayed rows between the answers of two versions, moved by what moves a live one."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from numpy.typing import NDArray

from holdtrue.backtest import Replay, Trial
from holdtrue.domain import Loss, Rollout, RolloutPlan, RolloutTerms, Schema
from holdtrue.rollout import RolloutAction, RolloutMove, decide, tell_stage

LOOK = timedelta(hours=6)


@dataclass(frozen=True, kw_only=True)
class ContestResult:
    """How a rollout ended.

    Attributes:
        action: promote, abort, or hold when its time was over before.
        stage: the stage in which it ended, in words.
        n_exposed: answers that the challenger gave to someone.
        days: business days from its begin.
        sentence: the last decision.
        is_given_up: it was stopped because it had shown neither harm nor its absence in time.
    """

    action: RolloutAction
    stage: str
    n_exposed: int
    days: float
    sentence: str
    is_given_up: bool = False


def hold_contest(
    replay: Replay,
    *,
    champion: NDArray[Any],
    challenger: NDArray[Any],
    plan: RolloutPlan,
    terms: RolloutTerms,
    loss: Loss,
    start: datetime,
    salt: str,
    schemas: tuple[Schema, Schema] | None = None,
    max_days: float = 60.0,
    look: timedelta = LOOK,
) -> ContestResult:
    """Roll a challenger out from `start` on and return how it ended.

    Args:
        replay: the rows, and when their labels fall due.
        champion: its answers to all rows of the replay.
        challenger: the same of the other.
        plan: the stages.
        terms: what the evidence is measured by.
        loss: what answers are judged by.
        start: when the rollout begins.
        salt: names the rollout; units are assigned by it.
        schemas: of the training rows of champion and challenger; None leaves skew out of account.
        max_days: after so many business days the contest ends undecided.
        look: time between two looks.
    """
    begin = replay.find_row(start)
    rollout = Rollout(
        rollout_id=salt, loop="contest", champion=1, challenger=2, plan=plan, terms=terms, started_at=start,
        stage_index=0, stage_started_at=start,
    )  # fmt: skip
    trial, now = Trial(rollout=rollout, begin=begin, replay=replay, loss=loss, schemas=schemas), start
    move = RolloutMove(action=RolloutAction.HOLD, sentence="")
    while now - start < timedelta(days=max_days):
        now += look
        end = replay.find_row(now)
        if end > begin:
            trial.record(begin, end, champion[begin:end], challenger[begin:end], trial.assign(begin, end))
        begin = end
        move = decide(trial.rollout, trial.weigh(now), now)
        if move.action in (RolloutAction.PROMOTE, RolloutAction.ABORT):
            break
        if move.action is RolloutAction.ADVANCE:
            trial.rollout = replace(trial.rollout, stage_index=trial.rollout.stage_index + 1, stage_started_at=now)
    return _conclude(trial, move, now - start)


def _conclude(trial: Trial, move: RolloutMove, passed: timedelta) -> ContestResult:
    return ContestResult(
        action=move.action,
        stage=tell_stage(trial.rollout.stage),
        n_exposed=trial.n_exposed,
        days=passed / timedelta(days=1),
        sentence=move.sentence,
        is_given_up=move.is_given_up,
    )
