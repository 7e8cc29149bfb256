"""Supervisor: keeps the workers of a project alive; those that a killed supervisor left behind are adopted."""

import secrets
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version as find_release
from pathlib import Path

from holdtrue.environments import Service, find_service, start_service
from holdtrue.errors import NotFound, PortTaken
from holdtrue.serving.address import Address
from holdtrue.serving.counts.status import WorkerStatus, name_status_file, read_status
from holdtrue.serving.front import PORT, Front
from holdtrue.serving.log_format import LogFormat
from holdtrue.serving.options import WorkerOptions, name_command
from holdtrue.serving.probe import ask_nonces
from holdtrue.serving.roll import Enrolled, Roll, read_roll, write_roll
from holdtrue.serving.target import read_target
from holdtrue.serving.unix_socket import bind_unix, remove_socket

_THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
_HUNG_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 30.0
_POLL_SECONDS = 0.05
_ORPHAN_SECONDS = 20.0
_SILENT_SECONDS = 1.0


@dataclass
class _Slot:
    """One worker's place: who holds it, when it last gave a sign of life, and how often it died in a row."""

    number: int
    service: Service
    pulse_ns: int = 0
    pulse_seen: float = field(default_factory=time.monotonic)
    started: float = field(default_factory=time.monotonic)
    n_deaths: int = 0


