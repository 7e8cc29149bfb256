"""Every form over raw sockets to a real worker: what HTTP allows beside the plain request, and what it does not."""

import socket

import pytest

from serving.flights import ROW
from serving.forms import FORMS

EVERY = pytest.mark.parametrize("form", FORMS, ids=repr)
SECONDS = 10.0


class Wire:
    """One connection, written to and read from as bytes."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self._unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, data):
        self._socket.sendall(data)

    def read_reply(self):
        """Return the status and the body of the next reply."""
        head = self._read_until(b"\r\n\r\n").decode().lower()
        status = int(head.split()[1])
        if status == 100:
            return status, b""
        (length,) = [int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length:")]
        while len(self._unread) < length:
            self._receive()
        body, self._unread = self._unread[:length], self._unread[length:]
        return status, body

    def is_closed(self):
        """Wait for the server to close the connection; say whether it did without sending more."""
        try:
            return not self._unread and self._socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _read_until(self, end):
        while end not in self._unread:
            self._receive()
        head, _, self._unread = self._unread.partition(end)
        return head

    def _receive(self):
        received = self._socket.recv(1 << 16)
        assert received, "the server closed the connection"
        self._unread += received


def write_head(form, body, *lines, http="1.1"):
    headers = {"host": "localhost", **form.headers(body)}
    said = [f"POST {form.name_path('flights')} HTTP/{http}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*said, *lines, "", ""]).encode()


@pytest.fixture
def wire(live):
    with Wire(live.port) as wire:
        yield wire
    # Whatever was sent, the next client is answered.
    with Wire(live.port) as other:
        body = FORMS[0].encode([ROW])
        other.send(write_head(FORMS[0], body, f"content-length: {len(body)}") + body)
        assert other.read_reply()[0] == 200


@EVERY
def test_a_client_that_expects_to_be_asked_for_the_body_is_asked_and_answered(wire, form):
    body = form.encode([ROW])
    wire.send(write_head(form, body, f"content-length: {len(body)}", "expect: 100-continue"))
    assert wire.read_reply()[0] == 100
    wire.send(body)
    assert wire.read_reply()[0] == 200


@EVERY
@pytest.mark.parametrize("expectation", [[], ["expect: 100-continue"]], ids=["plain", "expecting"])
def test_a_gibibyte_is_refused_before_it_is_sent(wire, form, expectation):
    wire.send(write_head(form, b" " * 8, f"content-length: {1 << 30}", *expectation))
    status, body = wire.read_reply()
    assert status == 413
    assert b"too_large" in body
    assert wire.is_closed()


@EVERY
def test_http_1_0_is_answered_and_the_connection_closed(wire, form):
    body = form.encode([ROW])
    wire.send(write_head(form, body, f"content-length: {len(body)}", http="1.0") + body)
    assert wire.read_reply()[0] == 200
    assert wire.is_closed()


@EVERY
def test_pipelined_requests_are_answered_in_their_order(wire, form):
    good, bad = form.encode([ROW]), b"x"
    request = write_head(form, good, f"content-length: {len(good)}") + good
    refused = write_head(form, bad, "content-length: 1") + bad
    wire.send(request + refused + request)
    assert [wire.read_reply()[0] // 100 for _ in range(3)] == [2, 4, 2]


@EVERY
def test_chunks_are_put_together(wire, form):
    body = form.encode([ROW])
    chunks = [body[i : i + 7] for i in range(0, len(body), 7)]
    wire.send(write_head(form, body, "transfer-encoding: chunked"))
    for chunk in [*chunks, b""]:
        wire.send(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
    assert wire.read_reply()[0] == 200


@pytest.mark.parametrize(
    "lines",
    [
        ["content-length: -1"],
        ["content-length: 1", "content-length: 2"],
        ["content-length: 1", "transfer-encoding: chunked"],
        ["transfer-encoding: chunked, gzip"],
    ],
    ids=" ".join,
)
def test_a_length_that_cannot_be_is_refused_and_the_connection_closed(wire, lines):
    wire.send(write_head(FORMS[0], b"", *lines) + b"x\r\n")
    assert wire.read_reply()[0] == 400
    assert wire.is_closed()


def test_a_client_that_hangs_up_in_the_middle_harms_nobody(live, wire):
    for form in FORMS:
        body = form.encode([ROW])
        with Wire(live.port) as gone:
            gone.send(write_head(form, body, f"content-length: {len(body)}") + body[:10])
