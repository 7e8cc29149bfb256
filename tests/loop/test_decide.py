from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from holdtrue.domain import (
    Alert,
    Cause,
    Every,
    OnRisk,
    Rollout,
    RolloutPlan,
    RolloutTerms,
    Ruling,
    SliceReading,
    Stage,
    StageKind,
)
from holdtrue.loop import (
    BeginRollout,
    CaughtUp,
    CloseAlert,
    Concern,
    Facts,
    FollowUp,
    HoldRollout,
    Install,
    LoopPolicy,
    LoopState,
    NoteLoss,
    OpenAlert,
    Promote,
    RefuseRun,
    Reject,
    StartRun,
    Trained,
    TrainingLost,
    decide,
)
from holdtrue.monitoring import RiskReading, SlicesReading
from holdtrue.rollout import Evidence
from holdtrue.stats import Interval

NOW = datetime(2024, 3, 1, tzinfo=UTC)
TERMS = RolloutTerms(margin=0.01, loss_low=0, loss_high=1, design_effect=1, champion_risk=0.3)
PLAN = RolloutPlan(
    stages=(Stage(kind=StageKind.SHADOW, share=0, min_rows=10, min_span=timedelta(days=1), expected_days=1),),
    note="shadow only",
)
POLICY = LoopPolicy(every=Every(span=timedelta(days=7)), on_risk=OnRisk(), plan=PLAN)
CALM = LoopState(champion=1, last_run_at=NOW - timedelta(days=3))


def reading(*, has_risen: bool) -> RiskReading:
    return RiskReading(
        has_risen=has_risen, evidence={}, sentence="The risk has risen.", n_rows=9, mean=0.5, interval=None
    )


def trained(ruling: Ruling) -> Trained:
    return Trained(run_id="r", version=2, ruling=ruling, sentence="as judged", terms=TERMS)


def test_a_loop_without_a_version_trains_at_once() -> None:
    assert decide(POLICY, LoopState(champion=None), Facts(), NOW) == (StartRun(reason="no version is in charge yet"),)


def test_the_first_version_that_passed_takes_charge_at_once() -> None:
    moves = decide(POLICY, LoopState(champion=None), Facts(finished=trained(Ruling.PASSED)), NOW)
    assert moves == (Install(version=2, sentence="as judged"),)


def test_a_later_version_that_passed_begins_a_rollout() -> None:
    (move,) = decide(POLICY, CALM, Facts(finished=trained(Ruling.PASSED)), NOW)
    assert isinstance(move, BeginRollout)
    assert move.plan is PLAN


@pytest.mark.parametrize("ruling", [Ruling.FAILED, Ruling.INCONCLUSIVE, Ruling.ERROR])
def test_what_has_not_passed_never_answers_anyone(ruling: Ruling) -> None:
    for state in (CALM, LoopState(champion=None)):
        (move,) = decide(POLICY, state, Facts(finished=trained(ruling)), NOW)
        assert isinstance(move, Reject)


def test_a_training_that_failed_leaves_the_champion_alone() -> None:
    (move,) = decide(POLICY, CALM, Facts(finished=TrainingLost(run_id="r", sentence="it raised")), NOW)
    assert isinstance(move, NoteLoss)


def test_the_schedule_starts_a_training_when_its_time_has_come() -> None:
    state = replace(CALM, last_run_at=NOW - timedelta(days=7))
    (move,) = decide(POLICY, state, Facts(n_new_labels=100, n_new_rows=999, n_new_days=14), NOW)
    assert move == StartRun(reason="the schedule of every 7 days")


def test_a_schedule_without_new_labels_is_refused_with_its_reason() -> None:
    state = replace(CALM, last_run_at=NOW - timedelta(days=8))
    (move,) = decide(POLICY, state, Facts(n_new_labels=3), NOW)
    assert isinstance(move, RefuseRun)
    assert "only 3 labels" in move.sentence


