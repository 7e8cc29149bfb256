"""Lead: a column that holds the label of a later row, as a lag does that was made of rows in the wrong order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import encode_labels
from holdtrue.validation.finding import Finding

if TYPE_CHECKING:
    from holdtrue.data import Dataset

N_NEWEST = 5_000
LEAST_ROWS = 50
MOST_STEPS = 5
# Agreement beyond chance (Cohen's kappa).
LEAST_AGREEMENT = 0.95
BEYOND_LAGS = 0.02


def find_lead(dataset: Dataset, names: list[str]) -> Finding | None:
    """Return the first of the columns that repeats the label of a later row (of all, or of its unit).

    A label that hardly changes agrees with later and earlier rows alike; a column is a lead only if it agrees with a
    later row clearly better than with its own and with earlier ones.
    """
    newest = slice(max(0, dataset.n_rows - N_NEWEST), dataset.n_rows)
    labels = dataset.encoded_labels()[newest].astype(np.float64)
    if len(labels) < LEAST_ROWS:
        return None
    orders = list(_choose_orders(dataset.unit[newest]))
    for name in names:
        column = dataset.features[name]
        if dataset.task.has_classes:
            if column[newest].n_unique() > len(dataset.classes) + 1:
                continue
            coded = encode_labels(_as_label(column[newest], dataset), task=dataset.task, classes=dataset.classes)
            values = np.where(coded >= 0, coded, np.nan)
        elif column.dtype.is_numeric():
            values = column[newest].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        else:
            continue
        for said, order in orders:
            steps = _count_steps(values[order], labels[order])
            if steps:
                rows = "row" if steps == 1 else "rows"
                kind = f"{name} is the label of the {said} {steps} {rows} later"
                return Finding(columns=(name,), kind=kind, evidence={"steps": steps})
    return None


def _as_label(column: pl.Series, dataset: Dataset) -> pl.Series:
    return column.cast(pl.String) if isinstance(column.dtype, pl.Enum) else column


def _choose_orders(unit: pl.Series) -> Iterator[tuple[str, NDArray[np.int64]]]:
    yield "table", np.arange(len(unit))
    if unit.n_unique() <= 0.5 * len(unit):
        yield "same unit", unit.arg_sort().to_numpy().astype(np.int64)


def _count_steps(values: NDArray[np.float64], labels: NDArray[np.float64]) -> int:
    """Return how many rows later the label stands that the column repeats; 0 for none."""
    steps = range(1, min(MOST_STEPS, len(labels) - 1) + 1)
    leads = [_measure_agreement(values[:-step], labels[step:]) for step in steps]
    best = int(np.argmax(leads))
    if leads[best] < LEAST_AGREEMENT:
        return 0
    rest = [_measure_agreement(values[step:], labels[:-step]) for step in steps]
    rest.append(_measure_agreement(values, labels))
    return best + 1 if leads[best] >= max(rest) + BEYOND_LAGS else 0


def _measure_agreement(values: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """Return how far values agree with labels beyond chance, where there are any; 0 when half of them are missing."""
    is_there = np.isfinite(values)
    if is_there.mean() < 0.5:
        return 0.0
    values, labels = values[is_there], labels[is_there]
    agreed = float((values == labels).mean())
    if agreed < LEAST_AGREEMENT:
        return 0.0
    distinct, places = np.unique(np.concatenate([values, labels]), return_inverse=True)
    shares = [np.bincount(side, minlength=len(distinct)) / len(values) for side in np.split(places, 2)]
    chance = float((shares[0] * shares[1]).sum())
    return (agreed - chance) / (1 - chance) if chance < 1 else 0.0
