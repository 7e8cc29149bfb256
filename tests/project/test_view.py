import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from holdtrue.clock import ScaledClock
from holdtrue.data import record_labels
from holdtrue.domain import Cause, LabelFact
from holdtrue.errors import NotFound
from holdtrue.project import StoredView, open_project, score_file
from project.small import AGAIN_AT, LOOP, TRAINED_AT, make_controller, opened


def test_before_the_first_training_nobody_is_in_charge(fresh: Path) -> None:
    with opened(fresh) as project:
        (loop,) = StoredView(project=project).overview().loops
    assert (loop.name, loop.champion, loop.challenger, loop.traffic, loop.rollout) == (LOOP, None, None, None, None)
    assert (loop.windows, loop.takeovers, loop.decisions, loop.runs, loop.coverage) == ((), (), (), (), None)


def test_after_a_training_its_version_is_in_charge_and_its_decisions_are_told_newest_first(trained: Path) -> None:
    with opened(trained) as project:
        overview = StoredView(project=project, predict_url="http://here").overview()
    (loop,) = overview.loops
    assert loop.champion is not None
    assert loop.champion.name == "v1"
    assert [entry.action for entry in loop.decisions] == ["install", "train"]
    assert [(takeover.version, takeover.at) for takeover in loop.takeovers] == [(1, TRAINED_AT)]
    assert [run.state for run in loop.runs] == ["succeeded"]
    assert loop.baseline_loss == pytest.approx(0.69, abs=0.02)
    assert (overview.project, overview.predict_url, overview.clock_speed) == ("project", "http://here", 1.0)
    assert list(loop.champion.weights) == ["heat", "noise"]
    assert loop.champion.weights["heat"] > 0.2 > 10 * loop.champion.weights["noise"]


def test_a_rollout_under_way_is_shown_with_both_versions_and_the_days_that_are_left(rolling: Path) -> None:
    with opened(rolling, days=59) as project:
        (loop,) = StoredView(project=project).overview().loops
    assert loop.champion is not None
    assert loop.challenger is not None
    assert loop.rollout is not None
    assert (loop.champion.name, loop.challenger.name) == ("v1", "v2")
    assert loop.rollout.expected_days_left == pytest.approx(loop.rollout.rollout.plan.expected_days)
    assert [change.share for change in loop.rollout.shares] == [0.0]


def test_a_rollout_that_has_ended_stays_in_view_without_days_left(rolling: Path) -> None:
    with opened(rolling, days=60) as project:
        StoredView(project=project).promote(LOOP, "as a test")
        (loop,) = StoredView(project=project).overview().loops
    assert loop.champion is not None
    assert loop.champion.name == "v2"
    assert loop.challenger is None
    assert loop.rollout is not None
    assert loop.rollout.expected_days_left is None


def test_orders_for_a_loop_that_is_not_here_are_refused(rolling: Path) -> None:
    with opened(rolling) as project:
        view = StoredView(project=project)
        for order in (view.promote, view.rollback):
            with pytest.raises(NotFound, match="other"):
                order("other", "why not")
        assert view.overview().loops[0].challenger is not None


def test_an_answer_is_explained_with_the_trainings_that_were_refused(trained: Path, tmp_path: Path) -> None:
    pl.DataFrame({"event": ["a"], "heat": [1.0], "noise": [0.0]}).write_parquet(tmp_path / "in.parquet")
    with opened(trained, days=51) as project:
        score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")
        (trained / "rows.parquet").unlink()
        make_controller(project).tick()
        (refusal,) = StoredView(project=project).explain("a").refusals
        assert "the table cannot be used" in refusal.sentence
        assert "rows.parquet is not there" in str(StoredView(project=project).explain("a").describe()["refusals"])


def test_the_label_of_an_answer_is_shown_once_it_has_come(trained: Path, tmp_path: Path) -> None:
    rows = pl.DataFrame({"event": ["a", "b"], "heat": [1.0, 2.0], "noise": [0.0, 0.0]})
    rows.write_parquet(tmp_path / "in.parquet")
    with opened(trained, days=42) as project:
        score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")
        first, second = pl.read_parquet(tmp_path / "out.parquet")["prediction_id"]
        at = TRAINED_AT.timestamp() + 86_400
        fact = LabelFact(loop=LOOP, label=True, at=at, received_at=time.time(), key="a", prediction_id=None)
        assert record_labels(project.store, [fact]) == 1
        found = StoredView(project=project).explain(first).label
        assert found is not None
        assert (found.label, found.at) == (True, at)
        assert StoredView(project=project).explain(second).label is None