def test_no_training_starts_whose_gate_could_not_rule() -> None:
    state = replace(CALM, last_run_at=NOW - timedelta(days=7))
    (move,) = decide(POLICY, state, Facts(n_new_labels=5_000, n_new_rows=5_000, n_new_days=5), NOW)
    assert isinstance(move, RefuseRun)
    assert "v1 has seen all but 5,000 labelled rows on 5 days; a gate needs 43 on 11" in move.sentence
    (move,) = decide(POLICY, state, Facts(n_new_labels=30, n_new_rows=30, n_new_days=30), NOW)
    assert isinstance(move, RefuseRun)


def test_no_training_starts_from_a_table_that_cannot_be_read() -> None:
    state = replace(CALM, last_run_at=NOW - timedelta(days=7))
    facts = Facts(n_new_labels=100, n_new_rows=999, n_new_days=14, table_problem="half a file")
    (move,) = decide(POLICY, state, facts, NOW)
    assert move == RefuseRun(sentence="the schedule of every 7 days, but the table cannot be used: half a file")


def test_the_first_training_waits_too_for_a_table_that_can_be_used() -> None:
    state = replace(CALM, champion=None, last_run_at=None)
    assert decide(POLICY, state, Facts(), NOW) == (StartRun(reason="no version is in charge yet"),)
    (move,) = decide(POLICY, state, Facts(table_problem="too old"), NOW)
    assert move == RefuseRun(sentence="no version is in charge yet, but the table cannot be used: too old")


def test_risk_starts_a_training_only_after_its_cooldown() -> None:
    risen = Facts(risk=reading(has_risen=True), n_new_labels=100, n_new_rows=999, n_new_days=14)
    slow = replace(POLICY, every=Every(span=timedelta(days=90)))
    assert decide(slow, CALM, risen, NOW) == ()
    (move,) = decide(slow, replace(CALM, last_run_at=NOW - timedelta(days=8)), risen, NOW)
    assert isinstance(move, StartRun)
    assert move.reason == "The risk has risen."


def test_nothing_else_starts_while_a_training_or_a_rollout_is_under_way() -> None:
    facts = Facts(risk=reading(has_risen=True), n_new_labels=1000)
    due = replace(CALM, last_run_at=NOW - timedelta(days=30))
    assert decide(POLICY, replace(due, is_training=True), facts, NOW) == ()
    rollout = Rollout(
        rollout_id="r", loop="l", champion=1, challenger=2, plan=PLAN, terms=TERMS, started_at=NOW,
        stage_index=0, stage_started_at=NOW,
    )  # fmt: skip
    (move,) = decide(POLICY, replace(due, rollout=rollout), facts, NOW)
    assert isinstance(move, HoldRollout)


def test_an_alert_opens_once_and_closes_when_its_evidence_is_gone() -> None:
    (opened,) = decide(POLICY, CALM, Facts(alert=reading(has_risen=True)), NOW)
    assert isinstance(opened, OpenAlert)
    assert (opened.concern.cause, opened.sentence) == (Cause.RISK, "The risk has risen.")
    alert = Alert(alert_id="a", loop="l", version=1, cause=Cause.RISK, sentence="s", opened_at=NOW)
    known = replace(CALM, open_alerts=(alert,))
    assert decide(POLICY, known, Facts(alert=reading(has_risen=True)), NOW) == ()
    (closed,) = decide(POLICY, known, Facts(alert=reading(has_risen=False)), NOW)
    assert closed == CloseAlert(alert=alert)


def test_an_alert_about_a_version_that_left_is_closed() -> None:
    alert = Alert(alert_id="a", loop="l", version=7, cause=Cause.RISK, sentence="s", opened_at=NOW)
    moves = decide(POLICY, replace(CALM, open_alerts=(alert,)), Facts(alert=reading(has_risen=True)), NOW)
    assert [type(move) for move in moves] == [CloseAlert, OpenAlert]


def concern(cause: Cause, *, is_raised: bool) -> Concern:
    return Concern(cause=cause, is_raised=is_raised, sentence=f"{cause} stopped", evidence={})


