"""Slices: named parts of the evaluation rows, cut by the values of one or more columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import ColumnCut

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
    return cut_rows(frame, [settle_cut(reference if name in reference.columns else frame, name) for name in columns])


def settle_cut(reference: pl.DataFrame, column: str) -> ColumnCut:
    """Return how the values of a column are told apart, as these rows settle it."""
    values = reference[column]
    is_number = values.dtype.is_numeric()
    if is_number and values.n_unique() > FEW_NUMBERS:
        known = _take_numbers(values)
        edges = np.unique(np.quantile(known[np.isfinite(known)], np.arange(1, N_PARTS) / N_PARTS))
        return ColumnCut(column=column, edges=tuple(edges.tolist()))
    counts = values.cast(pl.String).drop_nulls().value_counts(sort=True, name="n_rows")
    common = counts.filter(counts["n_rows"] >= LEAST_SHARE * len(values))[column].head(MOST_LEVELS).to_list()
    return ColumnCut(column=column, levels=tuple(common), is_number=is_number)


def cut_rows(frame: pl.DataFrame, cuts: Sequence[ColumnCut]) -> Cut:
    """Return the rows told apart by settled cuts of one or more columns at once."""
    found = [_cut_column(frame[cut.column], cut) for cut in cuts]
    whole = found[0]
    for each in found[1:]:
        whole = cross_cuts(whole, each)
    return whole


def cross_cuts(one: Cut, two: Cut) -> Cut:
    """Return the rows told apart by both."""
    names = tuple(f"{first} and {second}" for first in one.names for second in two.names)
    codes = one.codes * len(two.names) + two.codes
    return Cut(columns=(*one.columns, *two.columns), codes=codes, names=names)


def _cut_column(column: pl.Series, cut: ColumnCut) -> Cut:
    if cut.edges is not None:
        return _cut_numbers(column, cut.edges)
    texts = column.cast(pl.String)
    is_missing = texts.is_null()
    levels: list[str] | list[float] = list(cut.levels)
    if cut.is_number:
        # A log may hold 1 where the table held 1.0.
        texts, levels = column.cast(pl.Float64, strict=False), [float(level) for level in cut.levels]
    n_levels = len(levels)
    places = texts.replace_strict(levels, range(n_levels), default=n_levels, return_dtype=pl.Int64)
    codes = pl.select(pl.when(is_missing).then(n_levels + 1).otherwise(places)).to_series().to_numpy()
    names = tuple(f"{column.name} = {level}" for level in [*cut.levels, OTHERS, MISSING])
    return Cut(columns=(column.name,), codes=codes.astype(np.int64), names=names)


def _cut_numbers(column: pl.Series, ends: Sequence[float]) -> Cut:
    edges = np.array(ends)
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
    return column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def find_unknown(entries: Sequence[Sequence[str]], columns: Sequence[str]) -> str | None:
    """Say which of the named columns these rows do not have; None when they have all."""
    unknown = sorted({name for entry in entries for name in entry} - set(columns))
    return f"There is no column {unknown[0]!r} to slice by; there are {', '.join(columns)}." if unknown else None
