"""Replay: what runs in the child process that stands in for a server: limits, loading, and rows one by one."""

import hashlib
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from holdtrue.domain import Json, ModelFormat, Signature
from holdtrue.errors import FormatRefused
from holdtrue.registry import Scorer, load_model
from holdtrue.validation.limits import limit_process

MOST_ROUNDS = 5
ROUNDS_SECONDS = 2.0  # no further round is begun after so long
ROWS_SECONDS = 10.0  # no further row is timed after so long


class Order(msgspec.Struct, frozen=True):
    """What a child is asked for; `asked_at` is the parent's monotonic clock, which is the whole machine's."""

    path: str
    sha256: str
    format: str
    signature: Any
    rows: list[list[Any]]
    memory_bytes: int
    seconds: int
    asked_at: float


class Replayed(msgspec.Struct, frozen=True):
    """What a child found.

    Attributes:
        cold_seconds: from being asked to the first answer: interpreter, imports, loading.
        processor_seconds: how much of that the processor worked for it; the rest is waiting, for a disk or for others.
        memory_bytes: the most that the process held.
        row_seconds: for each row that was timed the least time of its repeats.
        answers: for each row its numbers.
    """

    cold_seconds: float
    processor_seconds: float
    memory_bytes: int
    row_seconds: list[float]
    answers: list[list[float]]


def replay_rows(payload: Json) -> Json:
    """Load a model from its file and answer rows one by one, as a server does; return what it took."""
    order = msgspec.convert(payload, Order)
    limit_process(order.memory_bytes, order.seconds)
    data = Path(order.path).read_bytes()
    if hashlib.sha256(data).hexdigest() != order.sha256:
        raise FormatRefused("the model's file changed while it was looked at", expected="the bytes that were judged")
    scorer = load_model(data, ModelFormat(order.format), msgspec.convert(order.signature, Signature))
    scorer.score_rows(order.rows[:1])
    cold_seconds, processor_seconds = time.monotonic() - order.asked_at, time.process_time()
    row_seconds = time_rows(scorer, order.rows)
    answers = scorer.score_rows(order.rows).answers
    return msgspec.to_builtins(
        Replayed(
            cold_seconds=cold_seconds,
            processor_seconds=processor_seconds,
            memory_bytes=read_peak(),
            row_seconds=row_seconds,
            answers=[np.atleast_1d(answer).tolist() for answer in answers],
        )
    )


def time_rows(scorer: Scorer, rows: Sequence[Sequence[Any]]) -> list[float]:
    """Return for each row the least seconds of its repeats; rows that are not reached in time are left out."""
    began, least = time.perf_counter(), [float("inf")] * len(rows)
    for _ in range(MOST_ROUNDS):
        for place, row in enumerate(rows):
            start = time.perf_counter()
            if start - began > ROWS_SECONDS:
                break
            scorer.score_rows([row])
            least[place] = min(least[place], time.perf_counter() - start)
        if time.perf_counter() - began > ROUNDS_SECONDS:
            break
    return [seconds for seconds in least if seconds < float("inf")]


def read_peak() -> int:
    """Return the most bytes of memory that this process held.

    Linux carries `ru_maxrss` over from the parent that started it, so there the kernel's own mark is read.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
