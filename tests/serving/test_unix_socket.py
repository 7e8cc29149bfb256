"""Unix sockets: what may be bound where, and workers that share one."""

import http.client
import json
import os
import signal
import socket
import stat
import time

import pytest

from holdtrue.errors import DeclarationError, NotFound, PortTaken
from holdtrue.serving import Front, start_workers
from holdtrue.serving.probe import ask_nonces
from holdtrue.serving.unix_socket import bind_unix, read_mode, remove_socket
from serving.flights import ROW, Flights


def ask(path):
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(path))
    connection.request("POST", "/v1/predict", json.dumps({"rows": [ROW]}), {"content-type": "application/json"})
    reply = connection.getresponse()
    told = json.loads(reply.read())
    connection.close()
    return reply.status, told


def test_a_socket_has_its_mode_from_the_first_moment_and_leaves_no_draft(tmp_path):
    path = tmp_path / "s"
    with bind_unix(path) as bound:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [each.name for each in tmp_path.iterdir()] == ["s"]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        assert not os.get_inheritable(bound.fileno())
    with bind_unix(tmp_path / "t", mode=0o660):
        assert stat.S_IMODE((tmp_path / "t").stat().st_mode) == 0o660


def test_a_dead_socket_is_replaced_and_a_living_one_is_not(tmp_path):
    path = tmp_path / "s"
    bind_unix(path).close()
    with bind_unix(path), pytest.raises(PortTaken, match="another process listens on"):
        bind_unix(path)


def test_what_is_no_socket_is_left_alone(tmp_path):
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(DeclarationError, match="it is no socket"):
        bind_unix(path)
    assert path.read_text() == "precious"
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(DeclarationError, match="it is no socket"):
        bind_unix(link)


@pytest.mark.parametrize("place", ["none/s", "x" * 200])
def test_a_place_where_nothing_can_be_bound_is_named(tmp_path, place):
    with pytest.raises(DeclarationError, match="socket"):
        bind_unix(tmp_path / place)


def test_a_socket_goes_with_its_server_unless_another_took_the_place(tmp_path):
    path = tmp_path / "s"
    remove_socket(path, bind_unix(path))
    assert not path.exists()
    first = bind_unix(path)
    path.unlink()
    with bind_unix(path):
        remove_socket(path, first)
        assert path.exists()


@pytest.mark.parametrize("text", ["8", "1000", "-1", "rw"])
def test_a_mode_is_what_chmod_takes(text):
    with pytest.raises(ValueError):
        read_mode(text)


def test_a_front_needs_a_port_or_a_socket_and_no_tls_on_a_socket(tmp_path, tls):
    with pytest.raises(DeclarationError, match="neither a port nor a socket"):
        Front(port=None).check(tmp_path)
    with pytest.raises(DeclarationError, match="TLS is for the port"):
        Front(uds=str(tmp_path / "s"), **tls).check(tmp_path)


def test_workers_share_a_socket_and_one_that_died_is_replaced_on_it(flights: Flights, boosters):
    flights.send(flights.release(boosters[0]).number)
    path = flights.folder / "s"
    workers = start_workers(flights.folder, front=Front(port=None, uds=str(path)), n_workers=2)
    try:
        assert workers.wait_until_ready(60), workers.problems
        assert workers.url == f"unix:{path}"
        with pytest.raises(NotFound, match="no port"):
            _ = workers.address
        assert ask(path)[0] == 200
        for pid in workers.pids:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        n_replaced = 0
        while n_replaced < 2:
            assert time.monotonic() < deadline
            n_replaced += len(workers.tend())
            time.sleep(0.02)
        assert ask(path)[0] == 200  # it waited in the socket's queue for a worker that had not started yet
        assert workers.wait_until_ready(60)
    finally:
        workers.stop()
    assert not path.exists()


def test_the_next_supervisor_takes_the_socket_over_with_new_workers(flights: Flights, boosters):
    flights.send(flights.release(boosters[0]).number)
    front = Front(port=0, uds=str(flights.folder / "s"))
    first = start_workers(flights.folder, front=front)
    assert first.wait_until_ready(60), first.problems
    first._unix.close()  # as its death does
    second = start_workers(flights.folder, front=front)
    try:
        assert second.n_adopted == 0
        assert second.wait_until_ready(60), second.problems
        assert ask(front.uds)[0] == 200
        assert len(ask_nonces(second.front)) == 1
        assert not set(first.pids) & set(second.pids)
    finally:
        second.stop()
