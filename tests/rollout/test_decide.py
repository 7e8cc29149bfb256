import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdtrue.domain import Rollout, RolloutPlan, RolloutTerms, Stage, StageKind, Standard
from holdtrue.rollout import Evidence, RolloutAction, Skew, Tally, decide, find_failing
from holdtrue.stats import Interval

NOW = datetime(2024, 1, 10, tzinfo=UTC)


def stage(kind: StageKind, share: float = 0.0) -> Stage:
    return Stage(kind=kind, share=share, min_rows=100, min_span=timedelta(days=2), expected_days=2.0)


def rollout(
    *, index: int = 0, started: datetime = NOW - timedelta(days=3), standard: Standard = Standard.NO_HARM
) -> Rollout:
    plan = RolloutPlan(stages=(stage(StageKind.SHADOW), stage(StageKind.CANARY, 0.25)), note="as declared")
    terms = RolloutTerms(margin=0.01, loss_low=0, loss_high=1, design_effect=1, champion_risk=0.3, standard=standard)
    return Rollout(
        rollout_id="r", loop="l", champion=1, challenger=2, plan=plan, terms=terms, started_at=started,
        stage_index=index, stage_started_at=started,
    )  # fmt: skip


def evidence(*, n: int = 500, estimate: float = 0.0, z: float = 0.0, harm: float = 0.0, proof: float = 0.0) -> Evidence:
    return Evidence(
        n_rows=n, n_missing=0, n_stage=n, n_exposed=0, estimate=estimate,
        interval=Interval(estimate, estimate - 0.2, estimate + 0.2), z=z, harm=harm, proof=proof,
    )  # fmt: skip


def test_a_stage_that_matured_without_harm_goes_on() -> None:
    assert decide(rollout(), evidence(), NOW).action is RolloutAction.ADVANCE


def test_the_last_stage_that_matured_without_harm_promotes() -> None:
    move = decide(rollout(index=1), evidence(), NOW)
    assert move.action is RolloutAction.PROMOTE
    assert "v2 takes charge" in move.sentence


def test_harm_that_is_shown_stops_even_a_stage_that_just_began() -> None:
    move = decide(rollout(started=NOW), evidence(n=10, estimate=0.4, harm=math.log(21)), NOW)
    assert move.action is RolloutAction.ABORT
    assert "it has answered nobody" in move.sentence


def test_skew_stops_a_rollout_before_a_single_label_has_come() -> None:
    skew = Skew(column="humid", n_rows=200, n_strange=200, sentence="200 of 200 requests are strange")
    move = decide(rollout(started=NOW), replace(evidence(n=0), skew=skew), NOW)
    assert move.action is RolloutAction.ABORT
    assert "without waiting for labels: 200 of 200 requests are strange; it has answered nobody" in move.sentence


def test_a_challenger_that_leaves_rows_unanswered_is_stopped_whatever_its_answers_are_worth() -> None:
    failing = find_failing(Tally(n_asked=400, n_failed=100), Tally(n_asked=3_000, n_failed=1))
    move = decide(rollout(), replace(evidence(n=5_000, estimate=-0.3, proof=math.log(21)), failing=failing), NOW)
    assert move.action is RolloutAction.ABORT
    assert "it failed or was late on 100 of 400 rows (25.0 %)" in move.sentence


@pytest.mark.parametrize(
    ("challenger", "champion"),
    [
        (Tally(n_asked=99, n_failed=50), Tally(n_asked=99, n_failed=0)),
        (Tally(n_asked=1_000, n_failed=4), Tally(n_asked=1_000, n_failed=0)),
        (Tally(n_asked=1_000, n_failed=20), Tally(n_asked=1_000, n_failed=0)),
        (Tally(n_asked=1_000, n_failed=200), Tally(n_asked=1_000, n_failed=100)),
        (Tally(n_asked=0, n_failed=0), Tally(n_asked=0, n_failed=0)),
    ],
)
def test_few_rows_few_failures_and_what_befalls_both_stop_nothing(challenger: Tally, champion: Tally) -> None:
    assert find_failing(challenger, champion) is None


def test_too_few_rows_are_waited_for() -> None:
    move = decide(rollout(), evidence(n=99), NOW)
    assert move.action is RolloutAction.HOLD
    assert "99 of 100" in move.sentence


def test_a_proof_that_it_is_no_worse_stands_in_for_rows_but_not_for_time() -> None:
    proven = evidence(n=40, estimate=-0.3, proof=math.log(21))
    assert decide(rollout(), proven, NOW).action is RolloutAction.ADVANCE
    assert decide(rollout(started=NOW - timedelta(days=1)), proven, NOW).action is RolloutAction.HOLD


def test_too_short_a_time_is_waited_out() -> None:
    assert decide(rollout(started=NOW - timedelta(days=1)), evidence(), NOW).action is RolloutAction.HOLD


def test_harm_that_is_suspected_but_not_shown_holds() -> None:
    assert decide(rollout(), evidence(estimate=0.1, z=2.0, harm=1.0), NOW).action is RolloutAction.HOLD


def test_a_stage_that_shows_neither_is_given_up() -> None:
    move = decide(rollout(started=NOW - timedelta(days=30)), evidence(estimate=0.1, z=2.0), NOW)
    assert move.action is RolloutAction.ABORT
    assert "Given up" in move.sentence


def test_the_strict_standard_waits_for_proof() -> None:
    strict = rollout(standard=Standard.NON_INFERIOR)
    assert decide(strict, evidence(), NOW).action is RolloutAction.HOLD
    assert decide(strict, evidence(proof=math.log(21)), NOW).action is RolloutAction.ADVANCE


def test_no_evidence_never_moves_a_rollout_forward() -> None:
    nothing = Evidence(n_rows=0, n_missing=0, n_stage=0, n_exposed=0)
    assert decide(rollout(), nothing, NOW).action is RolloutAction.HOLD


@given(
    harm=st.floats(math.log(20), 50), n=st.integers(0, 10_000), estimate=st.floats(0.05, 1),
    days=st.floats(0, 100), index=st.sampled_from([0, 1]),
)  # fmt: skip
def test_shown_harm_always_stops(harm: float, n: int, estimate: float, days: float, index: int) -> None:
    found = evidence(n=n, estimate=estimate, harm=harm)
    move = decide(rollout(index=index, started=NOW - timedelta(days=days)), found, NOW)
    assert move.action is RolloutAction.ABORT


@pytest.mark.parametrize("n_streams", [1, 2, 4])
def test_the_abort_budget_is_shared_among_the_streams(n_streams: int) -> None:
    found = Evidence(n_rows=9, n_missing=0, n_stage=9, n_exposed=0, harm=math.log(30), n_streams=n_streams)
    assert found.shows_harm(0.05) == (n_streams == 1)
    assert np.isfinite(found.harm)
