"""Guard: ends what a child process started, also when this process is killed, and what has left the child's group."""

import contextlib
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator

import psutil

MARK = "HOLDTRUE_WORK"
# It waits until its standard input ends, which the kernel sees to when the parent is gone, however it went. Processes
# that left the group are known by the mark in the variables that they were started with.
_SCRIPT = """read -r _
kill -9 -- -"$1"
for place in $(grep -lsxzF "$2" /proc/[0-9]*/environ); do place=${place#/proc/}; kill -9 "${place%/environ}"; done
"""


class Guard:
    """Guards one child process, which leads a group of its own and is started with `variables`."""

    def __init__(self) -> None:
        self._mark = uuid.uuid4().hex
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables by which all that the child starts is known."""
        return {MARK: self._mark}

    def watch(self, pid: int) -> None:
        """End the child's group when this process is gone; without a shell only the child ends, by the kernel."""
        with contextlib.suppress(FileNotFoundError):
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, "guard", str(pid), f"{MARK}={self._mark}"],
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
            try:
                if process.environ().get(MARK) == self._mark:
                    yield process
            except (psutil.Error, OSError):  # another user's, or gone
                continue
