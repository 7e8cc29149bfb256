"""Service: does the candidate serve from its bytes alone, as it answered before, within its budgets?"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Json, Ruling, Serves, Signature, Verdict
from holdtrue.environments import ProcessEnvironment
from holdtrue.errors import HoldtrueError
from holdtrue.registry import StoredModel
from holdtrue.validation.behaviour.look import measure_moves, spread_rows
from holdtrue.validation.behaviour.replay import Order, Replayed
from holdtrue.validation.behaviour.trial import take_trial
from holdtrue.validation.candidate import Candidate

if TYPE_CHECKING:
    import polars as pl

ENTRY = "holdtrue.validation.behaviour.replay:replay_rows"
N_ROWS = 300
LEAST_ROWS = 100
N_STARTS = 3
# A process may reserve more than it holds, and below the least its libraries hang where they ought to end.
LIMIT_FACTOR = 2
LEAST_LIMIT_BYTES = 2 << 30
FREE_LIMIT_BYTES = 8 << 30  # where no budget is declared
TIMEOUT_SECONDS = 120
AGREEMENT = 1e-6
# As the servers do: a model that is asked for one row gains nothing by many threads.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Figures:
    """What serving takes: the least of all starts, since other work on the machine only adds."""

    p99_ms: float
    memory_mb: float
    cold_start_seconds: float
    size_mb: float
    processor_seconds: float

    def least(self, other: Figures) -> Figures:
        """Return the lesser of each figure."""
        names = [*UNITS, "processor_seconds"]
        return Figures(**{name: min(getattr(self, name), getattr(other, name)) for name in names})

    def find_breaches(self, check: Serves) -> dict[str, str]:
        """Return a phrase for each figure beyond its budget."""
        budgets = {name: getattr(check, name) for name in UNITS}
        return {
            name: f"{getattr(self, name):.3g}{unit} {said}, where {budgets[name]:g}{unit} are allowed"
            for name, (unit, said) in UNITS.items()
            if budgets[name] is not None and getattr(self, name) > budgets[name]
        }


UNITS = {
    "p99_ms": (" ms", "for a row (p99)"),
    "size_mb": (" MB", "of bytes"),
    "memory_mb": (" MB", "of memory"),
    "cold_start_seconds": (" s", "to the first answer"),
}
TIMED = {"p99_ms", "cold_start_seconds"}


def judge_service(check: Serves, candidate: Candidate) -> Verdict:
    """Return whether the candidate, loaded from its bytes in a clean process, answers as before and within budgets.

    A start that is beyond a budget is tried up to three times, and the least of each figure counts: other work on the
    machine only adds to it. A start that is late though the processor worked little for it is inconclusive. A child
    that dies, is stopped or refuses the bytes is a failed check with its reason.
    """
    if candidate.model is None or candidate.signature is None:
        sentence = "Not enough data: need the candidate's bytes; it is here in memory only."
        return Verdict(check=check.name, ruling=Ruling.INCONCLUSIVE, sentence=sentence)
    frame = choose_rows(candidate)
    if frame.height < LEAST_ROWS:
        sentence = f"Not enough data: need at least {LEAST_ROWS} rows to replay, found {frame.height}."
        return Verdict(check=check.name, ruling=Ruling.INCONCLUSIVE, sentence=sentence)
    rows = [list(row) for row in frame.select(candidate.signature.schema.names).rows()]
    try:
        figures, answers = try_starts(check, candidate.model, candidate.signature, rows)
    except HoldtrueError as problem:
        sentence = f"The candidate does not serve from its bytes: {problem}"
        return Verdict(check=check.name, ruling=Ruling.FAILED, sentence=sentence)
    return _rule(check, figures, _measure_difference(candidate, frame, answers), n_rows=len(rows))


def choose_rows(candidate: Candidate) -> pl.DataFrame:
    """Return recorded rows to replay; those that JSON cannot say (infinite numbers) are left out."""
    import polars as pl
    from polars import selectors

    features = take_trial(candidate).features
    is_finite = ~pl.any_horizontal(pl.lit(False), selectors.float().is_infinite().fill_null(False))
    rows = features[spread_rows(features.height, N_ROWS)]
    return rows.filter(is_finite)


def try_starts(
    check: Serves, model: StoredModel, signature: Signature, rows: Sequence[list[Any]]
) -> tuple[Figures, NDArray[np.float64]]:
    """Return the least of each figure, of as many starts as it takes to meet the budgets, and the last's answers."""
    replayed = start_child(check, model, signature, rows)
    figures = _read_figures(replayed, len(model.data))
    for _ in range(N_STARTS - 1):
        if not TIMED & figures.find_breaches(check).keys():
            break
        replayed = start_child(check, model, signature, rows)
        figures = figures.least(_read_figures(replayed, len(model.data)))
    return figures, np.asarray(replayed.answers, dtype=np.float64)


