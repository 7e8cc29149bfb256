"""Slices: named parts of the evaluation rows, cut by the values of one or more columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

# Losses of few rows are skewed, and a family of slices asks for the far tails of their mean.
LEAST_ROWS = 100
LEAST_SHARE = 0.01
MOST_LEVELS = 50
FEW_NUMBERS = 10
N_PARTS = 4
MISSING, OTHERS = "missing", "other values"

Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """Some of the rows.

    Attributes:
        name: what they have in common, such as "carrier = UA".
        rows: which rows they are, shape (n_rows,).
    """

    name: str
    rows: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """Rows told apart by a column, or by several at once.

    Attributes:
        columns: whose values tell them apart.
        codes: the part that each row is in, shape (n_rows,).
        names: of each part.
    """

    columns: tuple[str, ...]
    codes: Codes
    names: tuple[str, ...]

    def slices(self) -> list[Slice]:
        """Return the parts that hold rows."""
        held = np.unique(self.codes)
        return [Slice(name=self.names[code], rows=self.codes == code) for code in held]


def cut_columns(frame: pl.DataFrame, columns: Sequence[str], *, reference: pl.DataFrame) -> Cut:
    """Return the rows told apart by all of these columns at once.

    What the parts are is settled by the reference (the training rows), so that no evaluation row has a say: the levels
    that make up a hundredth of it, quarters of a number's range, missing values, and all others together.
    """
    cuts = [_cut_column(frame[name], reference[name] if name in reference.columns else frame[name]) for name in columns]
    whole = cuts[0]
    for cut in cuts[1:]:
        whole = cross_cuts(whole, cut)
    return whole


def cross_cuts(one: Cut, two: Cut) -> Cut:
    """Return the rows told apart by both."""
    names = tuple(f"{first} and {second}" for first in one.names for second in two.names)
    codes = one.codes * len(two.names) + two.codes
    return Cut(columns=(*one.columns, *two.columns), codes=codes, names=names)


def _cut_column(column: pl.Series, reference: pl.Series) -> Cut:
    if reference.dtype.is_numeric() and reference.n_unique() > FEW_NUMBERS:
        return _cut_numbers(column, reference)
    texts, known = column.cast(pl.String), reference.cast(pl.String)
    counts = known.drop_nulls().value_counts(sort=True, name="n_rows")
    common = counts.filter(counts["n_rows"] >= LEAST_SHARE * len(reference))[reference.name].head(MOST_LEVELS).to_list()
    places = texts.replace_strict(common, range(len(common)), default=len(common), return_dtype=pl.Int64)
    codes = pl.select(pl.when(texts.is_null()).then(len(common) + 1).otherwise(places)).to_series().to_numpy()
    names = tuple(f"{column.name} = {level}" for level in [*common, OTHERS, MISSING])
    return Cut(columns=(column.name,), codes=codes.astype(np.int64), names=names)


def _cut_numbers(column: pl.Series, reference: pl.Series) -> Cut:
    known = _take_numbers(reference)
    edges = np.unique(np.quantile(known[np.isfinite(known)], np.arange(1, N_PARTS) / N_PARTS))
    values = _take_numbers(column)
    codes = np.where(np.isfinite(values), np.searchsorted(edges, values, side="left"), len(edges) + 1)
    said = [f"{edge:.6g}" for edge in edges]
    between = [f"{column.name} above {low}, up to {high}" for low, high in pairwise(said)]
    names = (
        f"{column.name} up to {said[0]}",
        *between,
        f"{column.name} above {said[-1]}",
        f"{column.name} = {MISSING}",
    )
    return Cut(columns=(column.name,), codes=codes.astype(np.int64), names=names)


def _take_numbers(column: pl.Series) -> NDArray[np.float64]:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def find_unknown(entries: Sequence[Sequence[str]], columns: Sequence[str]) -> str | None:
    """Say which of the named columns is no feature; None when all are."""
    unknown = sorted({name for entry in entries for name in entry} - set(columns))
    return f"There is no feature {unknown[0]!r} to slice by; there are {', '.join(columns)}." if unknown else None
