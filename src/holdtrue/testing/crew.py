"""Crew: the processes of one live loop, held by someone who kills them; a keeper that died is started again."""

import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import msgspec
import psutil

from holdtrue.environments import Service
from holdtrue.errors import StateConflict
from holdtrue.project import FOLDER
from holdtrue.serving import find_workers

from .keeper import KeeperOptions, Started, name_keeper

# Handed down from process to process: what carries it belongs to this crew.
BADGE = "HOLDTRUE_TESTING_CREW"
START_SECONDS = 60.0
END_SECONDS = 120.0
DEATH_SECONDS = 10.0
_POLL_SECONDS = 0.02


@dataclass(kw_only=True)
class Crew:
    """Starts a keeper, kills it or its workers, and checks that the next keeper adopts the workers that live.

    Attributes:
        options: what every keeper is told.
        n_controller_kills: keepers that were killed.
        n_worker_kills: workers that were killed.
        n_adopted: workers that a keeper took over from a killed one.
        is_up: whether the present keeper has said that its workers are ready.
        problems: what did not go as it should, in sentences.
    """

    options: KeeperOptions
    n_controller_kills: int = 0
    n_worker_kills: int = 0
    n_adopted: int = 0
    problems: list[str] = field(default_factory=list)
    _badge: str = field(default_factory=lambda: secrets.token_hex(8))
    _keeper: "subprocess.Popen[bytes] | None" = None
    _owed: set[int] = field(default_factory=set)
    _n_lines: int = 0
    is_up: bool = field(default=False, init=False)

    @property
    def folder(self) -> Path:
        """Return the `.holdtrue` folder."""
        return self.options.loop_file.parent / FOLDER

    @property
    def _log(self) -> Path:
        return self.options.loop_file.parent / "keeper.log"

    def __enter__(self) -> "Crew":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self._find_all():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if self._keeper is not None:
            self._keeper.wait()

    def start_keeper(self) -> None:
        """Start a keeper; does not wait until it is ready."""
        self.is_up = False
        with self._log.open("ab") as log, self._log.with_suffix(".err").open("ab") as errors:
            self._keeper = subprocess.Popen(
                name_keeper(self.options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=errors,
                env={**os.environ, **self._name_byte_code(), BADGE: self._badge},
            )

    def _name_byte_code(self) -> dict[str, str]:
        """Let modules be compiled once where the user's environment keeps no byte code: a start then takes a third."""
        if not sys.dont_write_bytecode:
            return {}
        return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.options.loop_file.parent / "bytecode")}

    def wait_until_started(self) -> None:
        """Wait for the keeper's word that its workers are ready.

        Raises:
            StateConflict: it ended, or did not say so within a minute.
        """
        deadline = time.monotonic() + START_SECONDS
        while not self.is_up:
            self.read_starts()
            if self.has_ended or time.monotonic() > deadline:
                raise StateConflict(f"the loop does not come up: {self._tell_errors()}")
            time.sleep(_POLL_SECONDS)

    @property
    def has_ended(self) -> bool:
        """Say whether the keeper has ended, however that came."""
        return self._keeper is None or self._keeper.poll() is not None

    def look_after(self) -> None:
        """Note a keeper that ended though nobody killed it, and start it again, as a service manager would."""
        self.read_starts()
        if self._keeper is not None and self.has_ended:
            self.problems.append(f"A controller ended by itself ({self._keeper.returncode}): {self._tell_errors()}")
            self._owed = set()
            self.start_keeper()

    def read_starts(self) -> None:
        """Read what keepers have said since the last time.

        The first word after a kill must name every worker that lived then: it was adopted.
        """
        lines = self._log.read_bytes().splitlines()[self._n_lines :]
        for line in lines:
            started = msgspec.json.decode(line, type=Started)
            left = self._owed - set(started.workers)
            if left:
                self.problems.append(f"Keeper {started.pid} did not adopt the living worker(s) {sorted(left)}.")
            self.n_adopted += started.n_adopted
            self._owed = set()
            self.is_up = self._keeper is not None and started.pid == self._keeper.pid
        self._n_lines += len(lines)

    def kill_controller(self) -> int:
        """Kill the keeper, wait until it is dead, and return its process id."""
        assert self._keeper is not None, "a keeper was started"
        self._keeper.send_signal(signal.SIGKILL)
        self._keeper.wait()
        self.n_controller_kills += 1
        self.read_starts()
        self._owed = {worker.pid for worker in self.find_workers()}
        return self._keeper.pid

    def kill_worker(self, worker: Service) -> bool:
        """Kill a worker and wait until it is dead; return False when it was dead before."""
        if not worker.is_alive():
            return False
        os.kill(worker.pid, signal.SIGKILL)
        self._owed.discard(worker.pid)
        self.n_worker_kills += 1
        deadline = time.monotonic() + DEATH_SECONDS
        while worker.is_alive():
            if time.monotonic() > deadline:
                raise StateConflict(f"the worker {worker.pid} does not die")
            time.sleep(_POLL_SECONDS)
        return True

    def find_workers(self) -> list[Service]:
        """Return the workers that live, by slot."""
        found = find_workers(self.folder)
        return [found[slot] for slot in sorted(found)]

    def stop(self) -> None:
        """End the loop in order (SIGTERM), and note what goes wrong at that, or is left over."""
        assert self._keeper is not None, "a keeper was started"
        self._keeper.send_signal(signal.SIGTERM)
        try:
            self._keeper.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.problems.append("The controller did not end when asked to.")
            return
        if self._keeper.returncode:
            self.problems.append(f"The controller ended with {self._keeper.returncode}: {self._tell_errors()}")
        left = [f"{process.pid} ({' '.join(process.cmdline()[:4])})" for process in self._find_all()]
        if left:
            self.problems.append(f"Processes are left over: {', '.join(left)}.")

    def _find_all(self) -> list[psutil.Process]:
        """Return every living process that carries this crew's badge."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(BADGE) == self._badge:
                    found.append(process)
        return found

    def _tell_errors(self) -> str:
        text = self._log.with_suffix(".err").read_text(encoding="utf-8", errors="replace").strip()
        return text[-600:]
