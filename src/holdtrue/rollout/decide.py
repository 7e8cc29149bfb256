"""Decide: what happens next to a rollout, from its state, its evidence and the time alone. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from holdtrue.domain import Rollout, Stage, StageKind, Standard, format_count

from .evidence import Evidence

# A stage that could not be left in this many times its expected length is given up: it has shown neither.
PATIENCE = 4.0
# Above this the difference looks like harm that is not shown yet: wait for more rows instead of going on.
SUSPICION_Z = 1.28


class RolloutAction(StrEnum):
    """The four things that can be done with a rollout."""

    HOLD = "hold"
    ADVANCE = "advance"
    PROMOTE = "promote"
    ABORT = "abort"


@dataclass(frozen=True, kw_only=True)
class RolloutMove:
    """What is to be done, and why, in a sentence for people.

    `is_given_up` marks an abort for want of evidence: neither harm nor its absence was shown in time.
    """

    action: RolloutAction
    sentence: str
    is_given_up: bool = False


def decide(rollout: Rollout, evidence: Evidence, now: datetime) -> RolloutMove:
    """Return the next move of an active rollout.

    Skew, rows left unanswered, or harm that is shown stop it in every stage before all else.

    A stage ends when its rows and its time have matured, harm is not suspected, and, under the standard
    `non_inferior`, it is proved that the challenger is not worse by the margin. Such a proof also stands in for rows:
    where traffic dried up, nobody waits for 500 of them to relieve a champion that fails.
    """
    if rollout.plan.is_gate_only:
        return RolloutMove(action=RolloutAction.PROMOTE, sentence=rollout.plan.note)
    stage = rollout.stage
    if evidence.skew is not None:
        sentence = f"Stopped in {tell_stage(stage)} without waiting for labels: {evidence.skew.sentence}"
        return RolloutMove(action=RolloutAction.ABORT, sentence=f"{sentence}; {_tell_exposure(evidence)}.")
    if evidence.failing is not None:
        sentence = f"Stopped in {tell_stage(stage)} without waiting for labels: {evidence.failing}"
        return RolloutMove(action=RolloutAction.ABORT, sentence=f"{sentence}; {_tell_exposure(evidence)}.")
    if evidence.shows_harm(rollout.plan.abort_budget) and not _is_within_margin(evidence, rollout.terms.margin):
        return RolloutMove(action=RolloutAction.ABORT, sentence=_tell_harm(rollout, evidence))
    waiting = _find_reason_to_wait(rollout, stage, evidence, now)
    if waiting is None:
        return _go_on(rollout, evidence)
    patience = max(stage.min_span.total_seconds() / 86_400, stage.expected_days) * PATIENCE
    waited = (now - rollout.stage_started_at).total_seconds() / 86_400
    if waited > patience:
        sentence = f"Given up after {waited:.1f} days in {tell_stage(stage)}: {waiting}"
        return RolloutMove(action=RolloutAction.ABORT, sentence=sentence, is_given_up=True)
    return RolloutMove(action=RolloutAction.HOLD, sentence=f"In {tell_stage(stage)}: {waiting}")


def tell_stage(stage: Stage) -> str:
    """Say a stage in words: "shadow" or "canary at 5 %"."""
    return "shadow" if stage.kind is StageKind.SHADOW else f"canary at {stage.share:.0%}".replace("%", " %")


def _is_within_margin(evidence: Evidence, margin: float) -> bool:
    return evidence.interval is not None and evidence.interval.high <= margin


def _find_reason_to_wait(rollout: Rollout, stage: Stage, evidence: Evidence, now: datetime) -> str | None:
    if evidence.n_stage < stage.min_rows and not evidence.shows_no_worse():
        return f"{evidence.n_stage:,} of {format_count(stage.min_rows, 'labelled row')} have matured."
    if now - rollout.stage_started_at < stage.min_span:
        left = (stage.min_span - (now - rollout.stage_started_at)).total_seconds() / 86_400
        return f"{format_count(evidence.n_rows, 'row')} so far; {left:.1f} more days must pass."
    if evidence.estimate is not None and evidence.estimate > rollout.terms.margin and evidence.z > SUSPICION_Z:
        return f"the challenger looks {evidence.estimate:.4f} worse, which is not shown yet; more rows are needed."
    if rollout.terms.standard is Standard.NON_INFERIOR and not evidence.shows_no_worse():
        return f"it is not yet proved that it is no worse than the margin of {rollout.terms.margin:.4f}."
    return None


def _go_on(rollout: Rollout, evidence: Evidence) -> RolloutMove:
    told = _tell_interval(evidence)
    if rollout.stage_index + 1 < len(rollout.plan.stages):
        following = tell_stage(rollout.plan.stages[rollout.stage_index + 1])
        sentence = f"No harm shown in {tell_stage(rollout.stage)} ({told}): on to {following}."
        return RolloutMove(action=RolloutAction.ADVANCE, sentence=sentence)
    sentence = f"No harm shown in {tell_stage(rollout.stage)} ({told}): v{rollout.challenger} takes charge."
    return RolloutMove(action=RolloutAction.PROMOTE, sentence=sentence)


def _tell_harm(rollout: Rollout, evidence: Evidence) -> str:
    low = evidence.interval.low if evidence.interval else 0.0
    size = f"at least {low:.3f} worse in loss" if low > 0 else f"about {evidence.estimate or 0:.3f} worse in loss"
    chance = f"1 chance in {1 / rollout.plan.abort_budget:.0f}"
    return (
        f"Stopped in {tell_stage(rollout.stage)} after {format_count(evidence.n_rows, 'labelled row')}: {size}; "
        f"at most {chance} that this is luck; {_tell_exposure(evidence)}."
    )


def _tell_exposure(evidence: Evidence) -> str:
    if not evidence.n_exposed:
        return "it has answered nobody"
    return f"it has answered {format_count(evidence.n_exposed, 'request')}"


def _tell_interval(evidence: Evidence) -> str:
    if evidence.interval is None:
        return format_count(evidence.n_rows, "row")
    low, high = evidence.interval.low, evidence.interval.high
    return (
        f"loss difference {evidence.estimate:+.4f}, surely between "
        f"{low:+.4f} and {high:+.4f}, {format_count(evidence.n_rows, 'row')}"
    )
