"""kill -9 in the middle of a step: the next training goes on from that step, and the run that was lost says so."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from holdtrue.domain import Run, RunState
from holdtrue.store import Store
from holdtrue.testing import drifting_rows
from holdtrue.testing.world import START

SOURCE = Path(__file__).parents[2] / "src"
LOOP = """
import pathlib, time
import polars as pl
from sklearn.linear_model import LogisticRegression
import holdtrue as ht

HERE = pathlib.Path(__file__).parent


def rows(data: ht.Dataset) -> pl.DataFrame:
    return data.features.with_columns(label=data.label)


def mean(rows: pl.DataFrame) -> float:
    return rows["heat"].mean()


@ht.step(timeout={timeout!r})
def fit(rows: pl.DataFrame, mean: float) -> LogisticRegression:
    if not (HERE / "go").exists():
        time.sleep(0.5)
        (HERE / "reached").touch()
        time.sleep(60)
    return LogisticRegression().fit(rows.drop("label"), rows["label"])


loop = ht.Loop(
    "machines",
    data=ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="12h"),
    pipeline=[rows, mean, fit],
)
"""


def write_project(folder: Path, *, timeout: str | None = None) -> Path:
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    shift = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=62) - START
    rows.with_columns(at=rows["at"] + shift).write_parquet(folder / "rows.parquet")
    (folder / "loop.py").write_text(LOOP.format(timeout=timeout), encoding="utf-8")
    return folder / "loop.py"


def begin(loop_file: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "holdtrue", "train", str(loop_file)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def await_step(folder: Path, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 60
    while not (folder / "reached").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def read_runs(folder: Path) -> list[Run]:
    with Store.open(folder / ".holdtrue") as store, store.reading() as tx:
        return tx.runs.all("machines")


def finish(loop_file: Path) -> list[Run]:
    (loop_file.parent / "go").touch()
    with begin(loop_file) as again:
        said = again.communicate(timeout=120)
    assert again.returncode == 0, said
    return read_runs(loop_file.parent)


def find_children(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return [p for p in psutil.Process(process.pid).children() if "holdtrue.environments.child" in p.cmdline()]


@pytest.mark.story
def test_a_training_whose_parent_is_killed_goes_on_from_the_step_that_it_was_in(tmp_path: Path) -> None:
    loop_file = write_project(tmp_path)
    with begin(loop_file) as process:
        await_step(tmp_path, process)
        process.kill()
    lost, done = finish(loop_file)
    assert (lost.state, lost.is_lost) == (RunState.FAILED, True)
    assert done.state is RunState.SUCCEEDED
    assert [step.is_cached for step in done.steps[:3]] == [True, True, False]


@pytest.mark.story
def test_a_training_whose_child_is_killed_says_so_and_goes_on_next_time(tmp_path: Path) -> None:
    loop_file = write_project(tmp_path)
    with begin(loop_file) as process:
        await_step(tmp_path, process)
        (child,) = find_children(process)
        os.kill(child.pid, signal.SIGKILL)
        _, problem = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "SIGKILL" in problem
    failed, done = finish(loop_file)
    assert (failed.state, failed.is_lost) == (RunState.FAILED, False)
    assert [step.is_cached for step in done.steps[:3]] == [True, True, False]


@pytest.mark.story
def test_a_step_that_never_ends_is_stopped_and_named(tmp_path: Path) -> None:
    loop_file = write_project(tmp_path, timeout="1s")
    with begin(loop_file) as process:
        _, problem = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "the step fit was still running after 1 seconds and was stopped" in " ".join(problem.split())
