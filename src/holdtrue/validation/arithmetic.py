"""Label arithmetic: columns that were known only when the label was, since together they are the label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# An exact relation may be broken by a few corrected rows, but no honest feature is the label in 995 of 1,000.
EXACT_SHARE = 0.995
N_PROBES = 64
LEAST_ROWS = 50
MOST_FOR_TRIPLES = 40
MOST_FOR_MIXTURE = 60


@dataclass(frozen=True, kw_only=True)
class Relation:
    """Columns that make up the label.

    Attributes:
        columns: their names.
        formula: the label as they give it, such as "casual + registered".
        share: the share of rows (0..1) for which it holds, to rounding.
    """

    columns: tuple[str, ...]
    formula: str
    share: float


@dataclass(frozen=True, kw_only=True)
class _Table:
    """Rows whose label is not the commonest value: zeros of a zero-inflated label equal any column of zeros."""

    names: tuple[str, ...]
    label: Floats
    columns: Floats
    tolerance: float

    def share(self, made: Floats) -> float:
        """Return for how many of the rows that have all parts `made` is the label."""
        is_there = np.isfinite(made)
        if is_there.sum() < max(LEAST_ROWS, 0.2 * len(made)):
            return 0.0
        return float((np.abs(made - self.label)[is_there] <= self.tolerance).mean())


def find_relation(label: Floats, columns: dict[str, Floats], *, has_classes: bool = False) -> Relation | None:
    """Return the simplest exact relation between a numeric label and its columns; None when there is none.

    Sought are, to rounding: a copy in another unit (c a + d), sums and differences of two or three columns, products
    and ratios of two up to a constant, and linear mixtures of many.

    Args:
        label: shape (n_rows,), no NaN.
        columns: numbers of each column, NaN where missing, shape (n_rows,) each.
        has_classes: the label is the place of a class, which no mixture of many measures is.
    """
    table = _make_table(label, columns)
    if table is None:
        return None
    searches = (_find_copy, _find_pair, _find_product, _find_triple, _find_mixture)
    for search in searches[:3] if has_classes else searches:
        found = search(table)
        if found is not None:
            return found
    return None


def _make_table(label: Floats, columns: dict[str, Floats]) -> _Table | None:
    values, counts = np.unique(label, return_counts=True)
    rows = label != values[counts.argmax()]
    names = tuple(
        name for name, column in columns.items() if np.isfinite(column[rows]).any() and np.nanstd(column[rows]) > 0
    )
    if rows.sum() < LEAST_ROWS or len(values) < 3 or not names:
        return None
    table = np.stack([columns[name][rows] for name in names])
    return _Table(names=names, label=label[rows], columns=table, tolerance=_find_tolerance(label[rows]))


def _find_tolerance(label: Floats) -> float:
    """Return how far a rounded label may lie from its parts' sum: a unit of its last digit, if that is small."""
    spread = float(label.std())
    for digits in range(7):
        unit = 10.0**-digits
        if np.abs(label / unit - np.round(label / unit)).max() < 1e-6 * max(1.0, float(np.abs(label).max()) / unit):
            return 1.01 * unit if spread >= 100 * unit else 1e-3 * unit
    return 1e-6 * spread


