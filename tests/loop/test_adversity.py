"""A disk that is full, a clock that is set back, a table that changes its columns: said, undone, and gone on from."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.domain import RunState
from holdtrue.errors import StateConflict, StoreFailed
from holdtrue.loop import Controller, InlineTrainer, RefuseRun, StartRun, Trained, TrainingLost
from holdtrue.project import Project, find_run, list_runs, open_project, stop_run
from holdtrue.store import Artifacts, Store, Transaction
from holdtrue.testing import drifting_rows, is_gone, write_drifting_project
from holdtrue.testing.world import START

NOW = START + timedelta(days=40)
HANG = """
def train(data):
    import pathlib, subprocess, time
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    pathlib.Path(__file__).with_name("reached").write_text(str(process.pid))
    time.sleep(60)


loop ="""


class Disk:
    """Has space for so many writes of transactions and artifacts, and for none after them until it is cleared."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n_left: float = float("inf")
        self.n_written = 0
        monkeypatch.setattr(Store, "transaction", self._limit_transaction(Store.transaction))
        monkeypatch.setattr(Artifacts, "put", self._limit_put(Artifacts.put))

    def write(self) -> None:
        if self.n_left <= 0:
            raise StoreFailed("the disk is full")
        self.n_left -= 1
        self.n_written += 1

    def _limit_transaction(self, begin: Callable[[Store], object]) -> object:
        @contextmanager
        def transaction(store: Store) -> Iterator[Transaction]:
            with begin(store) as tx:  # type: ignore[attr-defined]
                yield tx
                self.write()

        return transaction

    def _limit_put(self, put: Callable[[Artifacts, bytes], str]) -> object:
        def put_limited(artifacts: Artifacts, data: bytes) -> str:
            self.write()
            return put(artifacts, data)

        return put_limited


def make_controller(project: Project) -> Controller:
    controller = project.make_controller()
    controller.trainer = InlineTrainer(loop=project.loop, store=project.store)
    return controller


@pytest.fixture
def loop_file(tmp_path: Path) -> Path:
    return write_drifting_project(tmp_path, rows=drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60))


def test_a_training_goes_on_after_a_disk_that_was_full_at_any_of_its_writes(
    loop_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        make_controller(project).train_now("to count the writes")
        n_writes = disk.n_written
        assert n_writes > 5
        for n_left in range(1, n_writes, 3):
            project.clock.move_to(NOW + timedelta(hours=2 * n_left + 2))  # other rows are known: nothing is cached
            disk.n_left = n_left
            with suppress(StoreFailed):
                assert isinstance(make_controller(project).train_now("full"), TrainingLost | Trained)
            disk.n_left = float("inf")
            assert isinstance(make_controller(project).train_now("with space"), Trained)
        with project.store.reading() as tx:
            runs = tx.runs.all("machines")
            assert {run.state for run in runs} == {RunState.SUCCEEDED, RunState.FAILED}
            assert all(run.error for run in runs if run.state is RunState.FAILED)
            assert tx.audit.verify("machines") is None


def test_a_clock_that_is_set_back_a_day_trains_nothing_twice_and_breaks_nothing(loop_file: Path) -> None:
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        assert isinstance(make_controller(project).train_now("first"), Trained)
    for moved in (-timedelta(days=1), timedelta(hours=1)):
        with open_project(loop_file, clock=VirtualClock(NOW + moved)) as project:
            assert not any(isinstance(move, StartRun) for move in make_controller(project).tick())
            with project.store.reading() as tx:
                assert len(tx.runs.all("machines")) == 1


def test_a_clock_that_was_years_ahead_and_was_set_right_leaves_a_schedule_that_asks(loop_file: Path) -> None:
    with open_project(loop_file, clock=VirtualClock(NOW + timedelta(days=700))) as project:
        assert isinstance(make_controller(project).train_now("years ahead"), Trained)
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        controller = make_controller(project)
        assert controller.read_state().last_run_at is None
        (refused,) = [move for move in controller.tick() if isinstance(move, RefuseRun)]
        assert "has seen all but 0 labelled rows" in refused.sentence


def test_a_person_ends_a_training_that_hangs_with_all_that_it_started(loop_file: Path) -> None:
    loop_file.write_text(loop_file.read_text().replace("loop =", HANG))
    reached = loop_file.parent / "reached"
    with open_project(loop_file, clock=VirtualClock(NOW)) as project, ThreadPoolExecutor(1) as worker:
        controller = project.make_controller()
        told = worker.submit(controller.train_now, "it hangs")
        while not (reached.exists() and reached.read_text()):
            assert not told.done()
            time.sleep(0.05)
        (run,) = list_runs(project)
        assert run.state == "running"
        assert "was stopped" in stop_run(project, find_run(project, run.run_id))
        assert isinstance(told.exception(timeout=10), StateConflict)
        assert is_gone(int(reached.read_text()))
        (stopped,) = list_runs(project)
        assert (stopped.state, stopped.error) == ("failed", "The run was stopped: ordered by a person.")
        assert not controller.read_state().is_training


def test_a_table_that_loses_a_column_of_the_champion_says_who_needs_it_and_the_champion_stays(loop_file: Path) -> None:
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        assert isinstance(make_controller(project).train_now("first"), Trained)
        assert make_controller(project).read_state().champion == 1
        path = loop_file.parent / "rows.parquet"
        pl.read_parquet(path).rename({"heat": "warmth"}).write_parquet(path)
        outcome = make_controller(project).train_now("renamed")
        assert isinstance(outcome, TrainingLost)
        assert "the champion v1 cannot answer the rows of now: the column 'heat' is missing" in outcome.sentence
        assert "__" not in outcome.sentence
        assert make_controller(project).read_state().champion == 1
