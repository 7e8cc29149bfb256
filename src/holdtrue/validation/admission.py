"""Admission: a model from outside is loaded for the first time in a child process with limits, never in this one.

Native libraries end their process on changed files, and a file can ask for any amount of memory. So the order is: size,
digest, container, what may be built, then the child, then its answers to rows of the table.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from holdtrue.domain import Json, Signature, Task
from holdtrue.environments import ProcessEnvironment
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry import StoredModel, check_model

MAX_BYTES = 512 << 20
TRY_SECONDS = 60.0
CONVERT_SECONDS = 300.0
TRY_ENTRY = "holdtrue.validation.trial:try_model"
CONVERT_ENTRY = "holdtrue.validation.trial:convert_model"


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """A model that may be registered: its bytes, and what it answered to the rows that it was tried on."""

    stored: StoredModel
    sample: tuple[Mapping[str, Json], ...]
    answers: tuple[tuple[float, ...], ...]


def admit_model(data: bytes, *, signature: Signature, sample: pl.DataFrame) -> Admitted:
    """Return a model from outside once it has proved itself.

    Args:
        data: the bytes of its file, untrusted.
        signature: what it must take and give.
        sample: rows with the features of the signature; it must answer them, as a frame and as plain rows alike.

    Raises:
        FormatRefused: it is too large, a pickle, of no known format, holds what may not be built, ended the child or
            used it up, or did not answer as the signature says.
    """
    check_size(len(data))
    found = check_model(data)
    rows = tuple(sample.select(signature.schema.names).to_dicts())
    payload = {
        "sha256": hashlib.sha256(data).hexdigest(),
        "format": found.value,
        "signature": msgspec.to_builtins(signature),
        "sample": list(rows),
    }
    answers = run_limited(TRY_ENTRY, data, payload, seconds=TRY_SECONDS)
    return Admitted(
        stored=StoredModel(format=found, data=data), sample=rows, answers=tuple(tuple(row) for row in answers)
    )


def convert_model(data: bytes, *, task: Task) -> bytes:
    """Return a pickled scikit-learn, LightGBM or XGBoost model in a safe format. THIS RUNS THE CODE IN THE FILE.

    It runs in a child with limits on memory and time, but with all that this user may do: for files of one's own only.

    Raises:
        FormatRefused: it is no pickle, or holds what cannot be stored safely.
    """
    check_size(len(data))
    encoded = run_limited(CONVERT_ENTRY, data, {"task": task.value}, seconds=CONVERT_SECONDS)
    return msgspec.convert(encoded, bytes)


def check_size(n_bytes: int) -> None:
    """Refuse a model file that is larger than any that is taken."""
    if n_bytes > MAX_BYTES:
        raise FormatRefused(f"the model file has {n_bytes:,} bytes", expected=f"at most {MAX_BYTES:,}")


def run_limited(entry: str, data: bytes, payload: Mapping[str, Json], *, seconds: float) -> Json:
    """Run an entry of `holdtrue.validation.trial` on bytes in a child of its own, which sets its limits first."""
    with (
        tempfile.TemporaryDirectory(prefix="holdtrue-") as folder,
        ProcessEnvironment(n_children=1, variables={"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}) as child,
    ):
        file = Path(folder) / "model"
        file.write_bytes(data)
        work = child.submit(entry, {**payload, "path": str(file), "seconds": seconds}, timeout_seconds=2 * seconds)
        try:
            return work.result()
        except TrainingFailed as problem:
            raise _refuse(problem) from problem


def _refuse(problem: TrainingFailed) -> FormatRefused:
    said = problem.traceback_text.strip().splitlines() if "ended" in problem.found else []
    last = f" Its last words: {said[-1][:200]}" if said else ""
    return FormatRefused(
        f"the model was tried in a child process and refused: {problem.found.rstrip('.')}.{last}",
        expected=problem.expected,
        remedy="save the model again where it was trained, and check that it loads there",
    )
