"""Firings: which triggers ask for a training, and that each asks once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import holdtrue as ht
from holdtrue.domain import RolloutPlan, Trigger, Triggers
from holdtrue.loop import Facts, LoopPolicy, LoopState, RefuseRun, StartRun, decide
from holdtrue.loop.firing import find_firings

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
NEWS = Facts(n_new_labels=500, n_new_rows=500, n_new_days=20)
STATE = LoopState(champion=1, last_run_at=NOW - timedelta(days=2))


def make_policy(triggers: Triggers) -> LoopPolicy:
    return LoopPolicy(
        every=triggers.every,
        on_risk=triggers.on_risk,
        plan=RolloutPlan(stages=(), note="gate only"),
        crons=triggers.crons,
        on_new_data=triggers.on_new_data,
        afters=triggers.afters,
    )


def join(*parts: object) -> Triggers:
    return Triggers(tuple(parts))  # type: ignore[arg-type]


def test_a_moment_of_a_calendar_starts_one_training_and_is_over() -> None:
    policy = make_policy(join(ht.cron("0 3 * * *")))
    (move,) = decide(policy, STATE, NEWS, NOW)
    assert isinstance(move, StartRun)
    assert move.firings[0].moment == NOW.replace(hour=3)
    after = replace(STATE, last_run_at=NOW, asked=STATE.answer(move.firings))
    assert decide(policy, after, NEWS, NOW + timedelta(minutes=1)) == ()
    assert decide(policy, after, NEWS, NOW.replace(day=10, hour=3)) != ()


def test_a_moment_that_was_refused_is_over_too() -> None:
    policy = make_policy(join(ht.cron("0 3 * * *")))
    (move,) = decide(policy, STATE, replace(NEWS, n_new_labels=3), NOW)
    assert isinstance(move, RefuseRun)
    asked = replace(STATE, asked=STATE.answer(move.firings))
    assert decide(policy, asked, NEWS, NOW + timedelta(hours=1)) == ()


def test_moments_that_pass_during_a_training_are_asked_once_after_it() -> None:
    policy = make_policy(join(ht.cron("0 * * * *")))
    busy = replace(STATE, is_training=True)
    assert decide(policy, busy, NEWS, NOW) == ()
    (move,) = decide(policy, STATE, NEWS, NOW)
    assert isinstance(move, StartRun)
    done = replace(STATE, last_run_at=NOW, asked=STATE.answer(move.firings))
    assert decide(policy, done, NEWS, NOW + timedelta(minutes=59)) == ()


@pytest.mark.parametrize("trigger", [ht.cron("0 3 9 * *"), ht.every("7 days", at="03:00")])
def test_a_moment_that_a_rollout_and_its_catch_up_passed_over_is_asked_once_after_them(trigger: Trigger) -> None:
    policy = make_policy(join(trigger))
    started, moment = NOW - timedelta(days=7, hours=12), NOW.replace(hour=3)
    caught_up = replace(STATE, last_run_at=NOW - timedelta(hours=1), last_asked_at=started)
    (move,) = decide(policy, caught_up, NEWS, NOW)
    assert isinstance(move, StartRun)
    assert move.firings[0].moment == moment
    (move,) = decide(policy, caught_up, Facts(), NOW)
    assert isinstance(move, RefuseRun)
    asked = replace(caught_up, asked=caught_up.answer(move.firings))
    assert decide(policy, asked, NEWS, NOW + timedelta(hours=1)) == ()


def test_a_catch_up_leaves_the_next_time_of_a_schedule_where_it_was() -> None:
    policy = make_policy(join(ht.every("7 days", at="03:00")))
    caught_up = replace(STATE, last_run_at=NOW - timedelta(days=2), last_asked_at=NOW - timedelta(days=7))
    assert decide(policy, caught_up, NEWS, NOW) == ()


def test_a_training_that_something_else_started_leaves_the_next_moment_of_a_calendar_where_it_is() -> None:
    policy = make_policy(join(ht.cron("0 3 * * *"), ht.on_new_data(min_rows=400)))
    three = NOW.replace(day=10, hour=3)
    state = replace(STATE, last_run_at=three - timedelta(minutes=1), asked={"cron 0 3 * * * UTC": NOW.replace(hour=3)})
    (firing,) = find_firings(policy, state, Facts(), three)
    assert firing.moment == three


def test_new_data_ask_when_enough_labels_have_come() -> None:
    policy = make_policy(join(ht.on_new_data(min_rows=500)))
    assert decide(policy, STATE, replace(NEWS, n_new_labels=499), NOW) == ()
    (move,) = decide(policy, STATE, NEWS, NOW)
    assert isinstance(move, StartRun)
    assert move.reason == "500 labels have become known, and 500 are asked for"


def test_a_promotion_in_another_loop_asks_until_a_training_has_begun_after_it() -> None:
    policy = make_policy(join(ht.after("features")))
    assert decide(policy, STATE, NEWS, NOW) == ()
    facts = replace(NEWS, promotions={"features": NOW - timedelta(hours=1)})
    (refused,) = decide(policy, STATE, replace(facts, n_new_labels=1), NOW)
    assert isinstance(refused, RefuseRun)
    (move,) = decide(policy, replace(STATE, asked=STATE.answer(refused.firings)), facts, NOW)
    assert isinstance(move, StartRun)
    assert move.reason == "features has put a new version in charge"
    assert decide(policy, replace(STATE, last_run_at=NOW), facts, NOW + timedelta(days=1)) == ()
    caught_up = replace(STATE, last_run_at=NOW, last_asked_at=NOW - timedelta(days=9))
    assert decide(policy, caught_up, facts, NOW) != ()


def test_all_that_ask_at_once_are_one_training_that_names_them_all() -> None:
    policy = make_policy(join(ht.every("1 day", at="03:00"), ht.cron("0 4 * * *"), ht.on_new_data(min_rows=5)))
    (move,) = decide(policy, STATE, NEWS, NOW)
    assert isinstance(move, StartRun)
    assert [each.trigger for each in move.firings] == ["schedule", "cron 0 4 * * * UTC", "new data"]
    assert set(STATE.answer(move.firings)) == {"schedule", "cron 0 4 * * * UTC"}


def test_a_first_training_that_failed_is_tried_again_after_the_usual_time_whatever_the_triggers() -> None:
    policy = replace(make_policy(join(ht.on_new_data(min_rows=5))), usual_span=timedelta(days=3))
    state = LoopState(champion=None, last_run_at=NOW)
    assert decide(policy, state, NEWS, NOW + timedelta(days=2)) == ()
    assert decide(policy, state, NEWS, NOW + timedelta(days=3)) != ()
