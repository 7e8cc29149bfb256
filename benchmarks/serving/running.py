"""Running: a server as a tree of processes: started, put to sleep between its turns, measured, ended by its ids.

A server's processes are those that carry its mark in their environment, however they detach themselves.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MARK = "HOLDTRUE_BENCH_MARK"
TICKS = os.sysconf("SC_CLK_TCK")
# One thread a model everywhere, as in production with a process for each core.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def end_on_sigterm() -> None:
    """Let a SIGTERM to the bench end what it started, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Failed(Exception):
    """A server does not come up, or answers wrongly; the message says what it said."""


@dataclass(frozen=True)
class Pins:
    """Which cores server and client may use; None where there is but one."""

    server: int | None
    client: int | None

    @classmethod
    def choose(cls, *, is_pinned: bool = True) -> "Pins":
        """Return one core for the server and another for the client, where there are two."""
        cores = sorted(os.sched_getaffinity(0))
        return cls(cores[0], cores[-1]) if is_pinned and len(cores) > 1 else cls(None, None)

    @staticmethod
    def command(core: int | None) -> list[str]:
        """Return what is put before a command to keep it on a core."""
        return [] if core is None else ["taskset", "-c", str(core)]


@dataclass
class Tree:
    """The processes of one server."""

    mark: str
    parent: subprocess.Popen[bytes]
    log: Path
    started: float = field(default_factory=time.monotonic)

    def find(self) -> list[psutil.Process]:
        """Return its living processes."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        if process.pid == self.parent.pid:
            return True
        try:
            environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        except OSError:
            return False
        return f"{MARK}={self.mark}".encode() in environment.split(b"\0")

    def cpu_seconds(self, processes: Sequence[psutil.Process]) -> float:
        """Return the processor time that they have used, user and system, from /proc/PID/stat."""
        total = 0
        for process in processes:
            with suppress(OSError):
                fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory_mb(self, processes: Sequence[psutil.Process]) -> tuple[float, float]:
        """Return the sums of resident memory and of its proportional share (PSS), in MB."""
        rss = pss = 0
        for process in processes:
            with suppress(psutil.Error):
                found = process.memory_full_info()
                rss, pss = rss + found.rss, pss + found.pss
        return rss / 1e6, pss / 1e6

    def sleep(self) -> None:
        """Stop all processes, so that they take nothing while another server has its turn."""
        self._send(signal.SIGSTOP)

    def wake(self) -> None:
        """Let them go on."""
        self._send(signal.SIGCONT)

    def end(self) -> None:
        """End all of them, by their ids."""
        self.wake()
        self._send(signal.SIGTERM)
        deadline = time.monotonic() + 10
        while self.find() and time.monotonic() < deadline:
            self.parent.poll()
            time.sleep(0.1)
        self._send(signal.SIGKILL)
        self.parent.wait()

    def tail(self) -> str:
        """Return the last line that says something."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1][-300:] if lines else "it said nothing"

    def _send(self, number: signal.Signals) -> None:
        for process in self.find():
            with suppress(psutil.Error):
                process.send_signal(number)


def start_tree(command: Sequence[str], *, env: Mapping[str, str], log: Path, core: int | None, cwd: Path) -> Tree:
    """Start a server's command with its output in a log."""
    mark = secrets.token_hex(8)
    given = {**os.environ, **ONE_THREAD, **env, MARK: mark}
    with log.open("wb") as file:
        parent = subprocess.Popen(
            [*Pins.command(core), *command], env=given, stdout=file, stderr=subprocess.STDOUT, cwd=cwd,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    return Tree(mark, parent, log)


@contextmanager
def run_tree(
    command: Sequence[str], *, env: Mapping[str, str], log: Path, core: int | None, cwd: Path
) -> Iterator[Tree]:
    """Start a server, and end it in any case."""
    tree = start_tree(command, env=env, log=log, core=core, cwd=cwd)
    try:
        yield tree
    finally:
        tree.end()
