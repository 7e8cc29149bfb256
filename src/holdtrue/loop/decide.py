"""Decide: what a loop does next, from its policy, its state, the facts and the time alone. Pure.

The live controller, the backtest and the tests call this same function.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from holdtrue.domain import Alert, Rollout, Ruling
from holdtrue.rollout import Evidence, RolloutAction
from holdtrue.rollout import decide as decide_rollout

from .concern import Concern, concern_risk, concern_slices, note_rollout
from .state import (
    AbortRollout,
    AdvanceRollout,
    BeginRollout,
    CaughtUp,
    CloseAlert,
    Facts,
    FollowUp,
    HoldRollout,
    Install,
    LoopPolicy,
    LoopState,
    Move,
    NoteLoss,
    OpenAlert,
    Promote,
    RefuseRun,
    Reject,
    StartRun,
    Trained,
    TrainingLost,
)

# A gate that could not rule asked for more rows: it is asked again after this share of the schedule.
RETRY_SHARE = 0.5
BRING_ONE = "The loop declares no train: bring a model of your own with holdtrue register LOOP MODEL."


def decide(policy: LoopPolicy, state: LoopState, facts: Facts, now: datetime) -> tuple[Move, ...]:
    """Return the next moves of a loop: at most one that changes who answers, then alerts.

    A finished training is dealt with first, then a rollout under way, then the triggers. While a rollout or a training
    is under way no other training starts: each challenger meets the champion alone. Alerts are followed all along.
    """
    changes = _decide_change(policy, state, facts, now)
    goes_on = state.rollout is not None and not any(isinstance(move, Promote | AbortRollout) for move in changes)
    return (*changes, *_decide_alerts(state, facts, on_trial=state.rollout if goes_on else None))


def _decide_change(policy: LoopPolicy, state: LoopState, facts: Facts, now: datetime) -> tuple[Move, ...]:
    if facts.finished is not None:
        return _place(policy, state, facts.finished)
    if state.rollout is not None:
        return _move_rollout(state.rollout, facts.evidence, now)
    if state.is_training:
        return ()
    if state.owes_catch_up and state.champion is not None:
        return (_catch_up(state.champion),)
    return _decide_run(policy, state, facts, now)


def _place(policy: LoopPolicy, state: LoopState, finished: Trained | CaughtUp | TrainingLost) -> tuple[Move, ...]:
    if isinstance(finished, TrainingLost):
        return (NoteLoss(run_id=finished.run_id, sentence=finished.sentence),)
    if isinstance(finished, CaughtUp):
        return (_place_catch_up(state, finished),)
    if finished.ruling is not Ruling.PASSED:
        return (Reject(version=finished.version, sentence=finished.sentence),)
    if state.champion is None:
        return (Install(version=finished.version, sentence=finished.sentence),)
    if state.rollout is not None:
        return (Reject(version=finished.version, sentence="Another rollout is under way; this one was not started."),)
    plan = replace(policy.plan, catches_up=False) if finished.is_brought else policy.plan
    return (BeginRollout(version=finished.version, terms=finished.terms, plan=plan, sentence=finished.sentence),)


def _place_catch_up(state: LoopState, finished: CaughtUp) -> Move:
    if finished.ruling is not Ruling.PASSED:
        return Reject(version=finished.version, sentence=finished.sentence)
    if state.champion != finished.follows or state.rollout is not None:
        sentence = f"It was to follow v{finished.follows}, which is no longer alone in charge."
        return Reject(version=finished.version, sentence=sentence)
    return FollowUp(version=finished.version, sentence=finished.sentence)


def _move_rollout(rollout: Rollout, evidence: Evidence | None, now: datetime) -> tuple[Move, ...]:
    known = evidence if evidence is not None else Evidence(n_rows=0, n_missing=0, n_stage=0, n_exposed=0)
    move = decide_rollout(rollout, known, now)
    if move.action is RolloutAction.PROMOTE:
        promote = Promote(rollout=rollout, sentence=move.sentence)
        if not rollout.plan.catches_up:
            return (promote,)
        return (promote, _catch_up(rollout.challenger))
    if move.action is RolloutAction.ABORT:
        return (AbortRollout(rollout=rollout, sentence=move.sentence),)
    if move.action is RolloutAction.ADVANCE:
        return (AdvanceRollout(rollout=rollout, sentence=move.sentence),)
    return (HoldRollout(rollout=rollout, sentence=move.sentence),)


def _catch_up(version: int) -> StartRun:
    return StartRun(reason=f"v{version} catches up with the labels of its rollout", catches_up=True)


def _decide_run(policy: LoopPolicy, state: LoopState, facts: Facts, now: datetime) -> tuple[Move, ...]:
    if state.champion is None and not policy.trains:
        return (RefuseRun(sentence=f"No version is in charge yet. {BRING_ONE}"),)
    wanted = _find_trigger(policy, state, facts, now) if state.champion is not None else _want_first(policy, state, now)
    if wanted is None:
        return ()
    if not policy.trains:
        return (RefuseRun(sentence=f"{wanted.reason}. {BRING_ONE}"),)
    if facts.table_problem:
        return (RefuseRun(sentence=f"{wanted.reason}, but the table cannot be used: {facts.table_problem}"),)
    if state.champion is None:
        return (wanted,)
    if facts.n_new_labels < policy.min_new_labels:
        said = f"{wanted.reason}, but only {facts.n_new_labels} labels have come since the last training"
        return (RefuseRun(sentence=f"{said}; {policy.min_new_labels} are needed."),)
    if facts.n_new_days < policy.min_new_days or facts.n_new_rows < policy.min_new_rows:
        news = f"{facts.n_new_rows:,} labelled rows on {facts.n_new_days} days"
        needed = f"{policy.min_new_rows} on {policy.min_new_days}"
        said = f"{wanted.reason}, but v{state.champion} has seen all but {news}"
        return (RefuseRun(sentence=f"{said}; a gate needs {needed} to rule on a challenger."),)
    return (wanted,)


def _want_first(policy: LoopPolicy, state: LoopState, now: datetime) -> StartRun | None:
    if state.last_run_at is None:
        return StartRun(reason="no version is in charge yet")
    # A first training that failed its checks is tried again on the schedule, not at every tick.
    if policy.every is None or now - state.last_run_at < policy.every.span:
        return None
    return StartRun(reason="no version is in charge yet, and the schedule says so")


def _find_trigger(policy: LoopPolicy, state: LoopState, facts: Facts, now: datetime) -> StartRun | None:
    waited = None if state.last_run_at is None else now - state.last_run_at
    if policy.every is not None and (waited is None or waited >= policy.every.span):
        days = policy.every.span.total_seconds() / 86_400
        return StartRun(reason=f"the schedule of every {days:g} days")
    if _can_rule_now(policy, state, facts, waited):
        return StartRun(reason="the gate could not rule on the last challenger, and more labels have come")
    if policy.on_risk is not None and facts.risk is not None and facts.risk.has_risen:
        if waited is not None and waited < policy.on_risk.cooldown:
            return None
        return StartRun(reason=facts.risk.sentence)
    return None


def _can_rule_now(policy: LoopPolicy, state: LoopState, facts: Facts, waited: timedelta | None) -> bool:
    if not state.is_undecided or policy.every is None or waited is None:
        return False
    return waited >= policy.every.span * RETRY_SHARE and facts.n_new_labels >= policy.min_new_labels


def _decide_alerts(state: LoopState, facts: Facts, *, on_trial: Rollout | None) -> tuple[Move, ...]:
    if state.champion is None:
        return ()
    known = [] if facts.alert is None else [concern_risk(facts.alert)]
    known += [] if facts.slices is None else [concern_slices(facts.slices, facts.alert)]
    if on_trial is not None:
        known = [note_rollout(concern, on_trial, facts.evidence) for concern in known]
    return tuple(move for concern in (*known, *facts.concerns) for move in _follow_concern(state, concern))


def _follow_concern(state: LoopState, concern: Concern) -> tuple[Move, ...]:
    """Return the moves that leave one open alert about the version in charge where there is reason, else none."""
    mine = [alert for alert in state.open_alerts if alert.cause is concern.cause]
    kept = [alert for alert in mine if alert.version == state.champion and concern.is_raised and _names(alert, concern)]
    gone = tuple(
        CloseAlert(alert=alert, sentence=_tell_end(alert, state, concern)) for alert in mine if alert not in kept
    )
    return (*gone, OpenAlert(concern=concern)) if concern.is_raised and not kept else gone


def _names(alert: Alert, concern: Concern) -> bool:
    named = alert.evidence.get("slices")
    return set(concern.subjects) <= set(named if isinstance(named, list) else ())


def _tell_end(alert: Alert, state: LoopState, concern: Concern) -> str:
    if alert.version != state.champion:
        return f"v{alert.version} is no longer in charge."
    if concern.is_raised:
        return "Another slice has risen as well: the next alert names them all."
    if concern.subjects:
        return "The risk of all rows has risen: its alert says where that lies."
    return "The evidence is gone."
