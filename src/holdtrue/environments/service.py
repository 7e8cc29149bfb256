"""Services: long-lived processes that outlive who started them, and are found again by pid and moment of birth."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from holdtrue.errors import NotFound, StateConflict

# psutil tells the birth of a process in wall-clock time, which shifts when the machine's clock is set. That a pid is
# taken again so soon after the birth of its former holder does not happen.
_BIRTH_TOLERANCE_SECONDS = 5.0
_LOG_LIMIT_BYTES = 10 << 20
_POLL_SECONDS = 0.02
_started: set[int] = set()


@dataclass(frozen=True)
class Service:
    """A long-lived process: its pid, and when it was born (Unix time), which tells it from later holders of the pid."""

    pid: int
    started_unix: float

    def is_alive(self) -> bool:
        """Say whether this very process runs; a dead one of our own is reaped on the way."""
        return self._find() is not None

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Ask the service and what it started to end (SIGTERM), and kill them (SIGKILL) after the grace.

        Stopping a dead service does nothing. Raises `StateConflict` when the process may not be signalled.
        """
        for order, patience in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
            if not self._signal(order) or self._wait(patience):
                return
        raise StateConflict(f"the process {self.pid} does not end", remedy="look for what blocks it in the kernel")

    def _find(self) -> psutil.Process | None:
        _reap(self.pid)
        try:
            process = psutil.Process(self.pid)
            born_with_us = abs(process.create_time() - self.started_unix) <= _BIRTH_TOLERANCE_SECONDS
            return process if born_with_us and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def _signal(self, order: signal.Signals) -> bool:
        process = self._find()
        if process is None:
            return False
        try:
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, order)
            else:
                process.send_signal(order)
        except (ProcessLookupError, psutil.NoSuchProcess):
            return False
        except (PermissionError, psutil.AccessDenied) as refusal:
            raise StateConflict(f"the process {self.pid} belongs to another user") from refusal
        return True

    def _wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def start_service(
    command: Sequence[str], *, log_path: Path, env: Mapping[str, str] | None = None, inherited: Sequence[int] = ()
) -> Service:
    """Start a long-lived process in a session of its own; it survives this process, and a closed terminal.

    Args:
        command: program and arguments; no shell reads them.
        log_path: gets stdout and stderr, appended; a log above 10 MiB is set aside as `.old` first.
        env: variables that are set over those of this process.
        inherited: open file descriptors that the process gets too, under the same numbers.

    Raises:
        NotFound: the program is not there.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    if log_path.exists() and log_path.stat().st_size > _LOG_LIMIT_BYTES:
        log_path.replace(log_path.with_name(log_path.name + ".old"))
    try:
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                pass_fds=tuple(inherited),
            )
    except FileNotFoundError as missing:
        raise NotFound(f"the program {command[0]} is not there", expected="an executable on the PATH") from missing
    try:
        service = Service(process.pid, psutil.Process(process.pid).create_time())
    finally:
        # The service may outlive the Popen object, which would warn of that; from here on `_reap` looks after it.
        process.returncode = 0
        _started.add(process.pid)
    return service


def find_service(pid: int, started_unix: float) -> Service | None:
    """Find a service that was started earlier, by whomever; None when it is dead or another process has its pid."""
    service = Service(pid, started_unix)
    return service if service.is_alive() else None


def _reap(pid: int) -> None:
    # Only what was started here: the pid that an old record names may be that of another child of this process by now.
    if pid in _started and os.waitpid(pid, os.WNOHANG)[0] == pid:
        _started.discard(pid)
