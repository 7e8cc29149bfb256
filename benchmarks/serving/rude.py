"""Rude: connections that break HTTP itself, or keep the server waiting. What comes back is counted, not judged:

the server may hang up on them. That it lives, and that others are unharmed, is judged elsewhere.
"""

import random
import socket
from collections import Counter
from contextlib import suppress

N_STALLED = 8
SECONDS = 3.0


def ask_rudely(port: int, right: bytes, dice: random.Random) -> Counter[str]:
    """Send each rude thing some times; return the first words of what came back.

    Args:
        port: of the server.
        right: a whole request that is right.
        dice: where chance comes from.
    """
    found: Counter[str] = Counter()
    stalled = [_stall(port, right[: dice.randrange(1, len(right))]) for _ in range(N_STALLED)]
    for _ in range(5):
        for attempt in write_attempts(right, dice):
            found[_send(port, attempt)] += 1
        _hang_up(port, right)
    for one in stalled:
        one.close()
    return found


def write_attempts(right: bytes, dice: random.Random) -> list[bytes]:
    """Return what breaks HTTP, or stretches it: lengths that lie, chunks, old versions, pipelines, noise."""
    head, _, body = right.partition(b"\r\n\r\n")
    path = head.split(b" ", 2)[1]
    plain = b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length"))
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return [
        plain + b"\r\ntransfer-encoding: chunked\r\n\r\n" + chunks,
        plain + b"\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n" + body,
        plain + b"\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n" + chunks,
        plain + b"\r\ncontent-length: -1\r\n\r\n" + body,
        plain + b"\r\ncontent-length: 99999999999999999999\r\n\r\n" + body,
        plain + b"\r\ncontent-length: 1073741824\r\n\r\n" + body * 50,
        plain + b"\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n" + body,
        head.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n\r\n" + body,
        head.replace(b"HTTP/1.1", b"HTTP/9.9") + b"\r\n\r\n" + body,
        head.replace(b"POST", b"BREW") + b"\r\n\r\n" + body,
        head + b"\r\nexpect: 100-continue\r\n\r\n" + body,
        head + b"\r\nconnection: close\r\n\r\n" + body,
        head + b"\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n" + body,
        head + b"\r\nx: " + b"a" * 200_000 + b"\r\n\r\n" + body,
        head + b"".join(b"\r\nx%d: 1" % number for number in range(2_000)) + b"\r\n\r\n" + body,
        right * 50,
        right * 3 + b"GARBAGE\r\n\r\n" + right,
        b"GET " + path + b"/../../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /" + b"%00" * 3_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(dice.randrange(256) for _ in range(200)),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n" * 1_000 + right,
        bytes(dice.randrange(256) for _ in range(5_000)),
        b"",
    ]


def _send(port: int, data: bytes) -> str:
    """Return the status that came back, or how it ended."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
            connection.settimeout(0.3 if len(data) < 10 else SECONDS)
            reply = connection.recv(4_096)
    except TimeoutError:
        return "silence"
    except OSError:
        return "hung up"
    return reply.split(b" ", 2)[1].decode("latin-1")[:12] if reply.startswith(b"HTTP/") else "hung up"


def _stall(port: int, data: bytes) -> socket.socket:
    """Send a part of a request and then nothing; the caller closes it."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
    connection.sendall(data)
    return connection


def _hang_up(port: int, right: bytes) -> None:
    """Ask fifty times at once and do not wait for the answers."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(right * 50)
