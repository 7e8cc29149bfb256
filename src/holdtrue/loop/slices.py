"""Slices of a loop: told apart where a version is judged, and again in its log, in a replay and in a watched log."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import History
from holdtrue.domain import ColumnCut, Loss, SliceCut
from holdtrue.errors import ColumnMissing
from holdtrue.monitoring import Parts, SliceRows, measure_slices
from holdtrue.validation import cut_rows, settle_cut

Entries = Sequence[tuple[str, ...]]


def check_slices(entries: Entries, history: History) -> None:
    """Refuse slices by a column that the rows do not have.

    Raises:
        ColumnMissing: as said.
    """
    for name in (name for entry in entries for name in entry):
        if name not in history.given_names:
            raise ColumnMissing(
                f"monitor= slices by {name!r}, which is no column that these rows bring",
                expected=f"one of {', '.join(history.given_names)}",
            )


def settle_slices(
    entries: Entries,
    *,
    reference: pl.DataFrame,
    judged: pl.DataFrame,
    losses: NDArray[np.float64],
    days: NDArray[np.int64],
    loss: Loss,
) -> tuple[SliceCut, ...]:
    """Return how declared slices are told apart, and what each lost on the rows that a version was judged by.

    Args:
        entries: the declared columns.
        reference: the features of the rows that it learned from: they settle what the slices are.
        judged: the features of the rows that it was judged by.
        losses: what it lost there, shape (n_rows,).
        days: day of each of these rows, shape (n_rows,).
        loss: what answers are judged by.
    """
    cuts = [
        tuple(settle_cut(reference if name in reference.columns else judged, name) for name in entry)
        for entry in entries
        if all(name in judged.columns for name in entry)
    ]
    if not len(losses):
        return tuple(SliceCut(cuts=cut, references=()) for cut in cuts)
    parts = [tell_parts(judged, cut) for cut in cuts]
    found = measure_slices(losses, days=days, entries=parts, high=loss.high)
    return tuple(SliceCut(cuts=cut, references=references) for cut, references in zip(cuts, found, strict=True))


def cut_slices(frame: pl.DataFrame, slices: Sequence[SliceCut]) -> tuple[SliceRows, ...]:
    """Return rows told apart as they were where a version was judged; a column that is not there is missing."""
    return tuple(SliceRows(parts=tell_parts(frame, each.cuts), references=each.references) for each in slices)


def take_rows(
    rows: Sequence[SliceRows], chosen: NDArray[np.bool_] | NDArray[np.int64] | slice
) -> tuple[SliceRows, ...]:
    """Return the chosen rows of each entry, in the order in which they are named."""
    return tuple(
        SliceRows(parts=Parts(codes=each.parts.codes[chosen], names=each.parts.names), references=each.references)
        for each in rows
    )


def read_features(features: pl.Series, slices: Sequence[SliceCut]) -> pl.DataFrame:
    """Return the columns that slices go by from logged features (a struct for each row)."""
    fields = features.struct.fields if isinstance(features.dtype, pl.Struct) else []
    names = dict.fromkeys(name for each in slices for name in each.columns)
    empty = pl.Series([None] * len(features), dtype=pl.String)
    return pl.DataFrame({name: features.struct.field(name) if name in fields else empty.alias(name) for name in names})


def tell_parts(frame: pl.DataFrame, cuts: Sequence[ColumnCut]) -> Parts:
    """Return the part of each row, and the names of all parts."""
    found = cut_rows(frame, cuts)
    return Parts(codes=found.codes, names=found.names)
