"""Identity: a column that names rows should say nothing of how they turned out."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from holdtrue.validation.finding import Finding
from holdtrue.validation.single import score_feature
from holdtrue.validation.suspect import LEAST_SCORE, Sample, relate_ranks

# A code such as a postcode has meaning, so a part of a text has to tell (nearly) all; a remainder of a number has none.
PART_SCORE = 0.98
LEAST_DISTINCT = 0.9
# Row numbers that grow with time know what time knows.
IN_ORDER = 0.95
DIVISORS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 100)


def find_telling_name(sample: Sample) -> Finding | None:
    """Return the first column that differs in nearly every row and yet tells the label; None when there is none.

    It tells by its order (rows were numbered after they were sorted by the label), by the remainder of a number (odd
    numbers for one class), or by a part of a text (a first letter, a last digit, its length).
    """
    for name in sample.features.columns:
        column = sample.features[name]
        if column.dtype.is_float() or column.null_count() or column.n_unique() < LEAST_DISTINCT * len(column):
            continue
        for said, part, least in _take_parts(column, sample.time):
            score = score_feature(part, sample.labels, task=sample.task, n_classes=sample.n_classes)
            if score >= least:
                kind = f"{name} differs in every row, as a row number does, and yet {said} orders with the label"
                return Finding(columns=(name,), kind=kind, evidence={"part": said, "scores": {name: score}})
    return None


def _take_parts(column: pl.Series, time: pl.Series) -> Iterator[tuple[str, pl.Series, float]]:
    """Yield parts of the names, what they are called, and the score from which on they tell too much."""
    is_number = column.dtype.is_numeric()
    order = column if is_number else column.cast(pl.String).rank("dense").cast(pl.Int64)
    if relate_ranks(order, time.to_physical()) < IN_ORDER:
        yield "its order", order, LEAST_SCORE
    if is_number:
        for divisor in DIVISORS:
            yield f"its remainder by {divisor}", (column % divisor).cast(pl.String), LEAST_SCORE
        return
    texts = column.cast(pl.String)
    for n in (1, 2, 3):
        yield f"the text of its first {n}", texts.str.slice(0, n), PART_SCORE
        yield f"the text of its last {n}", texts.str.slice(-n), PART_SCORE
    yield "its length", texts.str.len_chars().cast(pl.Int64), PART_SCORE
