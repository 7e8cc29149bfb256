"""The live loop from the command line: train, score, label, tick, roll out, roll back, and why."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.errors import NotFound, ProjectBusy
from holdtrue.loop import Trained
from holdtrue.project import StoredView, control_lock, open_project, score_file
from holdtrue.testing import drifting_rows, write_drifting_project
from holdtrue.testing.world import START


def run(*arguments: str | Path, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "holdtrue", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr[-2000:]
    return done.stdout if code == 0 else done.stderr


def test_a_model_is_trained_scored_explained_and_asked_about(tmp_path: Path) -> None:
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    loop_file = write_drifting_project(tmp_path, rows=rows)
    told = json.loads(run("train", loop_file, "--json"))
    assert told["ruling"] == "passed"
    assert told["champion"] == "v1"
    rows.tail(20).write_parquet(tmp_path / "in.parquet")
    run("score", loop_file, tmp_path / "in.parquet", tmp_path / "out.parquet")
    scored = pl.read_parquet(tmp_path / "out.parquet")
    assert scored.height == 20
    assert scored["p_True"].is_between(0, 1).all()
    why = run("why", scored["prediction_id"][0], "--loop", loop_file)
    for word in ("v1 is", "dataset", "passed the gate", "made by run", "from code", "Training began", "(holdtrue)"):
        assert word in why
    assert "v1 is in charge" in run("status", loop_file)
    assert "no earlier champion" in run("rollback", loop_file, code=2)


def test_training_again_without_news_is_inconclusive_and_leaves_the_champion(tmp_path: Path) -> None:
    loop_file = write_drifting_project(tmp_path, rows=drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60))
    assert json.loads(run("train", loop_file, "--json"))["champion"] == "v1"
    done = subprocess.run(
        [sys.executable, "-m", "holdtrue", "train", str(loop_file)], capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "Not enough data" in done.stdout
    assert "v1 is in charge" in run("status", loop_file)


def test_a_train_that_raises_is_kept_as_failed_with_its_traceback(tmp_path: Path) -> None:
    loop_file = write_drifting_project(tmp_path, rows=drifting_rows(n_days=30, rows_a_day=40, turns_on_day=30))
    loop_file.write_text(
        loop_file.read_text().replace("    return Log", '    raise ValueError("my own mistake")\n    return Log')
    )
    assert "my own mistake" in run("train", loop_file, code=3)
    with open_project(loop_file) as project, project.store.reading() as tx:
        (failed,) = tx.runs.all("machines")
        assert failed.state == "failed"
        assert "my own mistake" in (failed.error or "")


def test_a_loop_goes_on_by_itself_look_after_look(tmp_path: Path) -> None:
    """As cron would: each look observes, decides and acts once."""
    rows = drifting_rows(n_days=100, rows_a_day=60, turns_on_day=40)
    loop_file = write_drifting_project(tmp_path, rows=rows)
    clock = VirtualClock(START + timedelta(days=35))
    with open_project(loop_file, clock=clock) as project:
        controller = project.make_controller()
        first = controller.train_now("first")
        assert isinstance(first, Trained)
        for day in range(36, 100, 4):
            clock.move_to(START + timedelta(days=day))
            controller.tick()
            controller.finish_training()
            controller.tick()
        with project.store.reading() as tx:
            versions = tx.versions.all("machines")
            actions = [entry.action for entry in tx.audit.all("machines")]
            assert tx.audit.verify("machines") is None
            assert len(versions) >= 2
            assert "train" in actions
        assert StoredView(project=project).overview().loops[0].champion is not None


def test_two_controllers_of_one_project_exclude_each_other(tmp_path: Path) -> None:
    with control_lock(tmp_path), pytest.raises(ProjectBusy, match="controls this project"), control_lock(tmp_path):
        pass
    with control_lock(tmp_path):
        pass


def test_scoring_without_a_champion_says_what_to_do(tmp_path: Path) -> None:
    rows = drifting_rows(n_days=5, rows_a_day=10)
    loop_file = write_drifting_project(tmp_path, rows=rows)
    with open_project(loop_file) as project, pytest.raises(NotFound, match="holdtrue train"):
        score_file(project, tmp_path / "rows.parquet", tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()
