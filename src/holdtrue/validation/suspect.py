"""Suspects: features that alone know more than honest ones do, and those that are innocent by their nature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import Task
from holdtrue.validation.single import N_FOLDS, bin_column, score_answers

# Weaker features than this (AUC .75, half of the variance) do not do "nearly all the work" of a good model.
LEAST_SCORE = 0.5
MOST_CANDIDATES = 3
MOST_OTHERS = 15
TWIN_RANK = 0.99
N_TREES = 25
MOST_ROWS = 4_000
CALM = 0.9
LEAST_IN_CELL = 5


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A feature that alone is about as good as all the others together.

    Attributes:
        column: its name.
        alone: what it scores alone (0..1: 2 AUC - 1, or the share of explained variance).
        others: what a quick model of all the other features scores.
    """

    column: str
    alone: float
    others: float


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The rows that leaks are looked for in, in order of time.

    Attributes:
        features: the columns.
        labels: class positions or numbers, none missing, shape (n_rows,).
        time: when each prediction is made.
        task: the kind of question.
        n_classes: how many classes there are; 0 for a regression.
    """

    features: pl.DataFrame
    labels: NDArray[Any]
    time: pl.Series
    task: Task
    n_classes: int


def find_suspects(sample: Sample, scores: dict[str, float], *, suspect_share: float) -> list[Suspect]:
    """Return the strongest features that alone reach `suspect_share` of what all the others reach together.

    A leak is news of the row itself. A column that time determines (hour, weekday, an index of the day) is shared by
    the rows of that time, and one that repeats earlier labels (a lag) is old news: both may do most of the work
    honestly, and are not named. Near-twins of a feature do not count among the others.
    """
    strong = sorted((name for name, score in scores.items() if score >= LEAST_SCORE), key=lambda name: -scores[name])
    suspects = []
    for name in strong[:MOST_CANDIDATES]:
        column = sample.features[name]
        if is_calm(column) or is_calendar(column, sample.time) or is_lag(column, sample.labels):
            continue
        others = sorted((other for other in scores if other != name), key=lambda other: -scores[other])
        kept = [other for other in others if not _are_twins(column, sample.features[other])][:MOST_OTHERS]
        reached = score_together(sample, kept)
        if scores[name] < suspect_share * reached:
            break  # a weaker one has stronger others
        suspects.append(Suspect(column=name, alone=scores[name], others=reached))
    return suspects


def is_calm(column: pl.Series) -> bool:
    """Say whether a column hardly changes from one row to the next.

    Sameness is counted beyond chance (Cohen's kappa), so that a rare flag, which is mostly 0, is not taken for calm.
    """
    chance = _find_chance(column)
    if len(column) < 2 or chance >= 1 - 1e-9:
        return False
    followed = float(column.eq_missing(column.shift(1)).to_numpy()[1:].mean())
    return (followed - chance) / (1 - chance) >= CALM


def is_calendar(column: pl.Series, time: pl.Series) -> bool:
    """Say whether a column is the same (kappa, as above) in all rows of an hour, a weekday, or an hour of a month."""
    chance = _find_chance(column)
    if chance >= 1 - 1e-9:
        return False
    moments = {"hour": time.dt.hour(), "weekday": time.dt.weekday(), "month": time.dt.month()}
    frame = pl.DataFrame(moments).with_columns(column.alias("value"))
    for names in (["hour"], ["weekday"], ["month", "hour"]):
        cells = frame.group_by([*names, "value"]).len().group_by(names).agg(pl.col("len").max())
        shared = float(cells["len"].to_numpy().sum()) / len(column)
        if len(column) >= LEAST_IN_CELL * len(cells) and (shared - chance) / (1 - chance) >= CALM:
            return True
    return False


def is_lag(column: pl.Series, labels: NDArray[Any]) -> bool:
    """Say whether a column repeats labels of earlier rows; only where labels are distinct enough to be recognised."""
    if not column.dtype.is_numeric() or len(np.unique(labels)) < 0.5 * len(labels):
        return False
    places = {float(value): place for place, value in reversed(list(enumerate(labels)))}
    found = [(row, places.get(float(value))) for row, value in enumerate(column.cast(pl.Float64)) if value is not None]
    earlier = sum(place is not None and place < row for row, place in found)
    return bool(found) and earlier >= 0.8 * len(found)


def score_together(sample: Sample, names: Sequence[str]) -> float:
    """Return what a small random forest of these features scores, out of fold; 0 without features.

    A forest runs on one thread: boosted trees took minutes where other processes held the cores.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    if not names:
        return 0.0
    places = np.arange(len(sample.labels))[:: max(1, len(sample.labels) // MOST_ROWS)]
    table = np.column_stack([_take_numbers(sample.features[name])[places] for name in names])
    labels, is_out = sample.labels[places], np.arange(len(places)) % N_FOLDS == 0
    kind = RandomForestClassifier if sample.task.has_classes else RandomForestRegressor
    model = kind(n_estimators=N_TREES, min_samples_leaf=3, max_features=0.5, random_state=0, n_jobs=1)
    model.fit(table[~is_out], labels[~is_out])
    if not sample.task.has_classes:
        return score_answers(model.predict(table[is_out]), labels[is_out], task=sample.task)
    answers = np.zeros((int(is_out.sum()), sample.n_classes))
    answers[:, model.classes_] = model.predict_proba(table[is_out])
    return score_answers(answers, labels[is_out], task=sample.task)


def _find_chance(column: pl.Series) -> float:
    """Return how often two rows would be the same if their order meant nothing."""
    shares = (column.value_counts()["count"] / max(1, len(column))).to_numpy()
    return float((shares**2).sum())


def _take_numbers(column: pl.Series) -> NDArray[np.float64]:
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return bin_column(column).astype(np.float64)


def _are_twins(one: pl.Series, two: pl.Series) -> bool:
    """Say whether two columns order the rows alike, up to direction."""
    return one.dtype.is_numeric() and two.dtype.is_numeric() and relate_ranks(one, two) >= TWIN_RANK


def relate_ranks(one: pl.Series, two: pl.Series) -> float:
    """Return the rank correlation of two columns (Spearman, without its sign); 0 where half of the rows lack one."""
    ranked = pl.DataFrame([one.alias("one"), two.alias("two")]).fill_nan(None).drop_nulls().select(pl.all().rank())
    if ranked.height < 0.5 * len(one) or ranked["one"].n_unique() < 2 or ranked["two"].n_unique() < 2:
        return 0.0
    return float(abs(np.corrcoef(ranked["one"].to_numpy(), ranked["two"].to_numpy())[0, 1]))
