"""Trial: what runs in the child that meets a model from outside first: limits, then loading, then answers."""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Json, ModelFormat, Signature, Task
from holdtrue.errors import FormatRefused
from holdtrue.registry import dump_model, load_model
from holdtrue.validation.limits import limit_process

MEMORY_BYTES = 4 << 30
AGREEMENT = 1e-6


def try_model(payload: Json) -> Json:
    """Load a model and return its answers to the sample, a list of numbers for each row."""
    limit_process(MEMORY_BYTES, int(payload["seconds"]))
    data = Path(payload["path"]).read_bytes()
    if hashlib.sha256(data).hexdigest() != payload["sha256"]:
        raise FormatRefused("the file changed while it was looked at", expected="the bytes that were checked")
    signature = msgspec.convert(payload["signature"], Signature)
    scorer = load_model(data, ModelFormat(payload["format"]), signature)
    rows = payload["sample"]
    as_frame = scorer.score(rows)
    as_rows = scorer.score_rows([[row[name] for name in signature.schema.names] for row in rows]).answers
    _compare(as_frame, as_rows)
    if signature.task.has_classes:
        _check_probabilities(as_frame)
    return [np.atleast_1d(row).tolist() for row in as_frame]


def convert_model(payload: Json) -> Json:
    """Unpickle a model, which runs the code in the file, and return it as bytes of a safe format."""
    limit_process(MEMORY_BYTES, int(payload["seconds"]))
    import joblib

    try:
        estimator = joblib.load(payload["path"])
    except Exception as error:  # the file's own code may raise anything
        raise FormatRefused(
            f"the file cannot be unpickled here ({type(error).__name__}: {error})",
            expected="a pickle, joblib or cloudpickle file, and the packages that it was made with",
            remedy="convert it in the environment in which it was trained",
        ) from error
    return msgspec.to_builtins(dump_model(estimator, task=Task(payload["task"]), n_features=0).data)


def _compare(as_frame: NDArray[np.float64], as_rows: NDArray[np.float64]) -> None:
    difference = float(np.max(np.abs(as_frame - as_rows), initial=0.0))
    if not difference <= AGREEMENT:
        raise FormatRefused(
            f"the model answers a frame and the same plain rows differently (by up to {difference:.3g})",
            expected=f"a difference of at most {AGREEMENT:g}",
        )


def _check_probabilities(answers: NDArray[np.float64]) -> None:
    sums = answers.sum(axis=1)
    if len(answers) and (answers.min() < -AGREEMENT or np.abs(sums - 1).max() > 1e-3):
        raise FormatRefused(
            f"the model's answers are no probabilities (the first are {answers[0].tolist()})",
            expected="a probability of each class, summing to 1",
            remedy="export the model with its probabilities, not with raw scores",
        )
