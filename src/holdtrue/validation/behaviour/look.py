"""Look: how far the answers to some rows move as they must not; few rows first, more where few do not tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Json, Ruling, Verdict
from holdtrue.validation.behaviour.share import Share
from holdtrue.validation.candidate import Candidate

if TYPE_CHECKING:
    import polars as pl

# So many answers are asked for at the first look, and at the second.
FEW_ANSWERS = 24_000
MANY_ANSWERS = 120_000
TOLERANCE_SHARE = 0.01
# Answers to the same row differ by this much when it is scored in a batch of another size.
ROUNDING = 1e-9


class NoNumbers(Exception):
    """A candidate's answers are not all finite numbers, so that how far they move is not known."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen of some rows.

    Attributes:
        sizes: by how much each answer moved as it must not, shape (n_rows,); rows that could not be tried are left out.
        worst: the row with the largest, for people; empty where there are none.
    """

    sizes: NDArray[np.float64]
    worst: Mapping[str, Json]


def look_twice(
    look: Callable[[NDArray[np.int64]], Look], *, n_rows: int, n_answers: int, tolerance: float, allowed: float
) -> tuple[Share, Look]:
    """Return the share of rows that move by more than the tolerance, and what was seen of them.

    Args:
        look: takes positions of rows, shape (n_positions,).
        n_rows: how many rows there are.
        n_answers: how many answers a row costs.
        tolerance: how far an answer may move.
        allowed: the share of rows that may move further.

    Raises:
        NoNumbers: what `look` raises of answers that cannot be compared.
    """
    for n_most in (FEW_ANSWERS // n_answers, MANY_ANSWERS // n_answers):
        seen = look(spread_rows(n_rows, n_most))
        n_found = int((seen.sizes > tolerance + ROUNDING * max(1.0, tolerance)).sum())
        found = Share(n_found=n_found, n_rows=len(seen.sizes), allowed=allowed)
        if found.ruling is not Ruling.INCONCLUSIVE or n_rows <= n_most:
            break
    return found, seen


def ask(candidate: Candidate, rows: pl.DataFrame) -> NDArray[np.float64]:
    """Return a candidate's answers to changed rows; raises NoNumbers where they cannot be compared with others."""
    answers = candidate.score(rows)
    if not np.isfinite(answers).all():
        raise NoNumbers
    return answers


def refuse_answers(check: str, column: str) -> Verdict:
    """Return the verdict on a candidate whose answers are no numbers any more."""
    sentence = f"With other values of {column} the candidate's answers are not all finite numbers."
    return Verdict(check=check, ruling=Ruling.FAILED, sentence=sentence)


def spread_rows(n_rows: int, n_most: int) -> NDArray[np.int64]:
    """Return up to n_most positions, spread evenly over all rows.

    >>> spread_rows(5, 3).tolist()
    [0, 2, 4]
    """
    return np.unique(np.linspace(0, max(0, n_rows - 1), min(n_rows, n_most)).astype(np.int64))


def measure_moves(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each answer moved, shape (n_rows,): of several probabilities the one that moved most."""
    moves = np.abs(after - before)
    return np.asarray(moves.max(axis=1, initial=0.0) if moves.ndim == 2 else moves, dtype=np.float64)


def choose_tolerance(declared: float | None, candidate: Candidate, *, share: float = TOLERANCE_SHARE) -> float:
    """Return the declared tolerance, or this share of what answers range over: 1, or most of the training labels."""
    if declared is not None:
        return declared
    if candidate.rows.task.has_classes:
        return share
    labels = candidate.train.encoded_labels()
    low, high = np.nanquantile(labels, (0.05, 0.95)) if len(labels) else (0.0, 0.0)
    return share * float(high - low)


def show_move(
    before: NDArray[np.float64], after: NDArray[np.float64], *, row: int, candidate: Candidate
) -> dict[str, Json]:
    """Return one row's answer before and after: of several probabilities the one that moved most, with its class."""
    if before.ndim == 1:
        return {"answer": float(before[row]), "answer_after": float(after[row])}
    moves = np.abs(after[row] - before[row])
    place = 1 if len(moves) == 2 else int(moves.argmax())  # two classes move alike: the second is the one asked for
    classes = candidate.rows.classes
    return {
        "class": classes[place] if place < len(classes) else place,
        "answer": float(before[row, place]),
        "answer_after": float(after[row, place]),
    }
