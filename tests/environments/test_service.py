import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from holdtrue.environments import Service, find_service, start_service
from holdtrue.errors import NotFound


def start_python(code: str, tmp_path: Path) -> Service:
    return start_service([sys.executable, "-c", code], log_path=tmp_path / "run" / "service.log", env={"SAMPLE": "1"})


def await_text(path: Path, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in path.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_service_writes_its_log_and_ends_when_asked(tmp_path: Path) -> None:
    service = start_python("import os, time; print(os.environ['SAMPLE'] * 3, flush=True); time.sleep(60)", tmp_path)
    await_text(tmp_path / "run" / "service.log", "111")
    assert service.is_alive()
    service.stop(grace_seconds=5)
    assert not service.is_alive()
    assert not psutil.pid_exists(service.pid)
    service.stop()


def test_a_service_that_ignores_the_request_is_killed_after_the_grace(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    service = start_python(code, tmp_path)
    await_text(tmp_path / "run" / "service.log", "deaf")
    service.stop(grace_seconds=0.2)
    assert not service.is_alive()


def test_stopping_ends_what_the_service_started(tmp_path: Path) -> None:
    code = "import subprocess; p = subprocess.Popen(['sleep', '60']); print('pid', p.pid, '.', flush=True); p.wait()"
    service = start_python(code, tmp_path)
    log = tmp_path / "run" / "service.log"
    await_text(log, ".")
    service.stop(grace_seconds=2)
    grandchild = int(log.read_text().split()[1])
    deadline = time.monotonic() + 5
    while psutil.pid_exists(grandchild) and psutil.Process(grandchild).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_service_survives_the_kill_of_its_starter_and_is_found_again(tmp_path: Path) -> None:
    lines = [
        "import os, sys",
        "from pathlib import Path",
        "from holdtrue.environments import start_service",
        f"service = start_service(['sleep', '60'], log_path=Path({str(tmp_path / 'log')!r}))",
        "print(service.pid, service.started_unix, flush=True)",
        "os.kill(os.getpid(), 9)",
    ]
    said = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert said.returncode == -signal.SIGKILL
    pid, started_unix = said.stdout.split()
    service = find_service(int(pid), float(started_unix))
    assert service is not None
    assert os.getpgid(service.pid) == service.pid
    service.stop(grace_seconds=5)
    assert find_service(int(pid), float(started_unix)) is None


def test_a_dead_service_is_known_to_be_dead_although_we_are_its_parent(tmp_path: Path) -> None:
    service = start_python("pass", tmp_path)
    deadline = time.monotonic() + 10
    while service.is_alive():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert find_service(service.pid, service.started_unix) is None


def test_another_holder_of_the_pid_is_not_the_service() -> None:
    born = psutil.Process().create_time()
    assert find_service(os.getpid(), born) is not None
    assert find_service(os.getpid(), born - 3600) is None


def test_looking_for_a_service_does_not_reap_other_children() -> None:
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert find_service(process.pid, time.time()) is None
        assert process.wait() == 7


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no-such-program"):
        start_service(["no-such-program"], log_path=tmp_path / "log")


def test_a_large_log_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "run" / "service.log"
    log.parent.mkdir()
    with log.open("wb") as file:
        file.truncate(11 << 20)
    service = start_python("pass", tmp_path)
    assert log.stat().st_size == 0
    assert log.with_name("service.log.old").exists()
    service.stop()