def test_every_cause_has_its_own_alert_and_each_closes_itself() -> None:
    stopped = tuple(concern(cause, is_raised=True) for cause in (Cause.PREDICTIONS, Cause.LABELS))
    opened = decide(POLICY, CALM, Facts(alert=reading(has_risen=True), concerns=stopped), NOW)
    assert [move.concern.cause for move in opened if isinstance(move, OpenAlert)] == [
        Cause.RISK, Cause.PREDICTIONS, Cause.LABELS,
    ]  # fmt: skip
    alerts = tuple(
        Alert(alert_id=cause, loop="l", version=1, cause=cause, sentence="s", opened_at=NOW)
        for cause in (Cause.RISK, Cause.PREDICTIONS, Cause.LABELS)
    )
    known = replace(CALM, open_alerts=alerts)
    assert decide(POLICY, known, Facts(alert=reading(has_risen=True), concerns=stopped), NOW) == ()
    calm = (concern(Cause.LABELS, is_raised=False),)
    assert decide(POLICY, known, Facts(alert=reading(has_risen=True), concerns=calm), NOW) == (
        CloseAlert(alert=alerts[2]),
    )


def test_labels_that_stop_during_a_rollout_are_told_beside_its_move() -> None:
    rollout = Rollout(
        rollout_id="r", loop="l", champion=1, challenger=2, plan=PLAN, terms=TERMS, started_at=NOW,
        stage_index=0, stage_started_at=NOW,
    )  # fmt: skip
    facts = Facts(concerns=(concern(Cause.LABELS, is_raised=True),))
    hold, alert = decide(POLICY, replace(CALM, rollout=rollout), facts, NOW)
    assert isinstance(hold, HoldRollout)
    assert isinstance(alert, OpenAlert)


SHADOWED = Rollout(
    rollout_id="r", loop="l", champion=1, challenger=2, plan=PLAN, terms=TERMS, started_at=NOW - timedelta(days=2),
    stage_index=0, stage_started_at=NOW - timedelta(days=2),
)  # fmt: skip
MATURED = Evidence(n_rows=50, n_missing=0, n_stage=50, n_exposed=0, estimate=-0.01, interval=None)


def test_a_promoted_version_catches_up_with_the_labels_of_its_rollout() -> None:
    promote, start = decide(POLICY, replace(CALM, rollout=SHADOWED), Facts(evidence=MATURED), NOW)
    assert isinstance(promote, Promote)
    assert isinstance(start, StartRun)
    assert start.catches_up


def test_a_plan_may_leave_the_catch_up_out() -> None:
    rollout = replace(SHADOWED, plan=replace(PLAN, catches_up=False))
    (move,) = decide(POLICY, replace(CALM, rollout=rollout), Facts(evidence=MATURED), NOW)
    assert isinstance(move, Promote)


def test_a_catch_up_takes_the_place_of_the_version_that_it_follows_and_of_no_other() -> None:
    passed = CaughtUp(run_id="r", version=3, follows=2, ruling=Ruling.PASSED, sentence="no worse")
    assert decide(POLICY, replace(CALM, champion=2), Facts(finished=passed), NOW) == (
        FollowUp(version=3, sentence="no worse"),
    )
    (move,) = decide(POLICY, CALM, Facts(finished=passed), NOW)
    assert isinstance(move, Reject)
    assert "no longer alone in charge" in move.sentence
    (move,) = decide(POLICY, replace(CALM, champion=2), Facts(finished=replace(passed, ruling=Ruling.FAILED)), NOW)
    assert isinstance(move, Reject)


def test_a_gate_that_could_not_rule_is_asked_again_after_half_of_the_schedule() -> None:
    news = Facts(n_new_labels=100, n_new_rows=100, n_new_days=20)
    undecided = replace(CALM, is_undecided=True)
    assert decide(POLICY, undecided, news, NOW) == ()
    later = NOW + timedelta(days=0.5)
    (move,) = decide(POLICY, undecided, news, later)
    assert isinstance(move, StartRun)
    assert "could not rule" in move.reason
    assert decide(POLICY, CALM, news, later) == ()
    assert decide(POLICY, undecided, replace(news, n_new_labels=3), later) == ()
    assert decide(replace(POLICY, every=None), undecided, news, later) == ()


