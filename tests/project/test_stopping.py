"""A person stops a tuning or a backfill that hangs: its work ends at once, and what had ended is kept."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.domain import RunState
from holdtrue.errors import StateConflict
from holdtrue.project import (
    Project,
    backfill_loop,
    find_run,
    list_moments,
    list_runs,
    open_project,
    stop_run,
    tune_loop,
)
from holdtrue.testing.world import START
from project.tuned import N_DAYS, write_tuned_project

# The fits before it end; this one starts something in a session of its own and never comes back.
HANG = """    import pathlib, subprocess, time
    folder = pathlib.Path(__file__).parent
    if (folder / "hangs").exists() and len((folder / "fits.txt").read_text().splitlines()) > N_FITS:
        process = subprocess.Popen(["sleep", "60"], start_new_session=True)
        (folder / "reached").write_text(str(process.pid))
        time.sleep(60)
    return LogisticRegression"""
MOMENTS = list_moments(START + timedelta(days=30), START + timedelta(days=51), timedelta(days=7))
STOPPED = "The run was stopped: ordered by a person"


def write_hanging_project(folder: Path, *, n_fits: int) -> Path:
    loop_file = write_tuned_project(folder)
    (folder / "hangs").touch()
    text = loop_file.read_text().replace("    return LogisticRegression", HANG.replace("N_FITS", str(n_fits)))
    loop_file.write_text(text)
    return loop_file


def opened(loop_file: Path) -> Project:
    return open_project(loop_file, clock=VirtualClock(START + timedelta(days=N_DAYS - 1)))


def stop_when_it_hangs(project: Project, work: Callable[[], object]) -> StateConflict:
    """Return what the work raises within some seconds of being stopped."""
    reached = project.folder / "reached"
    with ThreadPoolExecutor(1) as worker:
        told = worker.submit(work)
        while not (reached.exists() and reached.read_text()):
            assert not told.done(), told.exception()
            time.sleep(0.05)
        (run,) = [run for run in list_runs(project) if run.state == "running"]
        stop_run(project, find_run(project, run.run_id))
        problem = told.exception(timeout=8)
    assert isinstance(problem, StateConflict)
    assert f"the run {run.run_id[:12]} is over: {STOPPED}" in str(problem)
    sleeper = int(reached.read_text())
    assert not psutil.pid_exists(sleeper) or psutil.Process(sleeper).status() == psutil.STATUS_ZOMBIE
    (project.folder / "hangs").unlink()
    return problem


def test_a_tuning_that_hangs_is_stopped_and_keeps_the_trials_that_ended(tmp_path: Path) -> None:
    with opened(write_hanging_project(tmp_path, n_fits=4)) as project:
        problem = stop_when_it_hangs(project, lambda: tune_loop(project))
        assert "the run keeps what had ended (trials: 2)" in str(problem)
        (run,) = [find_run(project, run.run_id) for run in list_runs(project)]
        assert (run.state, run.error) == (RunState.FAILED, f"{STOPPED}.")
        assert len(run.result["trials"]) == 2
        again = tune_loop(project, n_trials=2)
        assert again.run_id != run.run_id
        assert [trial.is_cached for trial in again.trials] == [True, True]


def test_the_proof_of_a_tuning_is_stopped_too(tmp_path: Path) -> None:
    with opened(write_hanging_project(tmp_path, n_fits=2)) as project:
        problem = stop_when_it_hangs(project, lambda: tune_loop(project, n_trials=1))
        assert "nothing was chosen, and the run keeps what had ended (trials: 1)" in str(problem)


def test_a_backfill_that_hangs_is_stopped_and_keeps_the_windows_that_ended(tmp_path: Path) -> None:
    with opened(write_hanging_project(tmp_path, n_fits=4)) as project:
        problem = stop_when_it_hangs(project, lambda: backfill_loop(project, MOMENTS))
        assert "the backfill has ended" in str(problem)
        states = [run.state for run in list_runs(project)]
        assert states == ["failed", *["succeeded"] * (len(states) - 1)]
        n_kept = len(states) - 1
        assert n_kept >= 1
        again = backfill_loop(project, MOMENTS)
        assert (again.n_new, again.n_failed) == (len(MOMENTS) - n_kept, 0)


def test_the_other_windows_of_a_stopped_backfill_say_why_they_ended(tmp_path: Path) -> None:
    with opened(write_hanging_project(tmp_path, n_fits=0)) as project, ThreadPoolExecutor(1) as worker:
        told = worker.submit(backfill_loop, project, MOMENTS, n_parallel=2)
        while len(runs := list_runs(project)) < 2:
            assert not told.done(), told.exception()
            time.sleep(0.05)
        stop_run(project, find_run(project, runs[0].run_id))
        with pytest.raises(StateConflict, match="the backfill has ended"):
            told.result(timeout=10)
        first, other = (find_run(project, run.run_id) for run in runs)
        assert first.error == f"{STOPPED}."
        assert (other.state, other.error) == (
            RunState.FAILED,
            f"The backfill ended before this window did: the run {first.run_id[:12]} is over: {STOPPED}.",
        )
