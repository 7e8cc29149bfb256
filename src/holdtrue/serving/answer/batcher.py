"""Batcher: one queue for each loaded version; all that came in while the model was busy is answered in one call.

There is no timer and no knob: an idle model answers one row at once, a busy one finds its next batch waiting. A model
that answers within a millisecond is called on the event loop itself for a few rows: a thread would cost more.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = Sequence[object]
Score = Callable[[Sequence[Values]], NDArray[np.float64]]
Outcome = tuple[float, ...] | Exception
"""The answer of one row, or why the model gave none."""

QUEUE_ROWS = 2_048
BATCH_ROWS = 512
INLINE_ROWS = 64


@dataclass(frozen=True, slots=True)
class _Job:
    rows: Sequence[Values]
    outcomes: "asyncio.Future[list[Outcome]]"


class Batcher:
    """Feeds one model, one batch at a time.

    Args:
        score: answers rows; runs in `executor`, never twice at once for this batcher.
        executor: the thread that models run in.
        is_inline: says whether the model is so fast that the event loop may wait for a few rows; more go to the thread.
        queue_rows: how many rows may wait; see `has_room`.
    """

    def __init__(
        self,
        score: Score,
        executor: Executor,
        *,
        queue_rows: int = QUEUE_ROWS,
        is_inline: Callable[[], bool] = lambda: False,
    ) -> None:
        self._score = score
        self._executor = executor
        self._queue_rows = queue_rows
        self._is_inline = is_inline
        self._jobs: deque[_Job] = deque()
        self._n_waiting = 0
        self._runner: asyncio.Task[None] | None = None

    @property
    def n_waiting(self) -> int:
        """Return how many rows wait for the model."""
        return self._n_waiting

    def has_room(self, n_rows: int) -> bool:
        """Say whether so many rows may join the queue; an empty queue takes any request."""
        return not self._n_waiting or self._n_waiting + n_rows <= self._queue_rows

    def score(self, rows: Sequence[Values]) -> "asyncio.Future[list[Outcome]]":
        """Queue rows (plain values in the schema's order) and return their answers to come.

        They count as waiting from here on. A row that the model fails on fails alone.
        """
        job = _Job(rows, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._n_waiting += len(rows)
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return job.outcomes

    async def _run(self) -> None:
        try:
            while jobs := self._take_jobs():
                rows = [row for job in jobs for row in job.rows]
                outcomes = await self._answer(rows)
                start = 0
                for job in jobs:
                    # A client that hung up has cancelled its future; the others still wait for theirs.
                    if not job.outcomes.done():
                        job.outcomes.set_result(outcomes[start : start + len(job.rows)])
                    start += len(job.rows)
        finally:
            self._runner = None

    async def _answer(self, rows: Sequence[Values]) -> list[Outcome]:
        if len(rows) <= INLINE_ROWS and self._is_inline():
            return score_apart(self._score, rows)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, score_apart, self._score, rows)
        except RuntimeError as error:  # the executor was shut down: say so rather than leave them waiting
            return [error] * len(rows)

    def _take_jobs(self) -> list[_Job]:
        """Take what waits, whole requests at a time, until a batch is full."""
        jobs: list[_Job] = []
        n_rows = 0
        while self._jobs and (not jobs or n_rows + len(self._jobs[0].rows) <= BATCH_ROWS):
            job = self._jobs.popleft()
            self._n_waiting -= len(job.rows)
            if not job.outcomes.done():
                jobs.append(job)
                n_rows += len(job.rows)
        return jobs


def score_apart(score: Score, rows: Sequence[Values]) -> list[Outcome]:
    """Answer rows in one call; when it fails, halve until the rows that it fails on stand alone."""
    try:
        answers = np.asarray(score(rows), dtype=np.float64).reshape(len(rows), -1)
    except Exception as error:  # a model is foreign code: whatever it raises, the server goes on
        if len(rows) == 1:
            return [error]
        middle = len(rows) // 2
        return score_apart(score, rows[:middle]) + score_apart(score, rows[middle:])
    return [tuple(answer) for answer in answers.tolist()]