class Workers:
    """The workers of a project, as their supervisor holds them. `start_workers` makes it.

    Workers outlive their supervisor: they go on with the last traffic file until someone stops them. Call `tend` often.

    Attributes:
        front: where they listen.
        log_format: how they write their logs, `run/worker-N.log`.
        n_adopted: how many were left by an earlier supervisor and taken over.
    """

    def __init__(
        self, folder: Path, front: Front, nonce: str, *, log_format: LogFormat, unix: socket.socket | None = None
    ) -> None:
        self.front = front
        self.log_format = log_format
        self._unix = unix
        self.n_adopted = 0
        self._folder = folder
        self._run_folder = folder / "run"
        self._nonce = nonce
        self._slots: dict[int, _Slot] = {}
        # Models are small and requests many: one thread for each worker, one worker for each core, unless said.
        self._variables = dict.fromkeys(_THREAD_COUNTS, str(read_target(folder).model_threads))

    @property
    def address(self) -> Address:
        """Return the address of their port.

        Raises:
            NotFound: they listen on a Unix socket alone.
        """
        address = self.front.address
        if address is None:
            raise NotFound(f"the workers have no port, they listen on {self.front.uds}")
        return address

    @property
    def url(self) -> str:
        """Return where clients reach them."""
        return self.front.url

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the processes of the workers, by slot."""
        return tuple(self._slots[number].service.pid for number in sorted(self._slots))

    @property
    def problems(self) -> tuple[str, ...]:
        """Return in sentences what workers could not take over from the traffic."""
        return tuple(dict.fromkeys(problem for status in self._statuses() for problem in status.problems))

    @property
    def revisions(self) -> Mapping[str, int]:
        """Return for each loop the revision of its traffic that all workers answer by; the oldest of them."""
        statuses = self._statuses()
        if len(statuses) < len(self._slots):
            return {}
        loops = set.intersection(*(set(status.revisions) for status in statuses)) if statuses else set()
        return {loop: min(status.revisions[loop] for status in statuses) for loop in sorted(loops)}

    @property
    def is_ready(self) -> bool:
        """Say whether every worker lives and can answer for every loop, and it is they who answer at the address."""
        statuses = self._statuses()
        is_whole = len(statuses) == len(self._slots) and all(status.is_ready for status in statuses)
        return is_whole and all(slot.service.is_alive() for slot in self._slots.values()) and self._answers()

    def wait_until_ready(self, timeout_seconds: float = 30.0) -> bool:
        """Tend the workers until they are ready; return whether they were within the time."""
        deadline = time.monotonic() + timeout_seconds
        while not self.is_ready:
            if time.monotonic() >= deadline:
                return False
            self.tend()
            time.sleep(_POLL_SECONDS)
        return True

    def tend(self) -> tuple[str, ...]:
        """Replace workers that died or hang; return in sentences what was done. Does not wait for them.

        One that dies at once, again and again, is started again after longer and longer pauses, up to ten seconds.
        """
        done = []
        for slot in list(self._slots.values()):
            is_alive = slot.service.is_alive()
            if is_alive and not self._hangs(slot):
                continue
            if is_alive:
                slot.service.stop(grace_seconds=1.0)
            if time.monotonic() - slot.started < _pause_seconds(slot.n_deaths):
                continue
            what = "hung" if is_alive else "had ended"
            done.append(f"Worker {slot.number} (process {slot.service.pid}) {what}; {self._replace(slot)}")
        return tuple(done)

    def stop(self, grace_seconds: float = 15.0) -> None:
        """Let every worker answer what it accepted (SIGTERM), and kill those that are not done after the grace."""
        services = [slot.service for slot in self._slots.values()]
        with ThreadPoolExecutor(max(1, len(services))) as threads:
            list(threads.map(lambda service: service.stop(grace_seconds), services))
        self._slots = {}
        self._enrol()
        if self._unix is not None and self.front.uds is not None:
            remove_socket(Path(self.front.uds), self._unix)
            self._unix = None

    def _replace(self, slot: _Slot) -> str:
        was_steady = time.monotonic() - slot.started > _STEADY_SECONDS
        n_deaths = 0 if was_steady else slot.n_deaths + 1
        try:
            if not any(other.service.is_alive() for other in self._slots.values()):
                self.front.settle()
        except PortTaken as error:  # a stranger came between; tried again after the pause
            slot.n_deaths, slot.started = n_deaths, time.monotonic()
            return f"it is not replaced yet: {error}"
        self._start(slot.number, n_deaths=n_deaths)
        return f"process {self._slots[slot.number].service.pid} replaces it."

    def fill(self, n_workers: int) -> None:
        """Start a worker in each of the first slots that has none."""
        # The roll comes first: a worker that is not on it, because this process was killed before it noted it, ends.
        self._enrol()
        for number in range(n_workers):
            if number not in self._slots:
                self._start(number)

    def _start(self, number: int, *, n_deaths: int = 0) -> None:
        options = WorkerOptions(
            folder=self._folder,
            front=self.front,
            slot=number,
            nonce=self._nonce,
            log_format=self.log_format,
            uds_fd=None if self._unix is None else self._unix.fileno(),
        )
        log_path = self._run_folder / f"worker-{number}.log"
        inherited = [] if options.uds_fd is None else [options.uds_fd]
        service = start_service(name_command(options), log_path=log_path, env=self._variables, inherited=inherited)
        self._slots[number] = _Slot(number, service, n_deaths=n_deaths)
        self._enrol()

    def adopt(self, workers: Mapping[int, Service]) -> None:
        """Take over workers that run already, by slot."""
        self._slots = {number: _Slot(number, service) for number, service in workers.items()}
        self.n_adopted = len(self._slots)

    def _enrol(self) -> None:
        workers = [
            Enrolled(slot=slot.number, pid=slot.service.pid, started_unix=slot.service.started_unix)
            for slot in self._slots.values()
        ]
        roll = Roll(
            front=self.front,
            log_format=self.log_format,
            nonce=self._nonce,
            release=find_release("holdtrue"),
            workers=tuple(workers),
        )
        write_roll(self._run_folder, roll)

    def _hangs(self, slot: _Slot) -> bool:
        """Say whether a worker's event loop gave no sign of life for half a minute of this process's own time."""
        try:
            pulse_ns = name_status_file(self._run_folder, slot.number).stat().st_mtime_ns
        except OSError:
            pulse_ns = 0
        if pulse_ns != slot.pulse_ns:
            slot.pulse_ns, slot.pulse_seen = pulse_ns, time.monotonic()
        return time.monotonic() - slot.pulse_seen > _HUNG_SECONDS

    def _statuses(self) -> list[WorkerStatus]:
        """Return the status of each worker that has told its own; one of a predecessor in the slot does not count."""
        found = [(slot, read_status(self._run_folder, slot.number)) for slot in self._slots.values()]
        return [status for slot, status in found if status is not None and status.pid == slot.service.pid]

    def _answers(self) -> bool:
        return ask_nonces(self.front) == {self._nonce}


def start_workers(
    folder: Path,
    *,
    port: int = PORT,
    front: Front | None = None,
    n_workers: int = 1,
    log_format: LogFormat = LogFormat.TEXT,
    adopt: bool = True,
) -> Workers:
    """Start the workers of a project, or adopt those that still run; does not wait until they are ready.

    Args:
        folder: the `.holdtrue` folder; `write_traffic_file` tells them there what to serve.
        port: the port on loopback; 0 for any free one.
        front: where they listen, where that is more than a port on loopback; `port` does not count then.
        n_workers: how many processes share the port.
        log_format: how they write their logs.
        adopt: whether living workers of the same address are kept; else they are stopped first.

    Raises:
        PortTaken: another process listens there.
        DeclarationError: the host is no address of this machine, the port may not be used, or the front would open the
            project to others without tokens or encryption.
    """
    folder = Path(folder).resolve()
    front = front or Front(port=port)
    front.check(folder)
    roll, living = read_roll(folder / "run"), find_workers(folder)
    if roll is not None and living:
        is_alike = roll.release == find_release("holdtrue") and roll.log_format is log_format
        is_same = is_alike and front.is_met_by(roll.front)
        kept = {number: service for number, service in living.items() if adopt and is_same and number < n_workers}
        for number in living.keys() - kept.keys():
            living[number].stop()
        if kept:
            workers = Workers(folder, roll.front, roll.nonce, log_format=log_format)
            workers.adopt(kept)
            workers.fill(n_workers)
            return workers
    front, unix = _claim(front, roll)
    workers = Workers(folder, front, secrets.token_hex(8), log_format=log_format, unix=unix)
    workers.fill(n_workers)
    return workers


def _claim(front: Front, roll: Roll | None) -> tuple[Front, socket.socket | None]:
    """Settle the port and bind the socket, which all workers inherit.

    A worker of ours that is not on the roll is about to end by itself, and waited for. One that is ending says nothing
    any more, so where workers of ours have been, silence is waited with for a moment before it is taken for a stranger.
    """
    began = seen = time.monotonic()
    while True:
        try:
            settled = front.settle()
            return settled, None if front.uds is None else bind_unix(Path(front.uds), mode=front.uds_mode)
        except PortTaken:
            if roll is None:
                raise
            now = time.monotonic()
            if roll.nonce in ask_nonces(front):
                seen = now
            if now > min(began + _ORPHAN_SECONDS, seen + _SILENT_SECONDS):
                raise
        time.sleep(_POLL_SECONDS)


def find_workers(folder: Path) -> dict[int, Service]:
    """Return the workers of a project that live, by slot, whoever started them.

    Args:
        folder: the `.holdtrue` folder.
    """
    roll = read_roll(folder / "run")
    if roll is None:
        return {}
    found = {worker.slot: find_service(worker.pid, worker.started_unix) for worker in roll.workers}
    return {number: service for number, service in found.items() if service is not None}


def _pause_seconds(n_deaths: int) -> float:
    return min(_LONGEST_PAUSE_SECONDS, 0.25 * 2.0**n_deaths) if n_deaths else 0.0
