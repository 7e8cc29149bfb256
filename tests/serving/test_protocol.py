"""What a connection does with requests that go the short way, and with those that must not."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn

from holdtrue.errors import StoreFailed
from holdtrue.serving import TokenRole, create_token, revoke_token
from holdtrue.serving.app import make_app
from holdtrue.serving.fast import protocol
from holdtrue.serving.fast.lane import Lane
from holdtrue.serving.fast.protocol import find_protocol
from holdtrue.serving.replica import Replica, Seat
from serving.flights import ROW

BODY = json.dumps({"rows": [ROW]}).encode()


class WatchedLane(Lane):
    """A lane that notes the bodies that it took."""

    def __init__(self, replica):
        super().__init__(replica.engine, replica.log, replica.shadow, replica.counters)
        self.taken = []

    def take(self, route, body, asker):
        is_taken = super().take(route, body, asker)
        if is_taken:
            self.taken.append(body)
        return is_taken


class Server:
    """A worker's server in this process."""

    def __init__(self, server, lane, port, replica):
        self.server, self.lane, self.port, self.replica = server, lane, port, replica

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port)


@asynccontextmanager
async def _serve(flights, keep_alive_seconds=5):
    replica = Replica(flights.folder, Seat(nonce="n"))
    lane = WatchedLane(replica)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        make_app(replica),
        loop="asyncio",
        http=find_protocol(lane, replica.gate),
        lifespan="on",
        log_level="critical",
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield Server(server, lane, listener.getsockname()[1], replica)
    finally:
        server.should_exit = True
        await running


def _spell(body=BODY, *, path="/v1/predict/flights", version="1.1", headers=()):
    lines = [f"POST {path} HTTP/{version}", "host: test", "content-type: application/json"]
    lines += [f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _read_reply(reader):
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    lines = head.decode().lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    body = await asyncio.wait_for(reader.readexactly(int(headers["content-length"])), 10)
    return int(lines[0].split(" ")[1]), headers, json.loads(body)


async def _ask(server, *pieces, n_replies=1, pause=0.0):
    reader, writer = await server.connect()
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)
    replies = [await _read_reply(reader) for _ in range(n_replies)]
    writer.close()
    return replies


@pytest.fixture
def served(flights, boosters):
    flights.release(boosters[0])
    flights.send(1)
    return flights


def _run(flights, scenario, **options):
    async def main():
        async with _serve(flights, **options) as server:
            return await scenario(server)

    return asyncio.run(main())


def test_a_head_that_was_seen_is_not_parsed_again(served):
    async def scenario(server):
        reader, writer = await server.connect()
        replies = []
        for _ in range(3):
            writer.write(_spell())
            replies.append(await _read_reply(reader))
        heads = server.server.config.http_protocol_class.heads
        assert heads.find(_spell()[: -len(BODY)]) is not None
        writer.close()
        return replies, server.lane.taken

    replies, taken = _run(served, scenario)
    assert [status for status, _, _ in replies] == [200] * 3
    assert taken == [BODY] * 3
    assert all("date" in headers and headers["content-type"] == "application/json" for _, headers, _ in replies)
    assert len({told["predictions"][0]["prediction_id"] for _, _, told in replies}) == 3
    assert len(served.read_log()) == 3


@pytest.mark.parametrize("n_before", [0, 1])
def test_a_body_that_comes_after_its_head_goes_the_short_way(served, n_before):
    async def scenario(server):
        head = _spell()[: -len(BODY)]
        for _ in range(n_before):
            await _ask(server, _spell())
        replies = await _ask(server, head, BODY[:10], BODY[10:], pause=0.005)
        return replies, len(server.lane.taken)

    replies, n_taken = _run(served, scenario)
    assert replies[0][0] == 200
    assert n_taken == n_before + 1


@pytest.mark.parametrize("n_before", [0, 1])
def test_a_body_that_is_slow_is_waited_for_by_the_app(served, n_before):
    async def scenario(server):
        for _ in range(n_before):
            await _ask(server, _spell())
        replies = await _ask(server, _spell()[:-5], BODY[-5:], pause=0.15)
        return replies, len(server.lane.taken)

    replies, n_taken = _run(served, scenario)
    assert replies[0][0] == 200
    assert n_taken == n_before


def test_pipelined_requests_are_answered_in_order(served):
    def named(i):
        return _spell(json.dumps({"rows": [{**ROW, "flight": f"LH{i}"}]}).encode())

    async def scenario(server):
        await _ask(server, named(1))
        wrong = _spell(b'{"rows": [{}]}')
        return await _ask(server, named(1) + named(2) + wrong + named(3) + named(4), n_replies=5)

    replies = _run(served, scenario)
    assert [status for status, _, _ in replies] == [200, 200, 422, 200, 200]
    keys = [told["predictions"][0]["key"] for status, _, told in replies if status == 200]
    assert keys == ["LH1", "LH2", "LH3", "LH4"]


@pytest.mark.parametrize(
    "headers",
    [("connection: close",), ("expect: 100-continue",), ("x-holdtrue-other: 1",)],
    ids=lambda headers: headers[0].split(":")[0],
)
def test_what_a_header_changes_is_left_to_the_app(served, headers):
    async def scenario(server):
        reader, writer = await server.connect()
        writer.write(_spell(headers=headers))
        if headers[0].startswith("expect"):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        status, _, _ = await _read_reply(reader)
        writer.close()
        return status, server.lane.taken

    assert _run(served, scenario) == (200, [])


