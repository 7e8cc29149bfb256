"""What a serving process imports, and how one behaves that was started by hand."""

import json
import socket
import subprocess
import sys

import pytest

from holdtrue.registry import load_model, make_twin
from holdtrue.serving.options import name_command, read_options
from holdtrue.serving.worker import EXIT_PORT_TAKEN
from serving.flights import CLASSES, make_frame

SCRIPT = """
import asyncio, json, pathlib, sys
import holdtrue.serving.worker
from holdtrue.serving.app import make_app
from holdtrue.serving.replica import Replica, Seat

async def answer(folder):
    replica = Replica(folder, Seat(owns_process=True))
    app = make_app(replica)
    replies = []

    async def receive():
        body = {"rows": [{"distance": 700.0, "hour": 18, "dest": "BOS"}]}
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message):
        replies.append(message)

    async with app.router.lifespan_context(app):
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/v1/predict", "raw_path": b"/v1/predict", "query_string": b"", "root_path": "",
            "headers": [(b"content-type", b"application/json")],
        }
        await app(scope, receive, send)
    return replies[0]["status"]

status = asyncio.run(answer(pathlib.Path(sys.argv[1])))
print(json.dumps([status, sorted(name for name in sys.modules if "." not in name)]))
"""
NEVER = {"sqlalchemy", "alembic", "altair", "typer", "jinja2", "grpc", "google", "opentelemetry"}


def serve_apart(folder):
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(folder)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    status, modules = json.loads(told.stdout)
    assert status == 200
    return set(modules)


def test_serving_lightgbm_imports_neither_sql_nor_polars_nor_scikit_learn(flights, boosters):
    flights.send(flights.release(boosters[0]).number)
    assert serve_apart(flights.folder) & (NEVER | {"polars", "sklearn", "pandas", "pyarrow", "skops"}) == set()


def test_serving_scikit_learn_imports_neither_sql_nor_pandas(flights, forests):
    flights.send(flights.release(forests[0]).number)
    assert serve_apart(flights.folder) & (NEVER | {"pandas", "pyarrow", "lightgbm"}) == set()


def test_serving_a_twin_imports_neither_polars_nor_scikit_learn(flights, forests):
    scorer = load_model(forests[0].data, forests[0].format, CLASSES)
    twin = make_twin(scorer, forests[0], make_frame())
    flights.send(flights.release(forests[0], twin=flights.store.artifacts.put(twin.data)).number)
    assert serve_apart(flights.folder) & (NEVER | {"polars", "sklearn", "pandas", "pyarrow", "skops", "onnx"}) == set()


def test_a_twin_that_is_lost_leaves_the_model_itself(flights, forests):
    flights.send(flights.release(forests[0], twin="0" * 64).number)
    assert "skops" in serve_apart(flights.folder)


def test_a_worker_started_by_hand_does_not_share_its_port(tmp_path):
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        options = read_options(["--folder", str(tmp_path), "--port", str(stranger.getsockname()[1])])
        told = subprocess.run(name_command(options), capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == EXIT_PORT_TAKEN
    assert "another process listens" in told.stderr


def test_options_are_read_back_from_the_command(tmp_path):
    options = read_options(["--folder", str(tmp_path), "--port", "8081", "--slot", "1", "--nonce", "n"])
    command = name_command(options)
    assert read_options(command[command.index("holdtrue.serving.worker") + 1 :]) == options


@pytest.mark.parametrize("words", [["--port", "x"], ["--colour"]])
def test_options_that_cannot_be_meant_end_the_worker(words):
    with pytest.raises(SystemExit):
        read_options(words)