def test_what_the_version_in_charge_believes_stands_beside_what_its_labels_say(trained: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    heat = rng.normal(size=400)
    rows = pl.DataFrame({"event": [f"n{i}" for i in range(400)], "heat": heat, "noise": rng.normal(size=400)})
    rows.write_parquet(tmp_path / "in.parquet")
    with opened(trained, days=42) as project:
        score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")
        view, controller = StoredView(project=project), make_controller(project)
        controller.write_windows(project.clock.now())
        accuracy, loss = view.overview().loops[0].beliefs
        assert (accuracy.metric, loss.metric) == ("accuracy", "log_loss")
        assert accuracy.awaiting == pytest.approx(0.75, abs=0.1)
        assert (accuracy.n_awaiting, accuracy.measured, accuracy.corrected) == (400, None, None)
        assert loss.precision == pytest.approx(
            0.1 * (view.overview().loops[0].baseline_loss - view.overview().loops[0].champion.metrics["candidate_loss"])
        )
        project.clock.move_to(TRAINED_AT + timedelta(days=3))
        at = TRAINED_AT.timestamp() + 2.5 * 86_400
        wrong = [LabelFact(loop=LOOP, label=bool(heat[i] < 0), at=at, received_at=at, key=f"n{i}") for i in range(400)]
        record_labels(project.store, wrong)
        controller.write_windows(project.clock.now())
        accuracy, _ = view.overview().loops[0].beliefs
    assert accuracy.n_awaiting == 0
    assert accuracy.measured is not None
    assert accuracy.measured.value < 0.3 < accuracy.believed
    assert accuracy.is_over_confident


def test_a_label_that_changes_counts_as_it_came_last_and_the_earlier_one_is_kept(trained: Path, tmp_path: Path) -> None:
    rows = pl.DataFrame({"event": ["a", "b"], "heat": [3.0, 3.0], "noise": [0.0, 0.0]})
    rows.write_parquet(tmp_path / "in.parquet")
    with opened(trained, days=42) as project:
        score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")
        first = pl.read_parquet(tmp_path / "out.parquet")["prediction_id"][0]
        controller, view = make_controller(project), StoredView(project=project)
        project.clock.move_to(TRAINED_AT + timedelta(days=4))
        measured = []
        for hour, name in enumerate(({"key": "a"}, {"prediction_id": first}, {"key": "a"})):
            at = (TRAINED_AT + timedelta(days=3, hours=hour)).timestamp()
            record_labels(project.store, [LabelFact(loop=LOOP, label=hour != 1, at=at, received_at=at, **name)])
            controller.write_windows(project.clock.now())
            (window,) = view.overview().loops[0].windows
            measured.append((window.n_rows, window.n_labelled, window.metrics["accuracy"], window.loss_low))
        with project.store.reading() as tx:
            assert [fact.label for fact in tx.labels.all(LOOP)] == [True, False, True]
    assert measured == [(2, 1, 1.0, None), (2, 1, 0.0, None), (2, 1, 1.0, None)]


def test_predictions_that_stop_raise_one_alert_that_closes_when_they_come_again(trained: Path, tmp_path: Path) -> None:
    n_rows = 400
    times = [TRAINED_AT + timedelta(days=1 + 10 * i / n_rows) for i in range(n_rows)]
    keys = [f"n{i}" for i in range(n_rows)]
    rows = pl.DataFrame({"event": keys, "at": times, "heat": [0.5] * n_rows, "noise": [0.0] * n_rows})
    rows.write_parquet(tmp_path / "in.parquet")
    rows.head(1).with_columns(event=pl.lit("late"), at=TRAINED_AT + timedelta(days=12, hours=1)).write_parquet(
        tmp_path / "one.parquet"
    )
    with opened(trained, days=51) as project:
        score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")
        controller, view = make_controller(project), StoredView(project=project)
        assert view.overview().loops[0].alerts == ()
        project.clock.move_to(TRAINED_AT + timedelta(days=12))
        for _ in range(3):
            controller.tick()
        (alert,) = view.overview().loops[0].alerts
        assert alert.cause is Cause.PREDICTIONS
        assert "No prediction has been asked for since 2024-02-20" in alert.sentence
        score_file(project, tmp_path / "one.parquet", tmp_path / "out.parquet")
        project.clock.move_to(TRAINED_AT + timedelta(days=12, hours=1))
        controller.tick()
        assert view.overview().loops[0].alerts == ()
        with project.store.reading() as tx:
            assert len(tx.alerts.all(LOOP)) == 1


def test_a_replayed_project_says_how_fast_its_clock_runs(trained: Path) -> None:
    clock = ScaledClock(TRAINED_AT, began_unix=time.time(), speed=86_400.0)
    with open_project(trained / "loop.py", clock=clock) as project:
        assert StoredView(project=project).overview().clock_speed == 86_400.0


def test_a_champion_that_breaks_during_a_rollout_is_alerted_with_what_is_known_of_its_challenger(
    rolling: Path, tmp_path: Path
) -> None:
    rng, n_rows = np.random.default_rng(0), 600
    heat = rng.normal(size=n_rows)
    times = [AGAIN_AT + timedelta(days=4 * i / n_rows) for i in range(n_rows)]
    rows = pl.DataFrame(
        {"event": [f"n{i}" for i in range(n_rows)], "at": times, "heat": heat, "noise": rng.normal(size=n_rows)}
    )
    rows.write_parquet(tmp_path / "in.parquet")
    with opened(rolling, days=64) as project:
        score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")
        wrong = [
            LabelFact(
                loop=LOOP, label=bool(heat[i] < 0), at=at.timestamp() + 43_200, received_at=time.time(), key=f"n{i}"
            )
            for i, at in enumerate(times)
        ]
        record_labels(project.store, wrong)
        make_controller(project).tick()
        (loop,) = StoredView(project=project).overview().loops
    assert loop.challenger is not None
    (alert,) = [alert for alert in loop.alerts if alert.cause is Cause.RISK]
    assert alert.version == 1
    assert "v2 is on trial meanwhile, and no other training starts until that has ended" in alert.sentence
    assert any(entry.action == "alert" and entry.sentence == alert.sentence for entry in loop.decisions)
    assert [entry.action for entry in loop.decisions].count("train") == 2
