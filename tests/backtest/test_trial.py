from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from backtest.small import BEGIN, DAY, HEAT, LOSS, TERMS, make_replay
from holdtrue.backtest import Replay, Trial
from holdtrue.domain import Rollout, RolloutPlan, Schema, Stage, StageKind


def make_trial(
    replay: Replay, *, share: float = 0.0, is_paired: bool = True, schemas: tuple[Schema, Schema] | None = None
) -> Trial:
    kind = StageKind.CANARY if share else StageKind.SHADOW
    stages = tuple(
        Stage(kind=kind, share=part, min_rows=10, min_span=DAY, expected_days=2, is_paired=is_paired)
        for part in (share, min(1.0, 2 * share))
    )
    rollout = Rollout(
        rollout_id="salt", loop="l", champion=1, challenger=2, plan=RolloutPlan(stages=stages, note="n"), terms=TERMS,
        started_at=BEGIN, stage_index=0, stage_started_at=BEGIN,
    )  # fmt: skip
    return Trial(rollout=rollout, begin=0, replay=replay, loss=LOSS, schemas=schemas)


def say(chance: float, n_rows: int) -> NDArray[np.float64]:
    return np.tile([1 - chance, chance], (n_rows, 1))


def play(trial: Trial, n_rows: int, *, champion: float = 0.5, challenger: float = 0.5) -> NDArray[np.bool_]:
    chosen = trial.assign(0, n_rows)
    trial.record(0, n_rows, say(champion, n_rows), say(challenger, n_rows), chosen)
    return chosen


def test_in_shadow_the_challenger_answers_nobody() -> None:
    trial = make_trial(make_replay())
    assert not play(trial, 200).any()
    assert trial.weigh(BEGIN + 30 * DAY).n_exposed == 0


def test_a_share_of_the_units_is_answered_by_the_challenger_and_each_stays_on_its_side() -> None:
    replay = make_replay(n_days=100, rows_a_day=8, n_units=400)
    chosen = make_trial(replay, share=0.25).assign(0, 800)
    assert 0.18 < chosen[:400].mean() < 0.32
    assert np.array_equal(chosen[:400], chosen[400:])


def test_whoever_met_the_challenger_goes_on_meeting_it_when_its_share_grows() -> None:
    trial = make_trial(make_replay(n_days=50), share=0.2)
    few = trial.assign(0, 400)
    trial.rollout = replace(trial.rollout, stage_index=1)
    more = trial.assign(0, 400)
    assert more[few].all()
    assert more.sum() > few.sum()


def test_a_row_counts_when_its_label_is_due_and_not_before() -> None:
    replay = make_replay(rows_a_day=8)  # a row every 3 hours, its label 12 hours later
    trial = make_trial(replay)
    play(trial, 40)
    assert trial.weigh(BEGIN + timedelta(hours=11)).n_rows == 0
    assert trial.weigh(BEGIN + timedelta(hours=12)).n_rows == 1
    assert trial.weigh(BEGIN + timedelta(hours=12 + 9)).n_rows == 4
    assert trial.weigh(BEGIN + 30 * DAY).n_rows == 40


def test_only_the_first_exposure_of_a_unit_counts() -> None:
    trial = make_trial(make_replay(n_units=7))
    play(trial, 100)
    assert trial.weigh(BEGIN + 90 * DAY).n_rows == 7


def test_a_label_that_never_came_is_counted_as_missing_and_weighs_nothing() -> None:
    replay = make_replay(n_days=5, rows_a_day=8, n_unlabelled=15)
    trial = make_trial(replay)
    play(trial, 40)
    evidence = trial.weigh(BEGIN + 30 * DAY)
    assert (evidence.n_rows, evidence.n_missing) == (25, 15)


def test_the_estimate_is_the_mean_of_the_paired_differences() -> None:
    replay = make_replay()
    trial = make_trial(replay)
    play(trial, 100, champion=0.5, challenger=0.9)
    labels = replay.labels[:100]
    differences = LOSS.rows(say(0.9, 100), labels) - LOSS.rows(say(0.5, 100), labels)
    assert trial.weigh(BEGIN + 30 * DAY).estimate == pytest.approx(differences.mean())


def test_unpaired_only_the_challengers_own_rows_count_towards_its_stage() -> None:
    trial = make_trial(make_replay(n_days=60), share=0.3, is_paired=False)
    chosen = play(trial, 400)
    evidence = trial.weigh(BEGIN + 90 * DAY)
    assert evidence.n_stage == chosen.sum() == evidence.n_exposed
    assert evidence.n_rows == 400
    assert np.isnan(trial.champion_loss[0][chosen]).all()
    assert np.isnan(trial.challenger_loss[0][~chosen]).all()


@pytest.mark.parametrize(
    ("challenger_is_right", "champion_is_right", "shows_harm", "shows_no_worse"),
    [(False, True, True, False), (True, True, False, False), (True, False, False, True)],
    ids=["worse", "equal", "better"],
)
def test_harm_is_shown_of_a_worse_challenger_and_its_absence_of_a_better_one(
    challenger_is_right: bool, champion_is_right: bool, shows_harm: bool, shows_no_worse: bool
) -> None:
    trial = make_trial(make_replay(n_days=60))
    right = np.where(trial.replay.labels[:400, None] == [0, 1], 0.9, 0.1)
    champion = right if champion_is_right else 1 - right
    challenger = right if challenger_is_right else 1 - right
    trial.record(0, 400, champion, challenger, trial.assign(0, 400))
    evidence = trial.weigh(BEGIN + 90 * DAY)
    assert evidence.shows_harm(0.05) is shows_harm
    assert evidence.shows_no_worse() is shows_no_worse


def test_a_challenger_that_learned_from_other_values_is_told_by_the_requests_alone() -> None:
    elsewhere = Schema((replace(HEAT.columns[0], low=100.0, high=500.0),))
    strange = make_trial(make_replay(n_days=60), schemas=(HEAT, elsewhere))
    play(strange, 150)
    skew = strange.weigh(BEGIN + timedelta(hours=1)).skew
    assert skew is not None
    assert (skew.column, skew.n_rows, skew.n_strange) == ("heat", 150, 150)
    alike = make_trial(make_replay(n_days=60), schemas=(HEAT, HEAT))
    play(alike, 150)
    assert alike.weigh(BEGIN + timedelta(hours=1)).skew is None


def test_before_any_row_there_is_no_evidence_at_all() -> None:
    evidence = make_trial(make_replay()).weigh(BEGIN)
    assert (evidence.n_rows, evidence.n_stage, evidence.estimate) == (0, 0, None)
