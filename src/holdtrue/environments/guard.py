"""Guard: ends what a child process started, also when this process is killed, and what has left the child's group."""

import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil

from holdtrue.environments.mark import VARIABLE, number_mark

# It waits until its standard input ends, which the kernel sees to when the parent is gone, however it went. Processes
# that left the group are known by the mark in the variables that they were started with, or in their limits.
_SCRIPT = """read -r _
kill -9 -- -"$1"
marked="$(grep -lsxzF "$2" /proc/[0-9]*/environ) $(grep -lsF "$3" /proc/[0-9]*/limits)"
for place in $marked; do place=${place#/proc/}; kill -9 "${place%/*}"; done
"""


class Guard:
    """Guards one child process, which leads a group of its own and is started with `variables`."""

    def __init__(self) -> None:
        self._mark = uuid.uuid4().hex
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables by which all that the child starts is known."""
        return {VARIABLE: self._mark}

    def watch(self, pid: int) -> None:
        """End the child's group when this process is gone; without a shell only the child ends, by the kernel."""
        with contextlib.suppress(FileNotFoundError):
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, "guard", str(pid), f"{VARIABLE}={self._mark}", str(number_mark(self._mark))],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath},  # without the mark, or it would end itself first
                process_group=0,
            )

    def end(self) -> None:
        """End what the child started and is still there, and the guard; call it before the child's pid is free."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
        for process in self._find_runaways():
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)

    def _find_runaways(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            if self._has_mark(process) or self._has_limit(process.pid):
                yield process

    def _has_mark(self, process: psutil.Process) -> bool:
        try:
            return bool(process.environ().get(VARIABLE) == self._mark)
        except (psutil.Error, OSError):  # another user's, or gone
            return False

    def _has_limit(self, pid: int) -> bool:
        try:
            return str(number_mark(self._mark)).encode() in Path(f"/proc/{pid}/limits").read_bytes()
        except OSError:  # gone, or not Linux
            return False