def start_child(check: Serves, model: StoredModel, signature: Signature, rows: Sequence[list[Any]]) -> Replayed:
    """Return what a fresh child found; raises what the loading or answering raised there, or how the child died."""
    limit = FREE_LIMIT_BYTES
    if check.memory_mb is not None:
        limit = max(LEAST_LIMIT_BYTES, int(LIMIT_FACTOR * check.memory_mb * 1e6))
    with (
        tempfile.TemporaryDirectory(prefix="holdtrue-") as folder,
        ProcessEnvironment(n_children=1, variables=ONE_THREAD) as child,
    ):
        path = Path(folder) / "model"
        path.write_bytes(model.data)
        order = Order(
            path=str(path),
            sha256=hashlib.sha256(model.data).hexdigest(),
            format=model.format.value,
            signature=msgspec.to_builtins(signature),
            rows=list(rows),
            memory_bytes=limit,
            seconds=TIMEOUT_SECONDS,
            asked_at=time.monotonic(),
        )
        work = child.submit(ENTRY, msgspec.to_builtins(order), timeout_seconds=TIMEOUT_SECONDS)
        return msgspec.convert(work.result(), Replayed)


def _read_figures(replayed: Replayed, n_bytes: int) -> Figures:
    return Figures(
        p99_ms=1e3 * float(np.quantile(replayed.row_seconds, 0.99)),
        memory_mb=replayed.memory_bytes / 1e6,
        cold_start_seconds=replayed.cold_seconds,
        size_mb=n_bytes / 1e6,
        processor_seconds=replayed.processor_seconds,
    )


def _measure_difference(candidate: Candidate, frame: pl.DataFrame, answers: NDArray[np.float64]) -> float:
    """Return the largest difference from the answers given here, as a share of their size where that is above 1."""
    given = candidate.score(frame)
    moves = measure_moves(given, answers.reshape(given.shape))
    return float(moves.max(initial=0.0) / max(1.0, float(np.abs(given).max(initial=0.0))))


def _rule(check: Serves, figures: Figures, difference: float, *, n_rows: int) -> Verdict:
    found = figures.find_breaches(check)
    breaches, late = list(found.values()), found.get("cold_start_seconds")
    if np.isnan(difference):
        breaches.insert(0, "answers that are not all numbers")
    elif difference > AGREEMENT:
        breaches.insert(0, f"answers that differ by up to {difference:.3g} from those given before")
    evidence: dict[str, Json] = {name: getattr(figures, name) for name in UNITS}
    evidence |= {f"{name}_budget": getattr(check, name) for name in UNITS}
    evidence |= {
        "n_rows": n_rows,
        "largest_difference": None if np.isnan(difference) else difference,
        "processor_seconds": figures.processor_seconds,
    }
    took = ", ".join(f"{getattr(figures, name):.3g}{unit} {said}" for name, (unit, said) in UNITS.items())
    if breaches == [late] and figures.processor_seconds <= (check.cold_start_seconds or 0.0):
        worked = f"the processor worked {figures.processor_seconds:.3g} s for it"
        sentence = f"Not enough data: need a start on a machine that is less busy. It takes {late}; {worked}."
        return Verdict(check=check.name, ruling=Ruling.INCONCLUSIVE, sentence=sentence, evidence=evidence)
    if breaches:
        sentence = f"In a process of its own the candidate has {'; '.join(breaches)}."
        return Verdict(check=check.name, ruling=Ruling.FAILED, sentence=sentence, evidence=evidence)
    sentence = f"In a process of its own the candidate gives the same {n_rows:,} answers: {took}."
    return Verdict(check=check.name, ruling=Ruling.PASSED, sentence=sentence, evidence=evidence)
