import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdtrue.clock import VirtualClock
from holdtrue.domain import Run, RunCost, RunState
from holdtrue.errors import ColumnMissing, StateConflict, TrainingFailed
from holdtrue.pipeline import (
    CostMeter,
    MemoryCache,
    Recorder,
    describe_error,
    fail_lost_runs,
    run_steps,
    start_run,
    submit_run,
)
from holdtrue.store import Store

NOW = datetime(2013, 9, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / ".holdtrue") as store:
        yield store


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
def recorder(store: Store, clock: VirtualClock) -> Recorder:
    return Recorder(store, clock)


def submit(recorder: Recorder) -> Run:
    return recorder.submit(loop="flights", reason="a person asked", as_of=NOW, parameters={"depth": 3})


def read(store: Store, run: Run) -> Run:
    with store.reading() as tx:
        return tx.runs.read(run.run_id)


def test_a_run_goes_from_submitted_over_running_to_succeeded(
    store: Store, recorder: Recorder, clock: VirtualClock
) -> None:
    def one() -> int:
        return 1

    run = submit(recorder)
    assert (read(store, run).state, read(store, run).parameters) == (RunState.SUBMITTED, {"depth": 3})
    with recorder.recording(run) as notes:
        assert read(store, run).state is RunState.RUNNING
        outcome = run_steps([one], inputs={}, cache=MemoryCache())
        notes.result, notes.steps = outcome.values, outcome.records
        clock.move_to(NOW + timedelta(minutes=5))
    kept = read(store, run)
    assert kept == notes.run
    assert (kept.state, kept.result, kept.error) == (RunState.SUCCEEDED, {"one": 1}, None)
    assert (kept.started_at, kept.ended_at) == (NOW, NOW + timedelta(minutes=5))
    assert [step.name for step in kept.steps] == ["one"]
    assert kept.cost is not None
    assert kept.cost.peak_memory_bytes > 1 << 20


def test_a_run_that_raises_is_kept_as_failed_with_its_traceback(store: Store, recorder: Recorder) -> None:
    run = submit(recorder)
    with pytest.raises(ZeroDivisionError), recorder.recording(run):
        _ = 1 / 0
    kept = read(store, run)
    assert kept.state is RunState.FAILED
    assert kept.error is not None
    assert "_ = 1 / 0" in kept.error
    assert "ZeroDivisionError" in kept.error


def test_an_interrupt_is_recorded_and_passes_on(store: Store, recorder: Recorder) -> None:
    run = submit(recorder)
    with pytest.raises(KeyboardInterrupt), recorder.recording(run):
        raise KeyboardInterrupt
    assert read(store, run).state is RunState.FAILED


def test_a_run_begins_only_once(store: Store, recorder: Recorder) -> None:
    run = submit(recorder)
    with recorder.recording(run):
        pass
    with pytest.raises(StateConflict), recorder.recording(run):
        pass  # an old copy, at an old revision
    with pytest.raises(StateConflict, match="is succeeded and cannot become running"), store.transaction() as tx:
        start_run(tx, read(store, run), now=NOW)


def test_a_cost_that_was_measured_elsewhere_counts(store: Store, recorder: Recorder) -> None:
    cost = RunCost(wall_seconds=1.0, cpu_seconds=2.0, peak_memory_bytes=3)
    run = submit(recorder)
    with recorder.recording(run) as notes:
        notes.cost = cost
    assert read(store, run).cost == cost


def test_runs_that_a_killed_process_left_are_failed_and_others_left_alone(store: Store, recorder: Recorder) -> None:
    done, waiting, running = submit(recorder), submit(recorder), submit(recorder)
    with recorder.recording(done):
        pass
    with store.transaction() as tx:
        start_run(tx, running, now=NOW, owner="gone")
        other = submit_run(tx, loop="other", reason="a schedule", as_of=NOW)
    with store.transaction() as tx:
        lost = fail_lost_runs(tx, "flights", now=NOW)
    assert {run.run_id for run in lost} == {waiting.run_id, running.run_id}
    assert "ended before the run did" in str(read(store, running).error)
    assert read(store, done).state is RunState.SUCCEEDED
    assert read(store, other).state is RunState.SUBMITTED


def test_errors_are_told_with_the_users_traceback() -> None:
    assert describe_error(TrainingFailed("no", traceback_text="Traceback: line 3")) == "no.\n\nTraceback: line 3"
    assert describe_error(ColumnMissing("late is not there")) == "late is not there."


def test_cpu_and_memory_of_processes_that_the_work_started_count() -> None:
    meter = CostMeter.start()
    before = meter.read()
    code = "x = bytearray(300_000_000)\nsum(range(12_000_000))"
    subprocess.run([sys.executable, "-c", code], check=True)
    after = meter.read()
    assert after.cpu_seconds - before.cpu_seconds > 0.1
    assert after.peak_memory_bytes > 290_000_000


def test_living_processes_count_and_services_do_not() -> None:
    busy = [sys.executable, "-c", "sum(range(30_000_000)); print('done', flush=True); input()"]
    for is_service in (False, True):
        meter = CostMeter.start()
        with subprocess.Popen(
            busy, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=is_service
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            assert (meter.read().cpu_seconds > 0.15) is not is_service
            process.kill()


def test_the_peak_is_of_this_work_not_of_an_earlier_one() -> None:
    large = bytearray(200_000_000)
    peak = CostMeter.start().read().peak_memory_bytes
    del large
    assert CostMeter.start().read().peak_memory_bytes < peak - 150_000_000
