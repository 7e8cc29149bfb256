"""Cells of a bit histogram and the sums of what lies in them, counted in one walk through the values (numpy only).

The walk takes pieces that fit into a processor's cache. It calls no BLAS: for pieces of this size its threads cost more
than the sums, most of all where other threads count other columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .sample import Floats, Integers

N_CELLS = 65_536
# Cells in order of value: -NaN, -inf, negative, positive, +inf, +NaN.
MINUS_INFINITY, PLUS_INFINITY = 0x007F, 0xFF80
PIECE_ROWS = 65_536


@dataclass(frozen=True)
class Moments:
    """Smallest, largest and mean of finite values, and the sum of their squared distances from the mean.

    Attributes:
        n_rows: finite values; with none the extremes are NaN and the rest is 0.
        minimum: smallest.
        maximum: largest.
        mean: mean.
        squares: sum of the squared distances from the mean (M2 of Welford and Chan).
    """

    n_rows: int = 0
    minimum: float = np.nan
    maximum: float = np.nan
    mean: float = 0.0
    squares: float = 0.0

    def add(self, other: Moments) -> Moments:
        """Return the moments of the values of both."""
        # The mean of no values is no distance from another: its square may be beyond a float.
        if not self.n_rows or not other.n_rows:
            return self if self.n_rows else other
        n_rows = self.n_rows + other.n_rows
        apart = other.mean - self.mean
        return Moments(
            n_rows,
            float(np.fmin(self.minimum, other.minimum)),
            float(np.fmax(self.maximum, other.maximum)),
            (self.n_rows * self.mean + other.n_rows * other.mean) / n_rows,
            self.squares + other.squares + apart * apart * self.n_rows * other.n_rows / n_rows,
        )


def count_cells(values: Floats, centre: float) -> tuple[Integers, Moments]:
    """Return the rows in each cell, in order of value, shape (N_CELLS,), and the moments of the finite values.

    A value beyond float32 lies in an infinite cell, so it is taken as infinite for the moments as well.
    """
    found, moments = np.zeros(N_CELLS, dtype=np.int64), Moments()
    n_piece = min(PIECE_ROWS, len(values))
    # Little-endian on every machine, so that every second half-word is the upper one.
    shifted, places, spare = np.empty(n_piece, dtype="<f4"), np.empty(n_piece, dtype=np.intp), np.empty(n_piece)
    upper = shifted.view("<u2")[1::2]
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 is the infinite cell
        for start in range(0, len(values), PIECE_ROWS):
            piece = values[start : start + PIECE_ROWS]
            here = slice(0, len(piece))
            np.subtract(piece, centre, out=shifted[here], casting="same_kind")
            places[here] = upper[here]
            found += np.bincount(places[here], minlength=N_CELLS)
            moments = moments.add(_sum_finite(piece, shifted[here], spare))
    # Bits of negative numbers grow away from zero: turn them round, so that cells are in order of value.
    return np.concatenate([found[: N_CELLS // 2 - 1 : -1], found[: N_CELLS // 2]]), moments


def _sum_finite(piece: Floats, shifted: npt.NDArray[np.float32], spare: Floats) -> Moments:
    # The sum is finite only when all of them are; only else is each looked at.
    if not np.isfinite(shifted.sum()):
        piece = piece[np.isfinite(shifted)]
        if len(piece) == 0:
            return Moments()
    mean = float(piece.mean())
    apart = np.subtract(piece, mean, out=spare[: len(piece)])
    squares = float(np.einsum("i,i", apart, apart, optimize=False))
    return Moments(len(piece), float(piece.min()), float(piece.max()), mean, squares)
