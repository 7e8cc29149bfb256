"""Standing: a server that was started, answers rightly, and waits for its turns."""

import http.client
import os
import random
import shutil
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from load import Measured, ask_with_wrk
from models import Model, read_bodies
from running import Failed, Pins, Tree, start_tree
from servers import Place, Server

N_CHECKED = 16
WAKE_SECONDS = 15.0
SETTLE_SECONDS = 0.5
JSON = {"content-type": "application/json"}
# Below the ports that the kernel gives to clients.
PORTS = range(20_000, 32_000)


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What all servers of one model share."""

    model: Model
    models: Path
    python: str
    source: Path
    venvs: Path
    work: Path
    pins: Pins


class Standing:
    """A server at its place: started, checked, then asleep between its turns.

    Raises:
        Skipped: its environment cannot be made.
        Failed: it does not come up, or answers wrongly.
    """

    def __init__(self, server: Server, ground: Ground) -> None:
        self.server, self.ground = server, ground
        name = "".join(letter if letter.isalnum() else "-" for letter in f"{ground.model.name}-{server.name}".lower())
        home = ground.work / name
        home.mkdir(parents=True, exist_ok=True)
        self.place = Place(
            python=ground.python,
            source=ground.source,
            venvs=ground.venvs,
            models=ground.models,
            home=home,
            model=ground.model,
            port=find_ports(name),
        )
        self.path = server.wire.path.format(model=ground.model.name)
        rows, self._answers = read_bodies(ground.models, ground.model)
        self._bodies = [server.wire.body(ground.model, row) for row in rows]
        self._file = home / "bodies.txt"
        self._file.write_bytes(b"\n".join(self._bodies) + b"\n")
        self._command = server.prepare(self.place)
        self.first_answer_seconds = 0.0
        self.tree = self._start()

    @property
    def url(self) -> str:
        """Return where it is asked."""
        return f"http://127.0.0.1:{self.place.port}{self.path}"

    def _start(self) -> Tree:
        self._said = self.place.home.with_suffix(".log")
        tree = start_tree(
            self._command,
            env={**self.server.env_at(self.place), "PATH": f"{Path(self._command[0]).parent}:{os.environ['PATH']}"},
            log=self._said,
            core=self.ground.pins.server if self.server.is_pinned else None,
            cwd=self.place.home,
        )
        try:
            self.first_answer_seconds = self._wait(tree, self.server.slow_start_seconds)
            if not self.server.is_constant:
                self._check()
        except BaseException:
            tree.end()
            raise
        return tree

    def _wait(self, tree: Tree, limit_seconds: float) -> float:
        """Return after how many seconds the first request was answered."""
        began = time.monotonic()
        last = "no connection"
        while time.monotonic() < began + limit_seconds:
            with suppress(OSError, http.client.HTTPException):
                status, content = self._ask(self._bodies[0], timeout=10)
                if status == 200:
                    return time.monotonic() - tree.started
                last = f"status {status}: {content[:200]!r}"
            if tree.parent.poll() is not None:
                raise Failed(f"ended by itself: {tree.tail()}")
            time.sleep(0.01)
        raise Failed(f"no answer within {limit_seconds:.0f} s ({last}); {tree.tail()}")

    def _check(self) -> None:
        """Compare its answers to some rows with those that are right."""
        for body, right in list(zip(self._bodies, self._answers, strict=True))[:N_CHECKED]:
            status, content = self._ask(body, timeout=30)
            if status != 200:
                raise Failed(f"status {status}: {content[:200]!r}")
            found = self.server.wire.answer(content)
            if not abs(found - right) <= self.ground.model.tolerance:
                raise Failed(f"answers {found!r} where {right!r} is right")

    def _ask(self, body: bytes, *, timeout: float) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.place.port, timeout=timeout)
        try:
            connection.request("POST", self.path, body, JSON)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def wake(self) -> None:
        """Let it go on; one that does not survive a sleep is started anew."""
        self.tree.wake()
        time.sleep(self.server.wakes_seconds)
        try:
            self._wait(self.tree, WAKE_SECONDS)
        except Failed:
            self.tree.end()
            first = self.first_answer_seconds
            self.tree = self._start()
            self.first_answer_seconds = first

    def sleep(self) -> None:
        """Stop its processes until the next turn, once they have answered what was still on its way.

        BentoML learns from how long a batch took; one that slept through a batch refuses what comes after.
        """
        time.sleep(SETTLE_SECONDS)
        self.tree.sleep()

    def measure(self, n_connections: int, seconds: float) -> Measured:
        """Ask it at a level of connections."""
        return ask_with_wrk(
            self.tree, self.url, self._file, n_connections=n_connections, seconds=seconds, pins=self.ground.pins
        )

    def weigh(self) -> dict[str, float]:
        """Return memory in MB: of all its processes, and of the largest of them."""
        processes = self.tree.find()
        rss, pss = self.tree.memory_mb(processes)
        each = [self.tree.memory_mb([process]) for process in processes]
        named = {"rss_mb": rss, "pss_mb": pss, "largest_rss_mb": max(one for one, _ in each)}
        workers = [process for process in processes if "holdtrue.serving.worker" in " ".join(_command(process))]
        if workers:
            named["worker_rss_mb"], named["worker_pss_mb"] = self.tree.memory_mb(workers)
        return {name: round(value, 1) for name, value in named.items()} | {"n_processes": len(processes)}

    def end(self) -> None:
        """End it, and throw its folder away."""
        self.tree.end()
        shutil.rmtree(self.place.home, ignore_errors=True)


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except Exception:  # it has ended meanwhile
        return []


def find_ports(seed: object) -> int:
    """Return a port that nobody listens on, nor on the two after it."""
    dice = random.Random(f"{seed}-{time.time_ns()}")
    while True:
        port = dice.choice(PORTS)
        if all(_is_free(port + step) for step in range(3)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
