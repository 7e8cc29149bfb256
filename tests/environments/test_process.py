import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from holdtrue.environments import ProcessEnvironment, Progress
from holdtrue.errors import ColumnMissing, DeclarationError, RequestInvalid, StateConflict, TrainingFailed
from holdtrue.testing import is_gone


@pytest.fixture(scope="module")
def environment() -> Iterator[ProcessEnvironment]:
    with ProcessEnvironment() as environment:
        yield environment


def fail(environment: ProcessEnvironment, entry: str, payload: object = None, **terms: object) -> TrainingFailed:
    with pytest.raises(TrainingFailed) as caught:
        environment.submit(f"sample_work:{entry}", payload, **terms).result(timeout=30)
    return caught.value


def test_payload_and_result_cross_as_json(environment: ProcessEnvironment) -> None:
    payload = {"a": [1, 2.5, None, "ü", {"b": True}]}
    assert environment.submit("sample_work:echo", payload).result() == payload


def test_large_payloads_cross_whole(environment: ProcessEnvironment) -> None:
    payload = ["x" * 1000] * 20_000
    assert environment.submit("sample_work:echo", payload).result() == payload


def test_a_child_stays_warm_between_submissions(environment: ProcessEnvironment) -> None:
    pids = {environment.submit("sample_work:name_process", None).result() for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_what_a_log_handler_of_an_imported_module_prints_is_heard(environment: ProcessEnvironment) -> None:
    assert environment.submit("sample_log:hear_log", None).result() == "from a log\nfrom a print\n"


def test_an_exception_becomes_training_failed_with_the_users_frames(environment: ProcessEnvironment) -> None:
    error = fail(environment, "divide", [1, 0])
    assert "ZeroDivisionError in divide (sample_work.py, line" in error.found
    assert "return left / right" in error.traceback_text
    assert "holdtrue/environments" not in error.traceback_text


def test_an_exception_that_utf_8_cannot_say_crosses_with_its_half_character_escaped(
    environment: ProcessEnvironment,
) -> None:
    assert "no file caf\\udce9.csv" in fail(environment, "miss_file").found


def test_the_cause_of_an_exception_is_told(environment: ProcessEnvironment) -> None:
    text = fail(environment, "wrap_error").traceback_text
    assert "ZeroDivisionError" in text
    assert "direct cause" in text
    assert "holdtrue/environments" not in text


def test_a_failed_child_stays_warm(environment: ProcessEnvironment) -> None:
    before = environment.submit("sample_work:name_process", None).result()
    fail(environment, "divide", [1, 0])
    assert environment.submit("sample_work:name_process", None).result() == before


def test_errors_of_holdtrue_keep_type_and_facts(environment: ProcessEnvironment) -> None:
    with pytest.raises(ColumnMissing) as caught:
        environment.submit("sample_work:miss_column", None).result()
    error = caught.value
    assert (error.found, error.expected, error.remedy) == (
        "the column late is not there",
        "one of: a, b",
        "name another",
    )
    with pytest.raises(RequestInvalid) as invalid:
        environment.submit("sample_work:refuse_request", None).result()
    assert invalid.value.path == "$.rows[2]"


def test_a_users_descendant_of_an_error_crosses_as_its_ancestor(environment: ProcessEnvironment) -> None:
    with pytest.raises(ColumnMissing, match="a descendant"):
        environment.submit("sample_work:raise_local_error", None).result()


@pytest.mark.parametrize(("entry", "payload"), [("leave", 3), ("interrupt", None)])
def test_leaving_or_interrupting_the_child_is_a_failure_not_an_end(
    environment: ProcessEnvironment, entry: str, payload: object
) -> None:
    assert fail(environment, entry, payload).traceback_text
    assert environment.submit("sample_work:echo", 1).result() == 1


@pytest.mark.parametrize("name", ["SIGKILL", "SIGABRT", "SIGTERM"])
def test_death_by_a_signal_names_it_and_the_next_work_gets_a_fresh_child(
    environment: ProcessEnvironment, name: str
) -> None:
    error = fail(environment, "kill_self", name)
    assert name in error.found
    assert "about to die" in error.traceback_text
    assert environment.submit("sample_work:echo", "alive").result() == "alive"


def test_a_segmentation_fault_shows_where_the_user_was(environment: ProcessEnvironment) -> None:
    error = fail(environment, "read_address_zero")
    assert "SIGSEGV" in error.found
    assert "in read_address_zero" in error.traceback_text


def test_a_child_that_ends_itself_is_told_by_its_exit_code(environment: ProcessEnvironment) -> None:
    assert "exit code 4" in fail(environment, "vanish", 4).found


def test_a_child_that_died_while_idle_is_replaced_unseen(environment: ProcessEnvironment) -> None:
    pid = environment.submit("sample_work:name_process", None).result()
    os.kill(pid, signal.SIGKILL)
    assert environment.submit("sample_work:name_process", None).result() != pid


def test_a_child_that_dies_after_its_answer_has_answered(environment: ProcessEnvironment) -> None:
    assert len(environment.submit("sample_work:answer_much_and_die", 3).result()) == 3 << 20
    time.sleep(0.4)
    assert environment.submit("sample_work:echo", 1).result() == 1


def test_a_timeout_kills_the_child_and_says_where_it_was(environment: ProcessEnvironment) -> None:
    pid = environment.submit("sample_work:name_process", None).result()
    error = fail(environment, "sleep", 30, timeout_seconds=0.3)
    assert "0.3 seconds" in error.found
    assert "in sleep" in error.traceback_text
    assert not psutil.pid_exists(pid)
    assert environment.submit("sample_work:echo", 1).result() == 1


def test_a_timeout_kills_work_that_holds_the_interpreter(environment: ProcessEnvironment) -> None:
    text = fail(environment, "hold_interpreter", timeout_seconds=0.5).traceback_text
    assert "hold_interpreter" in text
    assert "holdtrue/environments" not in text


def test_a_timeout_ends_what_the_work_started(environment: ProcessEnvironment, tmp_path: Path) -> None:
    fail(environment, "start_grandchild", str(tmp_path / "pids"), timeout_seconds=1)
    _, grandchild = map(int, (tmp_path / "pids").read_text().split())
    assert is_gone(grandchild)


STRANGERS = pytest.mark.skipif(sys.platform != "linux", reason="the mark in the limits is Linux's")


@pytest.mark.parametrize(
    "entry",
    [
        "start_runaway",
        "start_runaway_and_vanish",
        pytest.param("start_stranger", marks=STRANGERS),
        pytest.param("start_stranger_and_vanish", marks=STRANGERS),
    ],
)
def test_what_the_work_started_in_another_session_ends_with_its_child(entry: str, tmp_path: Path) -> None:
    with ProcessEnvironment() as environment:
        done = environment.submit(f"sample_work:{entry}", str(tmp_path / "pids"))
        assert isinstance(done.exception(), TrainingFailed | None)
    _, runaway = map(int, (tmp_path / "pids").read_text().split())
    assert is_gone(runaway)


@pytest.mark.parametrize(
    "entry", ["start_grandchild", "start_runaway", pytest.param("start_stranger", marks=STRANGERS)]
)
def test_a_killed_parent_leaves_nothing_that_the_work_started(entry: str, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    lines = [
        "import time",
        "from holdtrue.environments import ProcessEnvironment",
        "environment = ProcessEnvironment()",
        f"environment.submit('sample_work:{entry}', {str(path)!r})",
        "time.sleep(60)",
    ]
    here = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    with subprocess.Popen([sys.executable, "-c", "\n".join(lines)], env=here) as parent:
        await_file(path)
        parent.kill()
    assert all(is_gone(int(pid)) for pid in path.read_text().split())


def test_interrupted_work_fails_and_what_waits_is_done(environment: ProcessEnvironment, tmp_path: Path) -> None:
    running = environment.submit("sample_work:start_grandchild", str(tmp_path / "pids"))
    waiting = environment.submit("sample_work:echo", 1)
    await_file(tmp_path / "pids")
    environment.interrupt()
    assert isinstance(running.exception(), TrainingFailed)
    assert waiting.result() == 1
    environment.interrupt()
    assert environment.submit("sample_work:echo", 2).result() == 2


def test_a_death_names_the_part_of_the_work_that_it_came_in(environment: ProcessEnvironment) -> None:
    assert "the process that did the step fit was ended by SIGKILL" in fail(environment, "kill_self_within").found


def test_work_that_closes_our_files_is_told_so(environment: ProcessEnvironment) -> None:
    assert "closed files that it did not open" in fail(environment, "close_files").traceback_text


def test_results_that_are_not_json_are_refused_by_name(environment: ProcessEnvironment) -> None:
    with pytest.raises(DeclarationError, match="result of sample_work:return_set is not JSON"):
        environment.submit("sample_work:return_set", None).result()


def test_payloads_that_are_not_json_are_refused_at_once(environment: ProcessEnvironment) -> None:
    with pytest.raises(DeclarationError, match="payload for sample_work:echo is not JSON"):
        environment.submit("sample_work:echo", object())


@pytest.mark.parametrize("entry", ["sample_work", "sample_work:nothing", ":echo"])
def test_an_entry_that_is_not_there_is_named(environment: ProcessEnvironment, entry: str) -> None:
    with pytest.raises(DeclarationError, match="entry"):
        environment.submit(entry, None).result()


def test_a_module_that_is_not_there_is_a_failure_of_the_users_code(environment: ProcessEnvironment) -> None:
    with pytest.raises(TrainingFailed, match="ModuleNotFoundError"):
        environment.submit("no_such_module:work", None).result()


def test_what_was_printed_stands_under_the_traceback_of_this_work_only(environment: ProcessEnvironment) -> None:
    fail(environment, "print_and_fail", "from the first work")
    text = fail(environment, "print_and_fail", "from the second work").traceback_text
    assert text.endswith("from the second work\n")
    assert "first work" not in text


def test_much_output_fills_neither_memory_nor_disk(environment: ProcessEnvironment) -> None:
    error = fail(environment, "print_much", 40)
    assert error.traceback_text.endswith("the very last line\n")
    assert len(error.traceback_text) < 20_000


def test_work_reads_an_empty_standard_input(environment: ProcessEnvironment) -> None:
    assert environment.submit("sample_work:read_input", None).result() == ""


@pytest.mark.parametrize("entry", ["count", "count_in_thread"])
def test_progress_reaches_the_parent(environment: ProcessEnvironment, entry: str) -> None:
    told: list[Progress] = []
    assert environment.submit(f"sample_work:{entry}", 20, on_progress=told.append).result() == 20
    assert told[-1] == Progress(done=20, total=20, text="rows")
    assert 2 <= len(told) < 20


def test_a_progress_listener_that_raises_stops_the_work(environment: ProcessEnvironment) -> None:
    def refuse(_: Progress) -> None:
        raise InterruptedError("enough")

    before = environment.submit("sample_work:name_process", None).result()
    with pytest.raises(InterruptedError, match="enough"):
        environment.submit("sample_work:count", 1000, on_progress=refuse).result()
    assert environment.submit("sample_work:name_process", None).result() != before


def test_edited_modules_are_never_run_stale(
    environment: ProcessEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "edited_rates.py").write_text("RATE = 1\n")
    (tmp_path / "edited_work.py").write_text("import edited_rates\n\ndef rate(_):\n    return edited_rates.RATE\n")
    monkeypatch.syspath_prepend(tmp_path)
    with ProcessEnvironment() as fresh:
        assert fresh.submit("edited_work:rate", None).result() == 1
        (tmp_path / "edited_rates.py").write_text("RATE = 2\n")
        assert fresh.submit("edited_work:rate", None).result() == 2


def test_several_children_work_at_once() -> None:
    with ProcessEnvironment(2, variables={"SAMPLE": "set"}) as pair:
        pids = [pair.submit("sample_work:start_grandchild", os.devnull, timeout_seconds=0.5) for _ in range(2)]
        began = time.monotonic()
        for outcome in pids:
            assert isinstance(outcome.exception(), TrainingFailed)
        assert time.monotonic() - began < 0.95
        assert pair.submit("sample_work:read_variable", "SAMPLE").result() == "set"


def test_closing_stops_what_runs_and_cancels_what_waits(tmp_path: Path) -> None:
    environment = ProcessEnvironment()
    path = tmp_path / "pids"
    running = environment.submit("sample_work:start_grandchild", str(path))
    waiting = environment.submit("sample_work:echo", 1)
    await_file(path)
    environment.close()
    environment.close()
    with pytest.raises(StateConflict, match="closed"):
        running.result(timeout=5)
    assert waiting.cancelled()
    assert all(is_gone(int(pid)) for pid in path.read_text().split())
    with pytest.raises(StateConflict, match="closed"):
        environment.submit("sample_work:echo", 1)


def test_an_environment_that_is_forgotten_ends_its_children() -> None:
    environment = ProcessEnvironment()
    pid = environment.submit("sample_work:name_process", None).result()
    del environment
    assert is_gone(pid)


def test_an_environment_without_children_is_refused() -> None:
    with pytest.raises(DeclarationError, match="n_children=0"):
        ProcessEnvironment(0)


@pytest.mark.parametrize("entry", ["sleep", "hold_interpreter"])
def test_a_killed_parent_leaves_no_orphan(entry: str) -> None:
    lines = [
        "import sys, time",
        "from holdtrue.environments import ProcessEnvironment",
        "environment = ProcessEnvironment()",
        "print(environment.submit('sample_work:name_process', None).result(), flush=True)",
        f"environment.submit('sample_work:{entry}', 60).result()",
    ]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", "\n".join(lines)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=here, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(0.2)
        parent.kill()
    assert is_gone(child)


def test_an_interrupt_in_the_parent_passes_and_ends_the_child() -> None:
    lines = [
        "from holdtrue.environments import ProcessEnvironment",
        "with ProcessEnvironment() as environment:",
        "    print(environment.submit('sample_work:name_process', None).result(), flush=True)",
        "    environment.submit('sample_work:sleep', 60).result()",
    ]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", "\n".join(lines)], env=here, text=True, **pipes) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(0.2)
        parent.send_signal(signal.SIGINT)
        _, said = parent.communicate(timeout=10)
    assert "KeyboardInterrupt" in said
    assert is_gone(child)


def await_file(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_part_of_the_work_that_takes_too_long_is_stopped_and_named(environment: ProcessEnvironment) -> None:
    error = fail(environment, "sleep_within", 30)
    assert "the step fit was still running after 0.3 seconds and was stopped" in error.found
    assert "sleep_within" in error.traceback_text
    assert environment.submit("sample_work:sleep_within", 0).result() == "done"


def test_a_part_of_the_work_that_takes_too_much_memory_is_stopped_and_named(environment: ProcessEnvironment) -> None:
    assert environment.submit("sample_work:hold_within", 10).result() == 10 << 20
    error = fail(environment, "hold_within", 600)
    assert "the step fit held" in error.found
    assert "at most 0.39 GiB" in error.expected


def test_what_is_printed_without_end_fills_nothing_and_the_error_says_so(environment: ProcessEnvironment) -> None:
    error = fail(environment, "print_much", 40)
    assert "ValueError" in error.found
    assert "... (of 40 MiB that it printed, the last are kept)" in error.traceback_text
    assert len(error.traceback_text) < 20_000
