"""Process environment: work in warm child processes, so that what user code does cannot harm this process."""

import os
import queue
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType

import msgspec

from holdtrue.domain import Json
from holdtrue.environments.entry import encode_json
from holdtrue.environments.message import Work
from holdtrue.environments.progress import Progress
from holdtrue.environments.slot import Slot
from holdtrue.errors import DeclarationError, StateConflict


@dataclass(frozen=True)
class _Job:
    work: Work
    outcome: "Future[Json]"
    timeout_seconds: float | None
    on_progress: Callable[[Progress], None] | None


Waiting = queue.SimpleQueue[_Job | None]


class ProcessEnvironment:
    """Runs each piece of work in one of `n_children` warm child processes, which are fresh interpreters, never forks.

    A child starts with the first work for it, is kept between submissions, and is replaced when it died, when a module
    that it imported was edited, or after a timeout. It ends with this process, however this process ends. What user
    code prints is kept aside, bounded; its end stands in the error.

    Args:
        n_children: how much work runs at once; the rest waits in order.
        variables: environment variables that are set over those of this process, such as OMP_NUM_THREADS.
    """

    def __init__(self, n_children: int = 1, *, variables: Mapping[str, str] | None = None) -> None:
        if n_children < 1:
            raise DeclarationError(f"n_children={n_children} leaves nobody to work", expected="1 or more")
        self._waiting: Waiting = queue.SimpleQueue()
        self._slots = slots = [Slot(dict(variables or {})) for _ in range(n_children)]
        threads = [
            threading.Thread(target=_serve_slot, args=(slot, self._waiting), name="environment slot", daemon=True)
            for slot in slots
        ]
        for thread in threads:
            thread.start()
        # Also runs when the environment is forgotten, and at the exit of the interpreter.
        self._shut = weakref.finalize(self, _shut_down, self._waiting, slots, threads, os.getpid())

    def submit(
        self,
        entry: str,
        payload: Json,
        *,
        timeout_seconds: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> "Future[Json]":
        """Queue the work and return its future; see `Environment.submit` for what it can raise.

        `timeout_seconds` counts from when a child is given the work. `on_progress` and the callbacks of the future are
        called in a thread of the environment. Work that has begun is not cancelled by the future's `cancel`.
        """
        if not self._shut.alive:
            raise StateConflict("the environment is closed", remedy="submit the work to an open one")
        work = Work(entry=entry, payload=msgspec.Raw(encode_json(payload, role=f"payload for {entry}")))
        outcome: Future[Json] = Future()
        self._waiting.put(_Job(work, outcome, timeout_seconds, on_progress))
        return outcome

    def interrupt(self) -> None:
        """Kill the children, so that the work under way fails; what waits is done by others."""
        for slot in self._slots:
            slot.interrupt()

    def close(self) -> None:
        """Kill the children, cancel what waits, fail what runs with `StateConflict`."""
        self._shut()

    def __enter__(self) -> "ProcessEnvironment":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _serve_slot(slot: Slot, waiting: Waiting) -> None:
    while (job := waiting.get()) is not None:
        if not job.outcome.set_running_or_notify_cancel():
            continue
        try:
            result = slot.run(job.work, timeout_seconds=job.timeout_seconds, on_progress=job.on_progress)
        except BaseException as raised:
            job.outcome.set_exception(raised)
        else:
            job.outcome.set_result(result)
        del job
    slot.close()


def _shut_down(waiting: Waiting, slots: Sequence[Slot], threads: Sequence[threading.Thread], owner_pid: int) -> None:
    if os.getpid() != owner_pid:  # a fork of this process holds our bookkeeping, but not our children
        return
    try:
        while True:
            job = waiting.get_nowait()
            if job is not None:
                job.outcome.cancel()
    except queue.Empty:
        pass
    for slot in slots:
        slot.stop()
        waiting.put(None)
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(timeout=10)