def slices(*risen: str) -> SlicesReading:
    found = tuple(
        SliceReading(name=name, n_rows=50, mean=0.6, limit=0.3, has_risen=name in risen) for name in ("a", "b", "c")
    )
    return SlicesReading(slices=found, shares=dict.fromkeys(risen, (0.1, 0.9)))


def slice_alert(*names: str, version: int = 1) -> Alert:
    return Alert(
        alert_id="s", loop="l", version=version, cause=Cause.SLICES, sentence="s", opened_at=NOW,
        evidence={"slices": list(names)},
    )  # fmt: skip


def test_a_slice_that_rises_opens_one_alert_which_stays_while_it_names_all_that_have_risen() -> None:
    calm = reading(has_risen=False)
    (opened,) = decide(POLICY, CALM, Facts(alert=calm, slices=slices("a")), NOW)
    assert isinstance(opened, OpenAlert)
    assert opened.concern.cause is Cause.SLICES
    assert "The risk has risen in a (" in opened.sentence
    known = replace(CALM, open_alerts=(slice_alert("a", "b"),))
    assert decide(POLICY, known, Facts(alert=calm, slices=slices("a")), NOW) == ()
    closed, again = decide(POLICY, known, Facts(alert=calm, slices=slices("b", "c")), NOW)
    assert isinstance(closed, CloseAlert)
    assert "the next alert names them all" in closed.sentence
    assert isinstance(again, OpenAlert)
    assert again.concern.subjects == ("b", "c")
    (closed,) = decide(POLICY, known, Facts(alert=calm, slices=slices()), NOW)
    assert closed.sentence == "The evidence is gone."


def test_a_risk_of_all_rows_takes_the_place_of_the_alert_of_a_slice() -> None:
    known = replace(CALM, open_alerts=(slice_alert("a"),))
    opened, closed = decide(POLICY, known, Facts(alert=reading(has_risen=True), slices=slices("a")), NOW)
    assert isinstance(opened, OpenAlert)
    assert opened.concern.cause is Cause.RISK
    assert isinstance(closed, CloseAlert)
    assert "its alert says where" in closed.sentence


def test_a_risk_that_rises_during_a_rollout_is_told_with_what_is_known_of_the_challenger() -> None:
    rollout = Rollout(
        rollout_id="r", loop="l", champion=1, challenger=2, plan=PLAN, terms=TERMS, started_at=NOW, stage_index=0,
        stage_started_at=NOW,
    )  # fmt: skip
    evidence = Evidence(
        n_rows=200, n_missing=0, n_stage=5, n_exposed=0, estimate=-0.05, interval=Interval(-0.05, -0.09, -0.01)
    )
    trying = replace(CALM, rollout=rollout)
    hold, opened = decide(POLICY, trying, Facts(alert=reading(has_risen=True), evidence=evidence), NOW)
    assert isinstance(hold, HoldRollout)
    assert isinstance(opened, OpenAlert)
    assert "v2 is on trial meanwhile, and no other training starts until that has ended" in opened.sentence
    assert "-0.05 against the champion's, between -0.09 and -0.01 (200 rows)" in opened.sentence
    kept = Alert(alert_id="a", loop="l", version=1, cause=Cause.RISK, sentence="s", opened_at=NOW)
    (hold,) = decide(POLICY, replace(trying, open_alerts=(kept,)), Facts(alert=reading(has_risen=True)), NOW)
    assert isinstance(hold, HoldRollout)
    promoted = replace(CALM, champion=2, open_alerts=(kept,))
    (closed,) = decide(POLICY, promoted, Facts(alert=reading(has_risen=False)), NOW)
    assert closed == CloseAlert(alert=kept, sentence="v1 is no longer in charge.")
