"""Guards: what refuses a training, in a sentence that says what was found and what is asked for."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import holdtrue as ht
from holdtrue.domain import (
    Guards,
    Rollout,
    RolloutPlan,
    RolloutStatus,
    RolloutTerms,
    Run,
    RunCost,
    RunState,
    Stage,
    StageKind,
)
from holdtrue.loop import Facts, LoopPolicy, LoopState, Move, Promote, RefuseRun, Spending, StartRun, decide
from holdtrue.loop.spending import sum_spending
from holdtrue.pipeline import Claim, fail_lost_run, start_run, submit_run
from holdtrue.rollout import Evidence
from holdtrue.stats import Interval
from holdtrue.store import Store

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
NEWS = Facts(n_new_labels=500, n_new_rows=500, n_new_days=20)
STATE = LoopState(champion=1, last_run_at=NOW - timedelta(hours=10))


def ask(guards: Guards, facts: Facts, state: LoopState = STATE) -> Move:
    policy = LoopPolicy(
        every=None, on_risk=None, plan=RolloutPlan(stages=(), note=""), on_new_data=ht.on_new_data(min_rows=1),
        guards=guards,
    )  # fmt: skip
    (move,) = decide(policy, state, facts, NOW)
    return move


def spend(*, n_runs: int = 0, minutes: float = 0, cost: float = 0) -> Facts:
    return replace(NEWS, spent=Spending(n_runs=n_runs, minutes=minutes, cost=cost))


@pytest.mark.parametrize(
    ("guards", "facts", "match"),
    [
        (ht.guards(cooldown="12h"), NEWS, "the last training began less than 12 hours ago"),
        (ht.guards(max_runs_a_day=3), spend(n_runs=3), "3 trainings began in the last 24 hours, and 3 are allowed"),
        (ht.guards(max_minutes_a_day=30), spend(minutes=30.2), "took 30.2 minutes, and 30 are allowed"),
        (ht.guards(max_cost_a_month=5), spend(cost=5.5), "cost 5.50, and 5 are allowed"),
        (
            ht.guards(max_source_share=0.5),
            replace(NEWS, top_source=("feed A", 0.61)),
            "61 % of the labelled rows come from 'feed A', and one source may have at most 50 %",
        ),
        (ht.guards(), replace(NEWS, golden_problem="the golden set g has changed"), "the golden set g has changed"),
    ],
)
def test_a_guard_refuses_with_what_it_found_and_what_it_asks_for(guards: Guards, facts: Facts, match: str) -> None:
    move = ask(guards, facts)
    assert isinstance(move, RefuseRun)
    assert move.sentence.startswith("500 labels have become known, and 1 is asked for, but ")
    assert match in move.sentence


@pytest.mark.parametrize(
    ("guards", "facts"),
    [
        (ht.guards(cooldown="10h"), NEWS),
        (ht.guards(max_runs_a_day=3), spend(n_runs=2)),
        (ht.guards(max_minutes_a_day=30), spend(minutes=29)),
        (ht.guards(max_cost_a_month=5), spend(cost=4.99)),
        (ht.guards(max_source_share=0.5), replace(NEWS, top_source=("feed A", 0.5))),
    ],
)
def test_a_guard_that_is_kept_lets_the_training_begin(guards: Guards, facts: Facts) -> None:
    assert isinstance(ask(guards, facts), StartRun)


def test_a_first_training_is_bound_by_the_budget_too() -> None:
    move = ask(ht.guards(max_runs_a_day=1), spend(n_runs=1), LoopState(champion=None))
    assert isinstance(move, RefuseRun)


def test_a_catch_up_waits_for_its_budget_and_for_nothing_else() -> None:
    owes = replace(STATE, owes_catch_up=True)
    held = ask(ht.guards(max_runs_a_day=2), spend(n_runs=2), owes)
    assert isinstance(held, RefuseRun)
    assert "catches up" in held.sentence
    begun = ask(ht.guards(cooldown="100h", max_runs_a_day=2), replace(spend(n_runs=1), n_new_labels=0), owes)
    assert isinstance(begun, StartRun)
    assert begun.catches_up


def test_a_promotion_stands_where_no_budget_is_left_for_its_catch_up() -> None:
    plan = RolloutPlan(
        stages=(Stage(kind=StageKind.SHADOW, share=0, min_rows=10, min_span=timedelta(days=1), expected_days=1),),
        note="",
    )
    terms = RolloutTerms(margin=0.01, loss_low=0, loss_high=1, design_effect=1, champion_risk=0.3)
    rollout = Rollout(
        rollout_id="r", loop="l", champion=1, challenger=2, plan=plan, terms=terms, started_at=NOW - timedelta(days=9),
        stage_index=0, stage_started_at=NOW - timedelta(days=9), status=RolloutStatus.ACTIVE,
    )  # fmt: skip
    evidence = Evidence(
        n_rows=900, n_missing=0, n_stage=900, n_exposed=900, estimate=-0.1, interval=Interval(-0.1, -0.12, -0.08)
    )
    policy = LoopPolicy(every=None, on_risk=None, plan=plan, guards=ht.guards(max_runs_a_day=1))
    facts = replace(spend(n_runs=1), evidence=evidence)
    promoted, refused = decide(policy, replace(STATE, rollout=rollout), facts, NOW)
    assert isinstance(promoted, Promote)
    assert isinstance(refused, RefuseRun)


def test_spending_counts_runs_and_minutes_of_a_day_and_money_of_a_month() -> None:
    def run(days_ago: float, *, hours: float | None = 1.0) -> Run:
        cost = (
            None if hours is None else RunCost(wall_seconds=1800 * hours, cpu_seconds=3600 * hours, peak_memory_bytes=1)
        )
        return Run(run_id="r", loop="l", reason="", as_of=NOW - timedelta(days=days_ago), cost=cost)

    runs = [run(40), run(29, hours=2), run(0.9), run(0.1, hours=None)]
    found = sum_spending(runs, NOW, core_hour=0.5)
    assert found == Spending(n_runs=2, minutes=30, cost=1.5)


def test_a_lost_run_counts_to_the_last_sign_of_its_worker_and_not_until_it_was_found(tmp_path: Path) -> None:
    friday = NOW - timedelta(hours=63)
    with Store.open(tmp_path / ".holdtrue") as store:
        killed, found = (
            Claim(store=store, owner="killed", seconds=0.01),
            Claim(store=store, owner="found", seconds=0.01),
        )
        with store.transaction() as tx:
            run = submit_run(tx, loop="l", reason="", as_of=friday, run_id="r")
            run = start_run(tx, run, now=NOW - timedelta(seconds=10), owner="killed")
            assert killed.take(tx, "r")
        time.sleep(0.05)
        with store.transaction() as tx:
            assert found.take(tx, "r")
            seen = found.find_last_sign(NOW)
            lost = fail_lost_run(tx, run, now=NOW, seen_at=seen)
    assert seen is not None
    assert timedelta(seconds=0.04) < NOW - seen < timedelta(seconds=5)
    assert lost.is_lost
    assert lost.seen_at == seen
    early = replace(lost, started_at=friday, parameters={"seen_at": (friday + timedelta(hours=2)).isoformat()})
    assert sum_spending([early], NOW, core_hour=2).cost == pytest.approx(4)
    unknown = replace(early, parameters={}, as_of=NOW)
    assert sum_spending([unknown], NOW, core_hour=2) == Spending(n_runs=1, minutes=0, cost=0)


def test_a_training_that_failed_has_taken_its_time_all_the_same() -> None:
    failed = Run(
        run_id="r", loop="l", reason="", as_of=NOW - timedelta(hours=6), state=RunState.FAILED,
        started_at=NOW - timedelta(hours=6), ended_at=NOW - timedelta(hours=1), error="MemoryError",
    )  # fmt: skip
    spent = sum_spending([failed], NOW, core_hour=2)
    assert (spent.n_runs, spent.minutes, spent.cost) == (1, 300, 10)
