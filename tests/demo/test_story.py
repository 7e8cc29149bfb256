from dataclasses import replace
from datetime import UTC, datetime, timedelta

from holdtrue.demo import tabulate_scenes, tell_scene
from holdtrue.demo.live import Scene
from holdtrue.domain import Rollout, RolloutPlan, RolloutStatus, RolloutTerms, Stage, StageKind

BEGIN = datetime(2013, 9, 1, tzinfo=UTC)
STAGE = Stage(kind=StageKind.SHADOW, share=0.0, min_rows=10, min_span=timedelta(days=1), expected_days=2)
ROLLOUT = Rollout(
    rollout_id="r", loop="l", champion=1, challenger=2, plan=RolloutPlan(stages=(STAGE,), note="n"),
    terms=RolloutTerms(margin=0.01, loss_low=0, loss_high=1, design_effect=1, champion_risk=0.3),
    started_at=BEGIN, stage_index=0, stage_started_at=BEGIN,
)  # fmt: skip
SENT = {"n_answered": 12_345, "n_labels": 11_000}


def play(status: RolloutStatus, n_exposed: int = 0) -> str:
    rollouts = (replace(ROLLOUT, status=status),)
    return tell_scene(Scene(name="s", rollouts=rollouts, sentences=(), n_exposed=n_exposed, sent=SENT))


def test_a_scene_tells_what_was_sent_and_who_was_promoted() -> None:
    told = play(RolloutStatus.PROMOTED)
    assert "12,345" in told
    assert "11,000" in told
    assert "Promoted: v2" in told
    assert "Stopped: none" in told


def test_a_challenger_that_was_stopped_is_told_with_how_many_it_answered() -> None:
    assert "Stopped: v2" in play(RolloutStatus.ABORTED, n_exposed=1_234)
    assert "1,234" in play(RolloutStatus.ABORTED, n_exposed=1_234)
    assert "before it answered anyone" in play(RolloutStatus.ABORTED)


def test_a_scene_in_which_nothing_came_to_an_end_says_so() -> None:
    told = play(RolloutStatus.ACTIVE)
    assert "Promoted: none" in told
    assert "Stopped: none" in told


def test_the_table_of_the_scenes_says_how_each_challenger_ended_and_whom_it_answered() -> None:
    ended = replace(ROLLOUT, status=RolloutStatus.ABORTED, ended_at=BEGIN + timedelta(hours=6))
    scenes = [
        Scene(name="bad", rollouts=(ended,), sentences=(), n_exposed=3, sent=SENT),
        Scene(name="none", rollouts=(), sentences=(), n_exposed=0),
    ]
    assert tabulate_scenes(scenes).rows == (
        ("bad", "stopped", "shadow", 0.25, 3, 12_345, 11_000),
        ("none", "no rollout", "", None, 0, 0, 0),
    )
