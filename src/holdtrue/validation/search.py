"""Search: where does a candidate lose most? Sought on half of the days, to be confirmed on the other half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.validation.comparison import MIN_BLOCKS
from holdtrue.validation.slice import LEAST_ROWS, Cut, Slice, cross_cuts, cut_columns

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

N_FOUND = 10
N_PAIRED = 8
LEAST_SCORE = 1.0
# So much that the other half will most likely be able to confirm what is found.
ENOUGH_ROWS, ENOUGH_DAYS = int(1.5 * LEAST_ROWS), int(1.5 * MIN_BLOCKS)
SAME_ROWS = 0.8


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search found.

    Attributes:
        slices: those that stand out, the clearest first.
        is_wide: whether most rows lay in parts that could be looked at; where they did not, finding none says nothing.
    """

    slices: list[Slice]
    is_wide: bool


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """The half that is searched: value, day and block of its rows, and which rows they are among all."""

    values: Floats
    days: Integers
    blocks: Integers
    rows: NDArray[np.bool_]


def halve_days(days: Integers, *, block_days: int) -> tuple[NDArray[np.bool_], int]:
    """Return the rows to search, every other block of days, and the length of block that was used.

    Days that follow each other are alike, so blocks are as long as that takes, while each half keeps 8 of them.
    """
    since = days - days.min()
    length = max(1, min(block_days, (int(since.max()) + 1) // (2 * MIN_BLOCKS)))
    return (since // length) % 2 == 0, length


def find_slices(
    features: pl.DataFrame,
    *,
    reference: pl.DataFrame,
    days: Integers,
    length: int,
    searched: NDArray[np.bool_],
    values: Floats,
) -> Search:
    """Return the slices of one or two columns in which the mean of `values` stands out above 0.

    All columns are tried alone, and the 8 whose parts stand out most in pairs.

    Args:
        features: the columns, `n_rows` rows.
        reference: the rows that say what the parts of a column are.
        days: day of each row, shape (n_rows,).
        length: days of a block.
        searched: the rows that may be looked at; the slices returned hold others as well.
        values: what is sought to be high, such as the loss above that of the champion, shape (n_rows,).
    """
    since = days[searched] - days.min()
    seen = _Seen(values=values[searched], days=since, blocks=since // length, rows=searched)
    single = {name: cut_columns(features, [name], reference=reference) for name in features.columns}
    scores = {name: _score(cut, seen) for name, cut in single.items()}
    telling = sorted(single, key=lambda name: -scores[name].max())[:N_PAIRED]
    cuts = list(single.values())
    cuts += [cross_cuts(single[one], single[two]) for one, two in combinations(sorted(telling), 2)]
    all_scores = [*scores.values(), *(_score(cut, seen) for cut in cuts[len(single) :])]
    cells = [
        (score, cut, code) for cut, found in zip(cuts, all_scores, strict=True) for code, score in enumerate(found)
    ]
    cells = [cell for cell in cells if cell[0] >= LEAST_SCORE]
    # Of slices that stand out alike, the one of fewer columns is easier to understand.
    found = _choose_apart(sorted(cells, key=lambda cell: (-cell[0], len(cell[1].columns))), searched)
    return Search(slices=found, is_wide=any(_is_wide(cut, seen) for cut in single.values()))


def _is_wide(cut: Cut, seen: _Seen) -> bool:
    """Say whether a column tells rows apart, with most of them in parts that can be looked at."""
    counts, n_days = _count(cut, seen)
    return bool((counts > 0).sum() > 1 and 2 * counts[_is_enough(counts, n_days)].sum() > counts.sum())


def _count(cut: Cut, seen: _Seen) -> tuple[Floats, Integers]:
    """Return the rows of each part, and on how many days they lie."""
    codes, n_parts = cut.codes[seen.rows], len(cut.names)
    counts = np.bincount(codes, minlength=n_parts).astype(np.float64)
    return counts, (_sum_cells(codes, seen.days, np.ones(len(codes)), n_parts=n_parts) > 0).sum(axis=1)


def _is_enough(counts: Floats, n_days: Integers) -> NDArray[np.bool_]:
    return np.asarray((counts >= ENOUGH_ROWS) & (n_days >= ENOUGH_DAYS))


def _score(cut: Cut, seen: _Seen) -> Floats:
    """Return for each part how many standard errors its mean lies above 0; minus infinity where there is too little.

    The error is the larger of that of independent rows and that of independent blocks.
    """
    codes, n_parts = cut.codes[seen.rows], len(cut.names)
    counts, n_days = _count(cut, seen)
    safe = np.maximum(counts, 1)
    means = np.bincount(codes, weights=seen.values, minlength=n_parts) / safe
    centred = seen.values - means[codes]
    sums = _sum_cells(codes, seen.blocks, centred, n_parts=n_parts)
    by_row = np.bincount(codes, weights=centred**2, minlength=n_parts)
    errors = np.sqrt(np.maximum((sums**2).sum(axis=1), by_row)) / safe
    return np.where(_is_enough(counts, n_days) & (errors > 0), means / np.where(errors > 0, errors, 1.0), -np.inf)


def _sum_cells(codes: Integers, spans: Integers, values: Floats, *, n_parts: int) -> Floats:
    """Return the sum of the values of each part in each span of time, shape (n_parts, n_spans)."""
    n_spans = int(spans.max()) + 1
    sums = np.bincount(codes * n_spans + spans, weights=values, minlength=n_parts * n_spans)
    return np.asarray(sums.reshape(n_parts, n_spans), dtype=np.float64)


def _choose_apart(cells: Sequence[tuple[float, Cut, int]], searched: NDArray[np.bool_]) -> list[Slice]:
    chosen: list[Slice] = []
    for _, cut, code in cells:
        rows = cut.codes == code
        if all(_share(rows & searched, other.rows & searched) < SAME_ROWS for other in chosen):
            chosen.append(Slice(name=cut.names[code], rows=rows))
        if len(chosen) == N_FOUND:
            break
    return chosen


def _share(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    """Return how much two sets of rows have in common (Jaccard)."""
    return float((one & two).sum()) / max(1, int((one | two).sum()))
