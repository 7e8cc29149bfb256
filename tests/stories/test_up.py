"""`holdtrue up` as a process: it answers, and a kill -9 of its controller loses nothing."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdtrue.data import PredictionReader
from holdtrue.testing import drifting_rows, write_drifting_project

PATIENCE_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def up(loop_file: Path, **ports: int) -> Iterator["subprocess.Popen[bytes]"]:
    options = [word for name, port in ports.items() for word in (f"--{name.replace('_', '-')}", str(port))]
    with (loop_file.parent / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "holdtrue", "up", str(loop_file), *options], stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def ask(port: int, path: str, body: object | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def wait_for(process: "subprocess.Popen[bytes]", port: int, path: str) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"it ended with {process.returncode}: see up.log"
        with contextlib.suppress(OSError):
            status, text = ask(port, path)
            if status == 200:
                return text
        time.sleep(0.2)
    raise AssertionError(f"nothing answered on {path}")


def predict(port: int, n_rows: int, mark: str) -> list[str]:
    rows = [{"event": f"{mark}{i}", "heat": 0.5, "noise": -0.1} for i in range(n_rows)]
    status, text = ask(port, "/v1/predict/machines", {"rows": rows})
    assert status == 200, text
    return [entry["prediction_id"] for entry in json.loads(text)["predictions"]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_drifting_project(tmp_path, rows=drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60))


def test_a_killed_controller_loses_nothing_and_its_workers_are_adopted(project: Path) -> None:
    port, page_port = free_port(), free_port()
    accepted: list[str] = []
    with up(project, port=port, page_port=page_port) as first:
        wait_for(first, page_port, "/")
        accepted += predict(port, 10, "a")
        status, text = ask(port, "/v1/labels", {"labels": [{"key": "a0", "label": True, "at": "2030-01-01T00:00:00Z"}]})
        assert status in {200, 202}, text
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        accepted += predict(port, 10, "b")
    with up(project, port=port, page_port=page_port) as second:
        page = wait_for(second, page_port, "/")
        assert "machines" in page
        accepted += predict(port, 10, "c")
        third = subprocess.run(
            [sys.executable, "-m", "holdtrue", "up", str(project), "--port", str(free_port())],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert third.returncode == 5
        assert "controls this project already" in third.stderr
    logged = PredictionReader(project.parent / ".holdtrue" / "log" / "machines").read()
    assert set(accepted) <= set(logged["prediction_id"].to_list())
    assert len(accepted) == 30


def test_a_taken_port_is_named_before_anything_listens(project: Path) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "holdtrue", "up", str(project), "--port", str(port), "--page-port", "0"],
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert str(port) in done.stderr


def test_up_on_a_watched_loop_shows_its_page_and_leaves_nothing(tmp_path: Path) -> None:
    loop = (
        "import holdtrue as ht\n"
        'said = {"time": "at", "prediction": "p", "label": "failed", "label_delay": "1h"}\n'
        'data = ht.predictions("rows.parquet", key="event", **said)\n'
        'loop = ht.Loop("elsewhere", data=data)\n'
    )
    (tmp_path / "loop.py").write_text(loop)
    rows = drifting_rows(n_days=20, rows_a_day=40, turns_on_day=20)
    rows.with_columns(p=1 / (1 + (-2 * rows["heat"]).exp())).write_parquet(tmp_path / "rows.parquet")
    page_port = free_port()
    with up(tmp_path / "loop.py", page_port=page_port) as process:
        page = wait_for(process, page_port, "/")
        assert "The model is served elsewhere; its log is watched here." in page
        assert "Promote" not in page
        status = json.loads(wait_for(process, page_port, "/api/status"))
        assert status["loops"][0]["is_watched"] is True
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not (tmp_path / ".holdtrue").exists()
