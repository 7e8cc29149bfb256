"""Shadow: asks the version that did not answer, off the reply path; what finds no room is dropped and counted."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from holdtrue.domain import Prediction, Role, tell_failed
from holdtrue.errors import StoreFailed
from holdtrue.serving.answer.answer import make_prediction
from holdtrue.serving.answer.batcher import Outcome, Values, score_apart
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop
from holdtrue.serving.counts.counter import Counters, Metric
from holdtrue.serving.log import PredictionLog
from holdtrue.serving.request.body import Record
from holdtrue.serving.request.refusal import Refused
from holdtrue.serving.request.row import Event, Row

QUEUE_ROWS = 4_096
BATCH_ROWS = 64
GATHER_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class ShadowJob:
    """A row that was answered, and the version that is to be asked too.

    `asked` is the row as that version takes it, either read already or the record that it is to be read from.
    """

    served: ServedLoop
    version: LoadedVersion
    asked: Record | Row
    answered: Prediction


class ShadowQueue:
    """Asks shadow versions. Nobody waits for it, and it never holds a reply up.

    Rows are gathered for a moment and asked together: most requests then find the interpreter to themselves. A slow
    model is asked in a thread of its own.
    """

    def __init__(self, log: PredictionLog, counters: Counters, *, queue_rows: int = QUEUE_ROWS) -> None:
        self._log = log
        self._counters = counters
        self._queue_rows = queue_rows
        self._jobs: deque[ShadowJob] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shadow")
        self._runner: asyncio.Task[None] | None = None
        self._is_draining = asyncio.Event()

    def offer(self, job: ShadowJob) -> None:
        """Take a row, or drop and count it when too many wait."""
        if len(self._jobs) >= self._queue_rows:
            self._drop([job], "queue_full")
            return
        self._jobs.append(job)
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())

    async def drain(self) -> None:
        """Wait until nothing waits."""
        self._is_draining.set()
        while self._runner is not None:
            await asyncio.wait([self._runner])
        self._is_draining.clear()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _run(self) -> None:
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_draining.wait(), GATHER_SECONDS)
            while self._jobs:
                first = self._jobs[0].version
                batch: list[ShadowJob] = []
                while self._jobs and self._jobs[0].version is first and len(batch) < BATCH_ROWS:
                    batch.append(self._jobs.popleft())
                await self._answer(first, batch)
        finally:
            self._runner = None

    async def _answer(self, version: LoadedVersion, batch: Sequence[ShadowJob]) -> None:
        started = time.perf_counter()
        jobs, rows = self._read(version, batch)
        if not jobs:
            return
        values = [row.values for row in rows]
        outcomes = await self._score(version, values)
        latency_ms = (time.perf_counter() - started) * 1_000
        # A row that the version fails on is logged without an answer: that it failed is evidence too.
        predictions = [
            _shadow_prediction(job, row, outcome, latency_ms)
            for job, row, outcome in zip(jobs, rows, outcomes, strict=True)
        ]
        self._drop([job for job, outcome in zip(jobs, outcomes, strict=True) if _has_failed(outcome)], "failed")
        try:
            await self._log.write(predictions)
        except StoreFailed:
            self._drop([job for job, o in zip(jobs, outcomes, strict=True) if not _has_failed(o)], "log_full")
            return
        n_answered = sum(not _has_failed(outcome) for outcome in outcomes)
        if n_answered:
            name = f"v{version.number}"
            self._counters.add(Metric.ROWS, predictions[0].loop, name, Role.SHADOW.value, amount=n_answered)

    async def _score(self, version: LoadedVersion, values: Sequence[Values]) -> list[Outcome]:
        if version.is_fast:
            return score_apart(version.answer, values)
        return await asyncio.get_running_loop().run_in_executor(self._thread, score_apart, version.answer, values)

    def _read(self, version: LoadedVersion, batch: Sequence[ShadowJob]) -> tuple[list[ShadowJob], list[Row]]:
        jobs, rows = [], []
        for job in batch:
            try:
                row = job.asked if isinstance(job.asked, Row) else _read_record(job, job.asked)
            except Refused:
                self._drop([job], "refused")
                continue
            jobs.append(job)
            rows.append(row)
        return jobs, rows

    def _drop(self, jobs: Sequence[ShadowJob], why: str) -> None:
        for job in jobs:
            self._counters.add(Metric.SHADOW_DROPPED, job.answered.loop, f"v{job.version.number}", why)


def _read_record(job: ShadowJob, record: Record) -> Row:
    return job.version.read(record.fields, record.place, known=job.served.known_names, time=job.answered.time)


def _has_failed(outcome: Outcome) -> bool:
    return isinstance(outcome, Exception)


def _shadow_prediction(job: ShadowJob, row: Row, outcome: Outcome, latency_ms: float) -> Prediction:
    answered = job.answered
    failed = f"{tell_failed(job.version.number)}: {outcome}"[:500] if isinstance(outcome, Exception) else None
    return make_prediction(
        job.version,
        row,
        () if isinstance(outcome, Exception) else outcome,
        event=Event(answered.key, answered.unit, answered.time),
        prediction_id=answered.prediction_id,
        role=Role.SHADOW,
        fallback=failed,
        probability=answered.probability,
        traffic_revision=answered.traffic_revision,
        latency_ms=latency_ms,
        received_at=answered.received_at,
    )
