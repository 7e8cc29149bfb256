"""Speed: how long a version takes for one row alone, and how many rows of a batch it answers in a second."""

import time
from dataclasses import dataclass
from statistics import median

import polars as pl

from holdtrue.data import conform
from holdtrue.registry import Scorer

N_ALONE = 50
N_BATCH = 20_000
N_BATCHES = 9
SECONDS_MOST = 2.0


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What was measured: `row_ms` is the median of single rows, `rows_a_second` the fastest of some batches.

    What else the machine does only ever slows a batch down, so the fastest says most of the version. None without rows.
    """

    row_ms: float | None
    rows_a_second: float | None


def measure_speed(scorer: Scorer, frame: pl.DataFrame) -> Speed:
    """Return how fast a version answers these rows on this machine, in at most a few seconds."""
    if not frame.height:
        return Speed(row_ms=None, rows_a_second=None)
    rows = conform(frame.head(N_BATCH), scorer.signature.schema)
    plain = rows.head(N_ALONE).rows()
    scorer.score_rows(plain[:1])  # the first answer pays for what is made once
    taken: list[float] = []
    for row in plain:
        began = time.perf_counter()
        scorer.score_rows([row])
        taken.append(time.perf_counter() - began)
        if sum(taken) > SECONDS_MOST:
            break
    batches = [_time_batch(scorer, rows)]
    while len(batches) < N_BATCHES and sum(batches) < SECONDS_MOST:
        batches.append(_time_batch(scorer, rows))
    return Speed(row_ms=median(taken) * 1e3, rows_a_second=rows.height / max(1e-9, min(batches)))


def _time_batch(scorer: Scorer, rows: pl.DataFrame) -> float:
    began = time.perf_counter()
    scorer.score(rows)
    return time.perf_counter() - began
