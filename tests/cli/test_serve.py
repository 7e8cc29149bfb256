"""serve: one process at a time keeps the workers of a folder, and a killed one leaves the next in peace."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from cli.command import Command
from holdtrue.project import serving_lock
from holdtrue.serving import find_workers


def start(folder: Path, port: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "holdtrue", "serve", "--folder", str(folder), "--port", str(port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def read_first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def is_ready(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=10) as answer:
        return int(answer.status) == 200


def test_a_second_serve_is_refused_at_once_and_the_workers_of_the_first_live_on(
    holdtrue: Command, trained: Path
) -> None:
    port = find_port()
    with start(trained.parent, port) as first:
        try:
            assert "Answering" in read_first_line(first)
            before = {slot: each.pid for slot, each in find_workers(trained.parent / ".holdtrue").items()}
            refused = holdtrue("serve", "--folder", trained.parent, "--port", str(find_port()), code=5)
            assert f"process {first.pid} keeps the workers of this project already" in refused.problem
            assert f"stop process {first.pid}" in refused.problem
            after = {slot: each.pid for slot, each in find_workers(trained.parent / ".holdtrue").items()}
            assert before == after != {}
            assert is_ready(port)
        finally:
            first.terminate()
            first.wait(20)


def test_a_serve_after_a_kill_9_adopts_the_workers_that_were_left(trained: Path) -> None:
    port = find_port()
    with start(trained.parent, port) as first:
        assert "Answering" in read_first_line(first)
        before = {slot: each.pid for slot, each in find_workers(trained.parent / ".holdtrue").items()}
        os.kill(first.pid, signal.SIGKILL)
        first.wait(10)
        with start(trained.parent, port) as second:
            try:
                assert "Answering" in read_first_line(second)
                after = {slot: each.pid for slot, each in find_workers(trained.parent / ".holdtrue").items()}
                assert before == after != {}
                assert is_ready(port)
            finally:
                second.terminate()
                second.wait(20)


@pytest.mark.parametrize("command", ["serve", "up"])
def test_neither_serve_nor_up_takes_the_workers_of_a_living_holder(
    holdtrue: Command, trained: Path, command: str
) -> None:
    where = ("--folder", trained.parent) if command == "serve" else (trained,)
    with serving_lock(trained.parent / ".holdtrue"):
        refused = holdtrue(command, *where, "--port", str(find_port()), code=5)
    assert f"process {os.getpid()} keeps the workers" in refused.problem
