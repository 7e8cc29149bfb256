"""Shapley: what each value of a row adds to its answer, by sampled orders of the values, with its standard error.

In a random order the values of a reference row are replaced by those of the row, one by one; what the answer moves by
at a value is that value's contribution in this order (Strumbelj and Kononenko 2014). Each order is used forwards and
backwards, which takes much of the variance away (Mitchell, Cooper, Frank and Holmes 2022). In each order the moves sum
to the difference between the row's answer and the reference row's, so their means sum to the answer less the base.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = Sequence[object]
Score = Callable[[Sequence[Values]], NDArray[np.float64]]
"""Answers rows with one number each, shape (n_rows,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ShapleyValues:
    """The contributions of one row.

    Attributes:
        values: of each feature, shape (n_features,); they sum to `answer` - `base`.
        errors: the standard error of each, shape (n_features,); nan where there was one order only.
        answer: the answer to the row.
        base: the mean answer to the reference rows that were used.
        n_calls: how many rows the model answered.
        n_references: how many reference rows were used.
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    answer: float
    base: float
    n_calls: int
    n_references: int


def sample_shapley(
    score: Score, row: Values, references: Sequence[Values], *, n_calls: int, rng: np.random.Generator
) -> ShapleyValues:
    """Return the sampled Shapley values of a row against reference rows.

    Every reference row that is used is used equally often, so that the sum is exact whatever the sample.

    Args:
        score: the model.
        row: the row's values.
        references: rows to compare with, at least one.
        n_calls: the most rows that the model is asked, beyond what one pair of orders needs.
        rng: draws references and orders.
    """
    n_features = len(row)
    inner = 2 * max(0, n_features - 1)
    affordable = max(1, (n_calls - 1) // (inner + 1))
    n_used = min(len(references), affordable)
    n_rounds = max(1, (n_calls - 1 - n_used) // max(1, inner * n_used)) if n_features > 1 else 1
    used = [references[place] for place in rng.permutation(len(references))[:n_used]]
    ends = score([row, *used])
    answer, starts = float(ends[0]), ends[1:]
    moves = [_move_round(score, row, used, starts, answer, rng) for _ in range(n_rounds)]
    table = np.concatenate(moves)
    errors = table.std(axis=0, ddof=1) / np.sqrt(len(table)) if len(table) > 1 else np.full(n_features, np.nan)
    return ShapleyValues(
        values=table.mean(axis=0),
        errors=errors,
        answer=answer,
        base=float(np.mean(starts)),
        n_calls=1 + n_used + n_rounds * n_used * inner,
        n_references=n_used,
    )


def _move_round(
    score: Score,
    row: Values,
    references: Sequence[Values],
    starts: NDArray[np.float64],
    answer: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the mean moves of one order and its reverse for each reference, shape (n_references, n_features)."""
    n_inner = len(row) - 1
    ways = [way for _ in references for order in [rng.permutation(len(row))] for way in (order, order[::-1])]
    walked = [_walk(row, references[i // 2], way) for i, way in enumerate(ways)]
    scored = score([mixed for walk in walked for mixed in walk]) if n_inner else np.zeros(0)
    paths = scored.reshape(len(ways), n_inner)
    moves = [_share_moves(np.array([starts[i // 2], *paths[i], answer]), way) for i, way in enumerate(ways)]
    means: NDArray[np.float64] = np.array(moves).reshape(len(references), 2, len(row)).mean(axis=1)
    return means


def _walk(row: Values, reference: Values, order: NDArray[np.int64]) -> list[list[object]]:
    """Return the rows between a reference and the row: after each replaced value but the last."""
    mixed, rows = list(reference), []
    for place in order[:-1].tolist():
        mixed[place] = row[place]
        rows.append(list(mixed))
    return rows


def _share_moves(path: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    moves = np.empty(len(order))
    moves[order] = np.diff(path)
    return moves
