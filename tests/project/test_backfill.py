"""Trainings as of past moments: nothing later leaks into them, a kill loses nothing, and no version comes of them."""

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from holdtrue.domain import RunState
from holdtrue.errors import DeclarationError
from holdtrue.project import (
    Project,
    backfill_loop,
    compare_runs,
    find_run,
    list_moments,
    read_logs,
    read_patch,
    read_runs,
    reproduce_run,
    view_run,
)
from holdtrue.project.keepsakes import list_files
from holdtrue.testing.world import START
from project.tuned import opened_inline, read_fits, write_tuned_project

DAY = timedelta(days=1)
MOMENTS = list_moments(START + 30 * DAY, START + 58 * DAY, 7 * DAY)


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def loop_file(tmp_path: Path) -> Path:
    return write_tuned_project(tmp_path)


def count_versions(project: Project) -> int:
    with project.store.reading() as tx:
        return len(tx.versions.all(project.loop.name))


def test_each_window_is_a_run_that_knows_no_row_and_no_label_after_its_moment(loop_file: Path) -> None:
    with opened_inline(loop_file) as project:
        found = backfill_loop(project, MOMENTS)
        assert [window.as_of for window in found.windows] == MOMENTS
        assert (found.n_new, found.n_failed) == (5, 0)
        assert all(window.loss is not None and window.baseline_loss is not None for window in found.windows)
        fits = read_fits(loop_file.parent)
        newest = fits["newest"].to_list()
        # Labels come 12 hours late: what is known at a moment are the rows up to 12 hours before it.
        for moment in MOMENTS:
            until = moment - timedelta(hours=12)
            assert any(time <= until and until - time < timedelta(hours=2) for time in newest) or len(newest) < 10
        assert max(newest) <= MOMENTS[-1] - timedelta(hours=12)
        assert count_versions(project) == 0
        runs = [view_run(project, find_run(project, window.run_id)) for window in found.windows]
        assert {run.reason for run in runs} == {"backfill"}
        assert [run.as_of for run in runs] == MOMENTS
        differing = {(each.kind, each.name) for each in compare_runs(runs[0], runs[-1])}
        assert {("data", "as of"), ("result", "loss")} <= differing
        assert not {kind for kind, _ in differing} & {"code", "parameter", "library"}
        assert reproduce_run(project, find_run(project, found.windows[1].run_id)).is_equal


def test_a_window_keeps_what_a_training_keeps(loop_file: Path) -> None:
    noted = '    import holdtrue as ht\n    ht.note_metric("rows", data.n_rows)\n    print("fitting")\n'
    figure = '    ht.keep_figure("curve", "<svg xmlns=\'http://www.w3.org/2000/svg\'/>")\n'
    loop_file.write_text(loop_file.read_text().replace("    return Log", f"{noted}{figure}    return Log"))
    git = ["git", "-C", str(loop_file.parent), "-c", "user.name=n", "-c", "user.email=e"]
    for words in (["init", "-q"], ["add", "loop.py"], ["commit", "-qm", "c"]):
        subprocess.run([*git, *words], check=True)
    loop_file.write_text(loop_file.read_text() + "# changed\n")
    with opened_inline(loop_file) as project:
        (window,) = backfill_loop(project, MOMENTS[-1:]).windows
        project.make_controller().train_now("ordered by the test")
        (trained,) = [run for run in read_runs(project) if run.run_id != window.run_id]
        kept, view = (view_run(project, find_run(project, run_id)) for run_id in (window.run_id, trained.run_id))
        assert (kept.metrics["rows"] or 0) > 0
        assert [log.text for log in read_logs(project, kept)] == ["fitting\n"]
        assert "figures/train-curve.svg" in list_files(project, kept)
        assert "+# changed" in (read_patch(project, kept) or "")
        assert kept.installation == view.installation
        assert kept.installation is not None
        kinds = {each.kind for each in compare_runs(kept, view)}
        assert not kinds & {"installed", "commit", "figure", "code", "library"}
        bare = replace(kept, notes=(), metrics={}, parameters={}, installation=None, checkout=None, provenance=None)
        told = {(each.kind, each.first, each.second) for each in compare_runs(bare, view) if each.name == "all"}
        assert told == {(kind, "not kept", "kept") for kind in ("code", "installed", "commit", "metric", "figure")}
        assert {each.kind for each in compare_runs(bare, view) if each.name != "all"} == {"data", "result"}
        assert not any(each.name == "all" for each in compare_runs(bare, bare))


