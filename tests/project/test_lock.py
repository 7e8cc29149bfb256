import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holdtrue.errors import ProjectBusy
from holdtrue.project import control_lock, serving_lock

HOLD = """
import sys, time
from pathlib import Path
from holdtrue.project.lock import control_lock
with control_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_whoever_is_second_is_told_the_process_that_holds_the_project(tmp_path: Path) -> None:
    with control_lock(tmp_path), pytest.raises(ProjectBusy) as caught, control_lock(tmp_path):
        pytest.fail("two hold it")
    assert str(os.getpid()) in str(caught.value)
    assert caught.value.remedy


def test_the_lock_falls_with_the_block_even_when_that_raises(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), control_lock(tmp_path):
        raise ZeroDivisionError
    with control_lock(tmp_path):
        pass


def test_a_refused_one_does_not_free_the_lock_of_the_holder(tmp_path: Path) -> None:
    with control_lock(tmp_path):
        for _ in range(2):
            with pytest.raises(ProjectBusy), control_lock(tmp_path):
                pass


def test_projects_do_not_exclude_each_other(tmp_path: Path) -> None:
    with control_lock(tmp_path / "a"), control_lock(tmp_path / "b"):
        assert (tmp_path / "a" / "run" / "control.lock").exists()


def test_loops_of_one_folder_do_not_exclude_each_other_and_who_holds_all_excludes_everybody(tmp_path: Path) -> None:
    with control_lock(tmp_path, loop="a"), control_lock(tmp_path, loop="b"):
        for loop in ("a", None):
            with pytest.raises(ProjectBusy, match=str(os.getpid())), control_lock(tmp_path, loop=loop):
                pytest.fail("two hold it")
    with control_lock(tmp_path), pytest.raises(ProjectBusy), control_lock(tmp_path, loop="a"):
        pytest.fail("two hold it")


def test_one_up_at_a_time_sees_to_the_workers_of_a_folder(tmp_path: Path) -> None:
    with serving_lock(tmp_path), pytest.raises(ProjectBusy), serving_lock(tmp_path):
        pytest.fail("two hold it")


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(ProjectBusy, match=str(holder.pid)), control_lock(tmp_path):
                pass
        finally:
            holder.send_signal(signal.SIGKILL)
            holder.wait(10)
    with control_lock(tmp_path):
        assert (tmp_path / "run" / "control.lock").read_text() == str(os.getpid())
