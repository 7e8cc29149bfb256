"""Threshold: two columns whose sum, difference, product or ratio tells two classes apart, as a delay tells "late"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import Task
from holdtrue.validation.finding import Finding
from holdtrue.validation.suspect import Sample, is_calm

Floats = NDArray[np.float64]
N_PROBES = 400
PROBE_SCORE = 0.97
# (Nearly) no row on the wrong side, where the better one alone leaves a hundred times as much open: two strong honest
# columns do not add up to this.
PAIR_SCORE = 0.9995
LEFT_SHARE = 0.01
MOST_COLUMNS = 40
LEAST_THERE = 0.5


def find_threshold(sample: Sample, scores: Mapping[str, float]) -> Finding | None:
    """Return the first pair of numeric columns that determines a label of two classes, where neither does alone."""
    if sample.task is not Task.BINARY or is_calm(pl.Series(sample.labels)):
        return None
    names = _choose_columns(sample)
    table = np.array([_take_numbers(sample.features[name]) for name in names]).reshape(len(names), -1)
    is_hit = sample.labels == 1
    probes = _choose_probes(is_hit)
    for i, first in enumerate(names):
        for sign, made in _combine(table[i], table[i + 1 :]):
            for j in np.flatnonzero(_score_rows(made[:, probes], is_hit[probes]) >= PROBE_SCORE):
                other = names[i + 1 + int(j)]
                alone = max(scores[first], scores[other])
                score = float(_score_rows(made[j][None], is_hit)[0])
                if score >= PAIR_SCORE and 1 - score <= LEFT_SHARE * (1 - alone):
                    kind = f"{first} {sign} {other} alone determines the label, and neither of them does"
                    return Finding(columns=(first, other), kind=kind, evidence={"score": score, "alone": alone})
    return None


def _combine(first: Floats, others: Floats) -> Iterator[tuple[str, Floats]]:
    if not len(others):
        return
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        yield "+", first + others
        yield "-", first - others
        yield "*", first * others
        yield "/", first / others


def _score_rows(made: Floats, is_hit: NDArray[np.bool_]) -> Floats:
    """Return |2 AUC - 1| of each row of `made`, shape (n_pairs, n_rows); 0 where half of the values are missing."""
    from scipy.stats import rankdata  # here, as a command that judges nothing need not wait for it

    is_there = np.isfinite(made)
    # Missing values are last in rank, and as many on the side of each class: they are taken out by counting.
    ranks = rankdata(np.where(is_there, made, np.inf), axis=1)
    hits = (is_there & is_hit).sum(axis=1)
    misses = is_there.sum(axis=1) - hits
    sums = np.where(is_there & is_hit, ranks, 0.0).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        areas = (sums - hits * (hits + 1) / 2) / (hits * misses)
    is_fit = (hits > 0) & (misses > 0) & (is_there.mean(axis=1) >= LEAST_THERE)
    return np.where(is_fit, np.abs(2 * areas - 1), 0.0)


def _choose_probes(is_hit: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return rows of both classes, spread over all of them: as many of the rarer class as there are, up to half."""
    sides = [np.flatnonzero(is_hit), np.flatnonzero(~is_hit)]
    spread = [side[np.linspace(0, len(side) - 1, min(len(side), N_PROBES // 2)).astype(np.int64)] for side in sides]
    return np.sort(np.concatenate(spread))


def _choose_columns(sample: Sample) -> list[str]:
    """Return the numeric columns; of many, those with the most weight in a linear fit of the label."""
    names = [name for name, dtype in sample.features.schema.items() if dtype.is_numeric()]
    if len(names) <= MOST_COLUMNS:
        return names
    table = np.array([_take_numbers(sample.features[name]) for name in names])
    means = np.nanmean(table, axis=1)[:, None]
    centred = np.where(np.isfinite(table), table - means, 0.0)
    spreads = centred.std(axis=1)[:, None]
    scaled = centred / np.where(spreads > 0, spreads, 1.0)
    held = scaled @ scaled.T + 1e-3 * len(sample.labels) * np.eye(len(names))
    weights = np.linalg.solve(held, scaled @ (sample.labels - sample.labels.mean()))
    return [names[place] for place in np.sort(np.argsort(-np.abs(weights))[:MOST_COLUMNS])]


def _take_numbers(column: pl.Series) -> Floats:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