def test_a_window_that_fails_keeps_what_its_steps_printed(loop_file: Path) -> None:
    raising = '    print("so far")\n    raise ValueError("mine")\n    return Log'
    loop_file.write_text(loop_file.read_text().replace("    return Log", raising))
    with opened_inline(loop_file) as project:
        (window,) = backfill_loop(project, MOMENTS[:1]).windows
        view = view_run(project, find_run(project, window.run_id))
        assert window.state is RunState.FAILED
        assert "mine" in (window.error or "")
        assert [log.text for log in read_logs(project, view)] == ["so far\n"]


def test_a_window_gives_what_a_training_at_that_moment_gave(loop_file: Path) -> None:
    rows = loop_file.parent / "rows.parquet"
    with opened_inline(loop_file) as project:
        found = backfill_loop(project, MOMENTS[:2])
        later = view_run(project, find_run(project, found.windows[0].run_id))
    folder = loop_file.parent / "then"
    folder.mkdir()
    # A project that never had a row after the moment.
    import polars as pl

    pl.read_parquet(rows).filter(pl.col("at") <= MOMENTS[0]).write_parquet(folder / "rows.parquet")
    (folder / "loop.py").write_text(loop_file.read_text())
    with opened_inline(folder / "loop.py", day=30) as project:
        project.make_controller().train_now("ordered by the test")
        with project.store.reading() as tx:
            (then,) = tx.runs.all(project.loop.name)
    assert [step.output for step in then.steps] == [step.output for step in later.steps]


def test_a_killed_backfill_goes_on_with_the_windows_that_are_left(loop_file: Path) -> None:
    def die(done: int, _total: int) -> None:
        if done == 2:
            raise Killed

    with opened_inline(loop_file) as project, pytest.raises(Killed):
        backfill_loop(project, MOMENTS, on_window=die, n_parallel=2)
    n_before = read_fits(loop_file.parent).height
    with opened_inline(loop_file) as project:
        again = backfill_loop(project, MOMENTS, n_parallel=2)
        assert again.n_new == 3
        assert {window.state for window in again.windows} == {RunState.SUCCEEDED}
        with project.store.reading() as tx:
            runs = tx.runs.all(project.loop.name)
        assert len(runs) == 5  # what was cut short was gone on with, not begun again
        assert read_fits(loop_file.parent).height + n_before <= 10
        assert backfill_loop(project, MOMENTS).n_new == 0
        assert read_fits(loop_file.parent).height == 0


def test_a_parameter_that_is_edited_runs_all_windows_anew(loop_file: Path) -> None:
    with opened_inline(loop_file) as project:
        backfill_loop(project, MOMENTS[:2])
    loop_file.write_text(loop_file.read_text().replace("'newest': 60", "'newest': 61"))
    with opened_inline(loop_file) as project:
        assert backfill_loop(project, MOMENTS[:2]).n_new == 2


def test_a_window_that_fails_is_told_and_tried_again(loop_file: Path) -> None:
    with opened_inline(loop_file) as project:
        moments = [START, *MOMENTS[:1]]  # at the first no label is known yet
        found = backfill_loop(project, moments)
        assert [window.state for window in found.windows] == [RunState.FAILED, RunState.SUCCEEDED]
        assert "no label is known" in (found.windows[0].error or "")
        again = backfill_loop(project, moments)
        assert [window.is_new for window in again.windows] == [True, False]


def test_a_backfill_counts_against_no_budget_and_moves_nothing(loop_file: Path) -> None:
    guards = "    train=train,\n    guards=ht.guards(max_runs_a_day=1, cooldown='30 days'),"
    loop_file.write_text(loop_file.read_text().replace("    train=train,", guards))
    with opened_inline(loop_file) as project:
        controller = project.make_controller()
        backfill_loop(project, [*MOMENTS[:1], project.clock.now()])
        state = controller.read_state()
        assert (state.champion, state.last_run_at, state.is_training) == (None, None, False)
        assert [type(move).__name__ for move in controller.tick()] == ["StartRun"]


def test_moments_that_cannot_be_meant_are_refused(loop_file: Path) -> None:
    assert len(list_moments(START, START + 14 * DAY, 7 * DAY)) == 3
    for begin, end, span in ((START, START - DAY, DAY), (START, START + DAY, 0 * DAY), (START, START + DAY, DAY / 1e6)):
        with pytest.raises(DeclarationError):
            list_moments(begin, end, span)
    with opened_inline(loop_file) as project, pytest.raises(DeclarationError, match="have passed"):
        backfill_loop(project, [START + 100 * DAY])