def _find_copy(table: _Table) -> Relation | None:
    for name, column in zip(table.names, table.columns, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = np.diff(table.label) / np.diff(column)
        slope = _take_median(slopes)
        shift = _take_median(table.label - slope * column)
        share = table.share(slope * column + shift) if slope else 0.0
        if share >= EXACT_SHARE:
            return Relation(columns=(name,), formula=_say_copy(name, slope, shift), share=share)
    return None


def _find_pair(table: _Table) -> Relation | None:
    for i, first in enumerate(table.columns):
        others = table.columns[i + 1 :]
        for signs in ((1, 1), (1, -1), (-1, 1)):
            for j in _probe(table, signs[0] * first, signs[1] * others):
                made = signs[0] * first + signs[1] * others[j]
                found = _judge(table, made, [(signs[0], i), (signs[1], i + 1 + j)])
                if found is not None:
                    return found
    return None


def _find_triple(table: _Table) -> Relation | None:
    chosen = _choose_related(table, MOST_FOR_TRIPLES)
    columns = table.columns[chosen]
    for i, j in combinations(range(len(chosen)), 2):
        for signs in ((1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)):
            part = signs[0] * columns[i] + signs[1] * columns[j]
            for k in _probe(table, part, signs[2] * columns[j + 1 :]):
                places = (i, j, j + 1 + k)
                named = [(sign, int(chosen[place])) for sign, place in zip(signs, places, strict=True)]
                found = _judge(table, part + signs[2] * columns[places[2]], named)
                if found is not None:
                    return found
    return None


def _find_product(table: _Table) -> Relation | None:
    """Return a * b or a / b times a constant (price times quantity, parts per hundred)."""
    probes = table.columns[:, :N_PROBES]
    for i, first in enumerate(probes):
        for sign in "*/":
            for j in _probe_products(table, first, probes, sign):
                found = None if i == j or (sign == "*" and j < i) else _judge_product(table, i, int(j), sign)
                if found is not None:
                    return found
    return None


def _probe_products(table: _Table, first: Floats, others: Floats, sign: str) -> NDArray[np.int64]:
    """Return the places of the columns that may be the label up to a constant, judged on a few rows."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        made = first * others if sign == "*" else first / others
        ratios = table.label[:N_PROBES] / made
    ratios[~np.isfinite(ratios)] = np.nan
    places = np.flatnonzero(np.isfinite(ratios).sum(axis=1) >= 0.2 * ratios.shape[1])
    factors = np.nanmedian(ratios[places], axis=1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        n_met = (np.abs(ratios[places] / factors - 1) < 0.01).sum(axis=1)
    met: NDArray[np.int64] = places[n_met >= 0.5 * np.isfinite(ratios[places]).sum(axis=1)]
    return met


def _judge_product(table: _Table, i: int, j: int, sign: str) -> Relation | None:
    one, two = table.columns[i], table.columns[j]
    with np.errstate(divide="ignore", invalid="ignore"):
        made = one * two if sign == "*" else one / two
        ratios = table.label[:N_PROBES] / made[:N_PROBES]
        factor = _take_median(ratios)
        if not factor or np.nanmean(np.abs(ratios / factor - 1) < 0.01) < 0.5:
            return None
        share = table.share(factor * made)
    if share < EXACT_SHARE:
        return None
    said = "" if abs(factor - 1) < 1e-6 else f"{factor:.6g} * "
    names = (table.names[i], table.names[j])
    return Relation(columns=names, formula=f"{said}{names[0]} {sign} {names[1]}", share=share)


def _find_mixture(table: _Table) -> Relation | None:
    """Return the label as a linear mixture of all columns together, when it is one to rounding (least squares)."""
    is_whole = np.isfinite(table.columns).all(axis=1)
    places = np.flatnonzero(is_whole)[:MOST_FOR_MIXTURE]
    n_rows = len(table.label)
    if len(places) < 2 or n_rows < 10 * (len(places) + 1):
        return None
    raw = table.columns[places]
    spreads = raw.std(axis=1)
    design = np.column_stack([((raw - raw.mean(axis=1)[:, None]) / spreads[:, None]).T, np.ones(n_rows)])
    weights = np.linalg.lstsq(design, table.label, rcond=1e-10)[0]
    share = table.share(design @ weights)
    if share < EXACT_SHARE or table.tolerance > 0.01 * table.label.std():
        return None
    is_part = np.abs(weights[:-1]) > 1e-6 * table.label.std()
    names = tuple(table.names[place] for place in places[is_part])
    return Relation(columns=names, formula=f"a linear mixture of {', '.join(names)}", share=share)


def _probe(table: _Table, part: Floats, others: Floats) -> Iterator[int]:
    """Yield the places of `others` that may complete `part` to the label, judged on a few rows."""
    if not len(others):
        return
    apart = np.abs(part[:N_PROBES] + others[:, :N_PROBES] - table.label[:N_PROBES])
    is_there = np.isfinite(apart)
    n_met = (is_there & (apart <= table.tolerance)).sum(axis=1)
    yield from (int(k) for k in np.flatnonzero((n_met >= 0.8 * is_there.sum(axis=1)) & (n_met > 0)))


def _judge(table: _Table, made: Floats, parts: list[tuple[int, int]]) -> Relation | None:
    """Return the relation if it holds, and each part adds something in at least a twentieth of the rows."""
    share = table.share(made)
    adds = min(float((np.nan_to_num(table.columns[place]) != 0).mean()) for _, place in parts)
    if share < EXACT_SHARE or adds < 0.05:
        return None
    ordered = sorted(parts, key=lambda part: -part[0])
    words = [f"{'+' if sign > 0 else '-'} {table.names[place]}" for sign, place in ordered]
    names = tuple(table.names[place] for _, place in ordered)
    return Relation(columns=names, formula=" ".join(words).removeprefix("+ "), share=share)


def _choose_related(table: _Table, n_most: int) -> NDArray[np.int64]:
    """Return the places of the columns that go with the label most."""
    if len(table.names) <= n_most:
        return np.arange(len(table.names))
    filled = np.where(np.isfinite(table.columns), table.columns, np.nanmedian(table.columns, axis=1)[:, None])
    centred = filled - filled.mean(axis=1)[:, None]
    related = np.abs(centred @ (table.label - table.label.mean())) / (np.linalg.norm(centred, axis=1) + 1e-300)
    return np.sort(np.argsort(-related)[:n_most])


def _take_median(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else 0.0


def _say_copy(name: str, slope: float, shift: float) -> str:
    said = name if abs(slope - 1) < 1e-6 else f"{slope:.6g} * {name}"
    if abs(shift) <= 1e-6 * max(1.0, abs(slope)):
        return said
    return f"{said} {'+' if shift > 0 else '-'} {abs(shift):.6g}"
