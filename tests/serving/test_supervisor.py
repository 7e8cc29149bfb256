"""Real worker processes on loopback."""

import http.client
import json
import os
import signal
import socket
import ssl
import time

import pytest

from holdtrue.environments import find_service
from holdtrue.errors import PortTaken
from holdtrue.serving import start_workers, supervisor
from holdtrue.serving.front import Front
from holdtrue.serving.roll import read_roll
from holdtrue.store import Store
from serving.flights import ROW, Flights
from serving.load import Load


@pytest.fixture(scope="module")
def served(tmp_path_factory, boosters):
    with Store.open(tmp_path_factory.mktemp("project") / ".holdtrue") as store:
        flights = Flights(store)
        for stored in boosters:
            flights.release(stored)
        flights.send(1)
        yield flights
        start_workers(flights.folder, port=0, n_workers=0).stop()


@pytest.fixture
def workers(served):
    workers = start_workers(served.folder, port=0, n_workers=2)
    assert workers.wait_until_ready(60), (workers.problems, read_logs(served))
    return workers


def read_logs(flights):
    return [path.read_text()[-2_000:] for path in (flights.folder / "run").glob("worker-*.log")]


def ask(port, method, path, content=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = None if content is None else json.dumps(content)
    connection.request(method, path, body, {"content-type": "application/json", "connection": "close"})
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text


def test_a_change_of_the_traffic_reaches_all_workers_and_drops_nothing(served, workers):
    with Load(workers.address.port) as load:
        for i in range(20):
            served.send(1 + i % 2)
            load.wait_for(10)
        sent = time.monotonic()
        wanted = read_traffic(served)
        while workers.revisions.get("flights") != wanted:
            assert time.monotonic() < sent + 5
            time.sleep(0.01)
    assert set(load.statuses) == {200}
    assert load.n_broken == 0
    assert set(load.answered.values()) == {"v1", "v2"}
    assert set(load.answered) <= {row.prediction_id for row in served.read_log()}


def test_a_killed_worker_loses_no_answer_and_is_replaced(served, workers):
    before = workers.pids
    with Load(workers.address.port) as load:
        load.wait_for(100)
        os.kill(before[0], signal.SIGKILL)
        load.wait_for(100)
        (sentence,) = tend_until_done(workers)
        assert workers.wait_until_ready(60), read_logs(served)
        load.wait_for(50)
    assert set(load.statuses) == {200}
    assert set(load.answered) <= {row.prediction_id for row in served.read_log()}
    assert f"Worker 0 (process {before[0]}) had ended" in sentence
    assert workers.pids[0] != before[0]
    assert workers.pids[1] == before[1]


def test_a_worker_that_hangs_is_replaced(served, workers, monkeypatch):
    monkeypatch.setattr(supervisor, "_HUNG_SECONDS", 1.5)
    pid = workers.pids[0]
    workers.tend()
    os.kill(pid, signal.SIGSTOP)
    (sentence,) = tend_until_done(workers)
    assert f"Worker 0 (process {pid}) hung" in sentence
    monkeypatch.undo()
    assert workers.wait_until_ready(60), read_logs(served)


def test_the_next_supervisor_adopts_the_living_workers(served, workers):
    again = start_workers(served.folder, port=workers.address.port, n_workers=2)
    assert again.pids == workers.pids
    assert again.n_adopted == 2
    assert again.is_ready


def test_it_replaces_only_those_that_died_meanwhile(served, workers):
    victim = workers._slots[1].service
    os.kill(victim.pid, signal.SIGKILL)
    # The kernel takes a moment to end a process that was killed; until then it does live.
    deadline = time.monotonic() + 10
    while victim.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    again = start_workers(served.folder, port=0, n_workers=2)
    assert again.n_adopted == 1
    assert again.pids[0] == workers.pids[0]
    assert again.wait_until_ready(60), read_logs(served)


def test_metrics_do_not_depend_on_the_worker_that_is_scraped(served, workers):
    ask(workers.address.port, "POST", "/v1/predict", {"rows": [ROW]})
    time.sleep(0.7)
    lines = set()
    for _ in range(8):
        text = ask(workers.address.port, "GET", "/metrics")[1]
        lines.add(tuple(line for line in text.splitlines() if line.startswith("holdtrue_rows_total")))
    assert len(lines) == 1


def test_a_port_that_a_stranger_listens_on_is_taken(tmp_path):
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        with pytest.raises(PortTaken):
            start_workers(tmp_path, port=stranger.getsockname()[1])
    assert not (tmp_path / "run").exists()


def test_a_worker_that_nobody_enrolled_ends_itself(served, workers):
    path = served.folder / "run" / "workers.json"
    roll = json.loads(path.read_text())
    keep, orphan = workers.pids
    roll["workers"] = [worker for worker in roll["workers"] if worker["pid"] == keep]
    path.write_text(json.dumps(roll))
    deadline = time.monotonic() + 20
    while workers.tend() == ():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert orphan not in workers.pids
    assert keep in workers.pids


def test_an_address_that_only_workers_off_the_roll_hold_is_waited_for(served, workers):
    """Their supervisor was killed between starting and noting them."""
    path = served.folder / "run" / "workers.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"workers": []}))
    orphans = workers.pids
    successors = start_workers(served.folder, port=workers.address.port, n_workers=1)
    assert successors.wait_until_ready(60)
    assert successors.address == workers.address
    assert not set(successors.pids) & set(orphans)


def test_stop_drains_and_leaves_nobody(served, workers):
    with Load(workers.address.port) as load:
        load.wait_for(50)
        enrolled = read_roll(served.folder / "run").workers
        workers.stop()
    assert set(load.statuses) == {200}
    assert set(load.answered) <= {row.prediction_id for row in served.read_log()}
    assert read_roll(served.folder / "run").workers == ()
    assert len(enrolled) == 2
    assert all(find_service(worker.pid, worker.started_unix) is None for worker in enrolled)


def tend_until_done(workers):
    deadline = time.monotonic() + 10
    while not (done := workers.tend()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return done


def read_traffic(flights):
    with flights.store.reading() as tx:
        return tx.traffic.read("main", "flights").revision


def test_workers_behind_tls_are_found_ready_and_answer(served, tls):
    workers = start_workers(served.folder, front=Front(port=0, **tls), n_workers=1, adopt=False)
    try:
        assert workers.wait_until_ready(60), read_logs(served)
        assert workers.url == f"https://127.0.0.1:{workers.address.port}"
        context = ssl.create_default_context(cafile=tls["tls_cert"])
        plain = socket.create_connection(("127.0.0.1", workers.address.port))
        with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
            wrapped.sendall(b"GET /v2/health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            assert wrapped.recv(1 << 16).startswith(b"HTTP/1.1 200")
    finally:
        workers.stop()
