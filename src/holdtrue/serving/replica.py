"""Replica: one worker's parts, wired: it pulls, answers, logs, counts, and says how it is."""

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from holdtrue.serving.access.gate import Gate
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.answer.router import Router
from holdtrue.serving.answer.shadow import ShadowQueue
from holdtrue.serving.counts.counter import Counters
from holdtrue.serving.counts.status import WorkerStatus, read_status, read_statuses, touch_status, write_status
from holdtrue.serving.explain import ExplainDesk
from holdtrue.serving.fast.lane import Lane
from holdtrue.serving.journal import Journal
from holdtrue.serving.labels import LabelDesk
from holdtrue.serving.log import LabelLog, PredictionLog
from holdtrue.serving.log_terms import LogTerms
from holdtrue.serving.request.refusal import Refused
from holdtrue.serving.target import read_target
from holdtrue.serving.trace import TracedRouter, Tracing, mark_span

STATUS_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A worker's place in its group: its slot, and the nonce that the supervisor gave the group.

    `owns_process` says that the process does nothing but serve, `is_exposed` that other machines can reach it.
    """

    slot: int = 0
    nonce: str = ""
    owns_process: bool = False
    is_exposed: bool = False


class Replica:
    """All that one worker needs to answer requests of a project.

    Args:
        folder: the `.holdtrue` folder.
        seat: its place among its siblings.
        tracing: opens a span for each request; None for none.
    """

    def __init__(self, folder: Path, seat: Seat, *, tracing: Tracing | None = None) -> None:
        self.seat = seat
        self.tracing = tracing
        self.run_folder = folder / "run"
        self.gate = Gate(folder, is_exposed=seat.is_exposed)
        before = read_status(self.run_folder, seat.slot)
        # Counters go on where the slot's last worker ended, so that their sum over the workers never falls.
        self.counters = Counters(() if before is None else before.counts)
        self.engine = Engine(folder, self.counters, is_lean=seat.owns_process)
        name = f"w{seat.slot}-{os.getpid()}-{time.time_ns():x}"
        self.log = PredictionLog(folder / "log", name, terms=LogTerms(folder))
        self._label_log = LabelLog(folder / "labels", name)
        self.shadow = ShadowQueue(self.log, self.counters)
        kind = Router if tracing is None else TracedRouter
        timeout_seconds = read_target(folder).timeout_seconds
        self.router = kind(self.engine, self.log, self.shadow, self.counters, timeout_seconds=timeout_seconds)
        self.lane = Lane(self.engine, self.log, self.shadow, self.counters)
        self.labels = LabelDesk(self.engine, self._label_log, self.counters)
        self.explain = ExplainDesk(self.engine, self.counters)
        self.journal = Journal(self.engine, self.counters)
        self._tasks: list[asyncio.Task[None]] = []
        self._written: WorkerStatus | None = None

    async def start(self) -> None:
        """Load what is wanted, then go on pulling and telling in the background."""
        self.run_folder.mkdir(parents=True, exist_ok=True)
        self.journal.begin()
        # It gives signs of life from here on: to load many models takes longer than a supervisor waits for one.
        self._tasks = [asyncio.create_task(self._tell_for_ever())]
        await self.engine.pull()
        self.tell_status()
        self.journal.look()
        self._tasks.append(asyncio.create_task(self.engine.run()))

    async def close(self) -> None:
        """Answer what was accepted, write it down, and end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.shadow.drain()
        self.shadow.close()
        self.explain.close()
        self.engine.close()
        self.log.close()
        self._label_log.close()
        self.tell_status()
        self.journal.end()
        if self.tracing is not None:
            await asyncio.to_thread(self.tracing.close)

    def note_refusal(self, refused: Refused) -> None:
        """Note that a request was refused, where that is to be seen afterwards."""
        self.journal.note_refusal(refused)
        if self.tracing is not None:
            mark_span("holdtrue.code", refused.code.value)

    @property
    def status(self) -> WorkerStatus:
        """Return how this worker is."""
        return WorkerStatus(
            slot=self.seat.slot,
            pid=os.getpid(),
            nonce=self.seat.nonce,
            is_ready=self.engine.is_ready,
            revisions={name: served.traffic.revision for name, served in self.engine.served.items()},
            problems=self.engine.problems,
            counts=tuple(self.counters.dump()),
        )

    def tell_status(self) -> None:
        """Write the status file when something changed, else give a sign of life; a full disk is no reason to end."""
        status = self.status
        with contextlib.suppress(OSError):
            if status == self._written:
                touch_status(self.run_folder, self.seat.slot)
                return
            try:
                write_status(self.run_folder, status)
                self._written = status
            except OSError:
                touch_status(self.run_folder, self.seat.slot)

    def gather_statuses(self) -> list[WorkerStatus]:
        """Return the status of every slot of the project, this worker's own up to this moment."""
        self.tell_status()
        siblings = [status for status in read_statuses(self.run_folder) if status.slot != self.seat.slot]
        return [self._written or self.status, *siblings]

    async def _tell_for_ever(self) -> None:
        while True:
            await asyncio.sleep(STATUS_SECONDS)
            self.log.leave_ripe()
            self.tell_status()
            self.journal.look()