def test_http_1_0_and_chunks_are_left_to_the_app(served):
    async def scenario(server):
        chunked = b"POST /v1/predict/flights HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
        chunked += b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
        old = await _ask(server, _spell(version="1.0"))
        return [old[0][0], (await _ask(server, chunked))[0][0]], server.lane.taken

    assert _run(served, scenario) == ([200, 200], [])


def test_a_refused_request_is_explained_and_the_connection_lives_on(served):
    async def scenario(server):
        wrong = _spell(json.dumps({"rows": [{**ROW, "distance": "far"}]}).encode())
        return await _ask(server, _spell(), wrong, _spell(), wrong, n_replies=4, pause=0.02)

    replies = _run(served, scenario)
    assert [status for status, _, _ in replies] == [200, 422, 200, 422]
    assert replies[1][2]["error"]["path"] == "$.rows[0].distance"


@pytest.mark.parametrize("n_before", [0, 1])
def test_a_tick_that_fails_is_answered_by_the_app(served, monkeypatch, n_before):
    async def scenario(server):
        for _ in range(n_before):
            await _ask(server, _spell())
        failure = StoreFailed("the disk is full", expected="space")
        monkeypatch.setattr(server.replica.log, "append_now", lambda loop, payloads: failure)
        return await _ask(server, _spell(), _spell(), n_replies=2, pause=0.02)

    replies = _run(served, scenario)
    assert [status for status, _, _ in replies] == [200, 200]
    assert len(served.read_log()) == n_before + 2


def test_an_idle_connection_is_closed_only_after_its_last_reply_is_old(served):
    async def scenario(server):
        reader, writer = await server.connect()
        for _ in range(3):
            writer.write(_spell())
            assert (await _read_reply(reader))[0] == 200
            await asyncio.sleep(0.6)
        rest = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return rest

    assert _run(served, scenario, keep_alive_seconds=1) == b""


@pytest.mark.parametrize("piece", [b"", b"POST /v1/pre", _spell()[:60]])
def test_a_connection_that_never_sends_a_whole_head_is_closed(served, monkeypatch, piece):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)

    async def scenario(server):
        (first,) = await _ask(server, _spell())
        reader, writer = await server.connect()
        writer.write(piece)
        rest = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return first[0], rest

    assert _run(served, scenario, keep_alive_seconds=0.3) == (200, b"")


def test_a_body_that_trickles_is_left_to_the_app_at_once(served):
    """Each piece once put the wait off anew, so that a byte now and then held a connection for hours."""

    async def scenario(server):
        (first,) = await _ask(server, _spell())
        head = _spell()[: -len(BODY)]
        pieces = [BODY[i : i + 6] for i in range(0, len(BODY), 6)]
        (slow,) = await _ask(server, head, *pieces, pause=0.03)
        return first[0], slow[0], len(server.lane.taken)

    assert len(BODY) > 12
    assert _run(served, scenario) == (200, 200, 1)


def test_what_was_accepted_is_answered_before_the_server_ends(served):
    async def scenario(server):
        reader, writer = await server.connect()
        writer.write(_spell()[:-5])
        await asyncio.sleep(0.02)
        server.server.should_exit = True
        await asyncio.sleep(0.3)
        writer.write(BODY[-5:])
        status, headers, _ = await _read_reply(reader)
        writer.close()
        return status, headers.get("connection")

    assert _run(served, scenario) == (200, "close")


def test_a_client_that_hangs_up_holds_nobody_up(served):
    async def scenario(server):
        for _ in range(5):
            _, writer = await server.connect()
            writer.write(_spell())
            writer.transport.abort()
        return (await _ask(server, _spell()))[0][0]

    assert _run(served, scenario) == 200


@pytest.mark.parametrize("loop", ["unknown", "%66lights"])
def test_other_paths_are_left_to_the_app(served, loop):
    async def scenario(server):
        return (await _ask(server, _spell(path=f"/v1/predict/{loop}")))[0][0], server.lane.taken

    assert _run(served, scenario) == (404 if loop == "unknown" else 200, [])


def test_the_short_way_asks_for_a_token_as_the_careful_way_does(served, monkeypatch):
    monkeypatch.setattr("holdtrue.serving.access.gate._REREAD_SECONDS", 0.0)
    secret = create_token(served.folder, name="app", role=TokenRole.PREDICT)
    named = _spell(headers=[f"authorization: Bearer {secret}"])

    async def scenario(server):
        reader, writer = await server.connect()
        replies = []
        for request in (_spell(), _spell(), named, named):
            writer.write(request)
            replies.append(await _read_reply(reader))
        revoke_token(served.folder, "app")
        create_token(served.folder, name="other", role=TokenRole.PREDICT)
        writer.write(named)
        replies.append(await _read_reply(reader))
        writer.close()
        return [status for status, _, _ in replies], len(server.lane.taken)

    assert _run(served, scenario) == ([401, 401, 200, 200, 401], 2)


def test_a_forced_version_goes_the_careful_way(served):
    async def scenario(server):
        replies = await _ask(server, _spell(headers=["x-holdtrue-version: 1"]))
        return replies[0][0], server.lane.taken

    assert _run(served, scenario) == (403, [])
