"""The client of the demo against a small real HTTP server on the loopback."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from holdtrue.clock import ScaledClock
from holdtrue.demo.replay import MAX_ROWS, Client, replay

BEGIN = datetime(2013, 9, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Server:
    """Answers every row, but those it refuses; `failures` are statuses that come first, 0 hangs up."""

    failures: list[int] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    labels: list[dict[str, Any]] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    port: int = 0

    def take(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.paths.add(path)
        if path == "/v1/labels":
            self.labels += body["labels"]
            return 202, {"accepted": len(body["labels"]), "refused": 0}
        self.rows += body["rows"]
        self.batches.append(len(body["rows"]))
        entries = [
            {"error": {"code": "wrong_type"}}
            if row["flight_id"] in self.refused
            else {"prediction_id": row["flight_id"]}
            for row in body["rows"]
        ]
        return 200, {"predictions": entries}


def make_handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status = server.failures.pop(0) if server.failures else None
            if status == 0:
                self.close_connection = True
                return
            status, told = server.take(self.path, body) if status is None else (status, {"error": {"code": "broken"}})
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()
    with HTTPServer(("127.0.0.1", 0), make_handler(told)) as listening:
        told.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield told
        listening.shutdown()
        thread.join(5)


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    made = Client(host="127.0.0.1", port=server.port, loop="late-flights")
    yield made
    made._connection.close()


def make_flights(n_rows: int = 100, *, n_unlabelled: int = 0) -> pl.DataFrame:
    """A flight each minute; its label 30 minutes later."""
    times = [BEGIN + MINUTE * i for i in range(n_rows)]
    return pl.DataFrame(
        {
            "flight_id": [f"f{i}" for i in range(n_rows)],
            "departs_at": times,
            "late": [i % 3 == 0 if i < n_rows - n_unlabelled else None for i in range(n_rows)],
            "label_known_at": [t + 30 * MINUTE for t in times],
            "distance": [float(i) for i in range(n_rows)],
        },
        schema_overrides={"departs_at": pl.Datetime("us", "UTC"), "label_known_at": pl.Datetime("us", "UTC")},
    )


def run_fast(flights: pl.DataFrame, client: Client, folder: Path, *, start: datetime = BEGIN, days: float = 1) -> None:
    """Replay with a clock that runs through an hour in a quarter of a second."""
    clock = ScaledClock(start, began_unix=time.time(), speed=4 * 3600)
    replay(flights, clock, BEGIN + timedelta(days=days), client, folder / "stop")


def test_every_flight_is_asked_about_once_in_order_and_without_its_label(
    server: Server, client: Client, tmp_path: Path
) -> None:
    run_fast(make_flights(), client, tmp_path)
    assert [row["flight_id"] for row in server.rows] == [f"f{i}" for i in range(100)]
    assert set(server.rows[0]) == {"flight_id", "departs_at", "distance"}
    assert server.rows[1]["departs_at"] == "2013-09-01T00:01:00Z"
    assert max(server.batches) <= MAX_ROWS
    assert (client.n_answered, client.n_refused, client.last_id) == (100, 0, "f99")


def test_labels_are_told_by_key_with_the_moment_at_which_they_were_known(
    server: Server, client: Client, tmp_path: Path
) -> None:
    run_fast(make_flights(150, n_unlabelled=20), client, tmp_path)
    assert client.n_labels == len(server.labels) >= 50
    assert [label["key"] for label in server.labels] == [f"f{i}" for i in range(len(server.labels))]
    assert server.labels[0] == {"key": "f0", "label": True, "at": "2013-09-01T00:30:00+00:00"}
    assert server.paths == {"/v1/labels", "/v1/predict/late-flights"}


def test_no_flight_is_asked_about_before_it_departs_nor_a_label_told_before_it_is_known(
    server: Server, client: Client, tmp_path: Path
) -> None:
    clock = ScaledClock(BEGIN, began_unix=time.time() + 3600, speed=1.0)  # it has not begun: one flight departs
    (tmp_path / "stop").touch()
    replay(make_flights(), clock, BEGIN + timedelta(days=1), client, tmp_path / "stop")
    assert server.rows == []
    (tmp_path / "stop").unlink()
    threading.Timer(0.3, (tmp_path / "stop").touch).start()
    replay(make_flights(), clock, BEGIN + timedelta(days=1), client, tmp_path / "stop")
    assert [row["flight_id"] for row in server.rows] == ["f0"]
    assert server.labels == []


def test_flights_outside_the_span_are_left_out(server: Server, client: Client, tmp_path: Path) -> None:
    run_fast(make_flights(), client, tmp_path, start=BEGIN + 40 * MINUTE, days=1 / 24)
    assert [row["flight_id"] for row in server.rows] == [f"f{i}" for i in range(40, 60)]


def test_a_refused_row_is_counted_and_the_rest_goes_on(server: Server, client: Client, tmp_path: Path) -> None:
    server.refused = {"f3", "f99"}
    run_fast(make_flights(), client, tmp_path)
    assert (client.n_answered, client.n_refused, client.last_id) == (98, 2, "f98")


@pytest.mark.parametrize("failure", [0, 500, 503], ids=["hangs up", "broken", "overloaded"])
def test_a_server_that_stumbles_is_asked_again_and_no_row_is_lost(server: Server, client: Client, failure: int) -> None:
    server.failures = [failure]
    client.ask([{"flight_id": "f1"}])
    assert (client.n_answered, len(server.rows)) == (1, 1)


def test_a_request_that_can_never_be_answered_ends_the_client_with_the_servers_words(
    server: Server, client: Client
) -> None:
    server.failures = [422]
    with pytest.raises(SystemExit, match=r"422.*broken"):
        client.ask([{"flight_id": "f1"}])
    assert server.rows == []


def test_the_command_says_what_it_sent(server: Server, tmp_path: Path) -> None:
    make_flights(30).write_parquet(tmp_path / "flights.parquet")
    options = {
        "--flights": tmp_path / "flights.parquet", "--loop": "late-flights", "--host": "127.0.0.1",
        "--port": server.port, "--start": BEGIN.isoformat(), "--until": (BEGIN + timedelta(days=1)).isoformat(),
        "--began-unix": time.time(), "--speed": 14_400, "--stop-file": tmp_path / "stop",
    }  # fmt: skip
    arguments = [str(word) for pair in options.items() for word in pair]
    done = subprocess.run(
        [sys.executable, "-m", "holdtrue.demo.replay", *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = json.loads(done.stdout)
    assert (told["n_answered"], told["n_refused"], told["last_id"]) == (30, 0, "f29")
