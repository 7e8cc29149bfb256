"""Cluster: two machines of Ray on this one, on loopback addresses of their own, for tests and benches.

Nothing of Ray is imported here: its processes are started by its command, and stopped by their ids.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType

import psutil

_START_SECONDS = 90.0
_POLL_SECONDS = 0.1
_OBJECT_BYTES = 100_000_000
HEAD, SIDE = "head", "side"
MACHINE = "HOLDTRUE_TEST_MACHINE"  # says to work on which of the two it is
# A machine that was killed is missed after a second or two, not ten; and none is stopped because this one is full.
_HASTE = {
    "RAY_health_check_initial_delay_ms": "0", "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "4000", "RAY_health_check_failure_threshold": "2",
    "RAY_memory_monitor_refresh_ms": "0",
}  # fmt: skip
_HOSTS = {HEAD: "127.0.0.2", SIDE: "127.0.0.3"}


class TwoMachines:
    """A Ray cluster of two machines, "head" and "side", with a token of its own; use it as a context manager.

    Attributes:
        address: of the cluster.
        variables: what a process that uses the cluster finds its token by.

    Each machine has one of a resource called as itself, and one of "both".

    Args:
        n_cpus: cores that each machine says it has.
    """

    def __init__(self, *, n_cpus: int = 1) -> None:
        # Sockets stand in it, whose paths may have 107 letters: a test's own folder is too deep.
        self.folder = Path(tempfile.mkdtemp(prefix="ray"))
        token = self.folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        self.variables: Mapping[str, str] = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
        self.address = f"{_HOSTS[HEAD]}:{_find_port(_HOSTS[HEAD])}"
        self._n_cpus = n_cpus
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "TwoMachines":
        try:
            self.start(HEAD)
            self.start(SIDE)
            for name in (HEAD, SIDE):
                self._await(name, partial(self._has_joined, name))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str) -> None:
        """Start a machine; the head answers when this returns."""
        port = self.address.rpartition(":")[2]
        role = ["--head", f"--port={port}", "--include-dashboard=false"]
        own = f'{{"{name}": 1, "both": 1}}'
        with (self.folder / f"{name}.log").open("wb") as log:
            self._started[name] = subprocess.Popen(
                [
                    str(Path(sys.executable).with_name("ray")), "start", "--block", "--disable-usage-stats",
                    *(role if name == HEAD else [f"--address={self.address}"]),
                    f"--node-ip-address={_HOSTS[name]}", f"--num-cpus={self._n_cpus}", f"--resources={own}",
                    f"--object-store-memory={_OBJECT_BYTES}", f"--temp-dir={self.folder / name}",
                    "--min-worker-port=0", "--max-worker-port=0",
                ],
                env={**os.environ, **self.variables, **_HASTE, MACHINE: name},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        if name == HEAD:
            self._await(HEAD, self._answers)

    def kill(self, name: str) -> None:
        """Kill all processes of a machine, by their ids."""
        process = self._started.pop(name)
        try:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            family = []
        for one in family:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue
        process.wait()

    def stop(self) -> None:
        """Kill what still runs and remove its files."""
        for name in (SIDE, HEAD):
            if name in self._started:
                self.kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _has_joined(self, name: str) -> bool:
        return any(self.folder.glob(f"{name}/session_2*/sockets/raylet"))

    def _answers(self) -> bool:
        host, _, port = self.address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            return False
        return True

    def _await(self, name: str, is_there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not is_there():
            if self._started[name].poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.folder / f"{name}.log").read_text()[-2000:])
            time.sleep(_POLL_SECONDS)


def _find_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
