"""Belief: what a version thinks of its own answers, before and beside what their labels say.

A probability is a belief: .8 says that 8 of 10 such answers are right. Belief is blind where the meaning of the inputs
has changed (it was 3.5 and 5.9 points of accuracy too high on two real streams), so it is never shown as measured. A
random sample of early labels corrects it (PPI++, `holdtrue.stats.powered_mean`), whatever the version believes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import Belief, EarlyLabels, Estimate, LabelValue, Loss, Task
from holdtrue.monitoring.quality import LEAST_DAYS
from holdtrue.monitoring.rows import VersionRows, take_rows
from holdtrue.stats import paired_interval, powered_mean

# Of the labelled rows the newest count: what a version believed long ago says little of today.
LABELLED_DAYS = 28
# Fewer early labels do not carry an interval, and a sample that lacks more than this share is no random one.
LEAST_SAMPLE = 30
LEAST_COVERAGE = 0.9
ACCURACY = "accuracy"
ACCURACY_PRECISION = 0.02
# Said again and again while labels come: one look's 5 % would call one version in twenty over-confident.
EXCESS_ALPHA = 0.01
Z = 1.959963984540054

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


def believe_quality(answers: Floats, loss: Loss) -> dict[str, Floats]:
    """Return what a version believes of each of its answers: that it is right (0..1), and the loss to be expected.

    Args:
        answers: (n_rows, n_classes) probabilities.
        loss: what answers are judged by.
    """
    return {name: expect(answers, table) for name, table in tabulate_metrics(answers, loss).items()}


def tabulate_metrics(answers: Floats, loss: Loss) -> dict[str, Floats]:
    """Return for each metric what it is in each row if this or that class turns out, shape (n_rows, n_classes)."""
    n_rows, n_classes = answers.shape
    hits = np.arange(n_classes) == answers.argmax(axis=1)[:, None]
    losses = [loss.rows(answers, np.full(n_rows, place)) for place in range(n_classes)]
    return {ACCURACY: hits.astype(np.float64), loss.kind.value: np.column_stack(losses)}


def expect(answers: Floats, table: Floats) -> Floats:
    """Return the mean of each row of a table under the probabilities of that row, shape (n_rows,)."""
    shares = answers / np.maximum(answers.sum(axis=1, keepdims=True), 1e-300)
    return np.asarray((shares * table).sum(axis=1))


def measure_beliefs(
    joined: pl.DataFrame,
    *,
    loop: str,
    version: int,
    loss: Loss,
    task: Task,
    classes: Sequence[LabelValue],
    as_of: datetime,
    early: EarlyLabels | None = None,
    loss_precision: float = 0.02,
) -> tuple[Belief, ...]:
    """Return what a version believes of its accuracy and of its loss; nothing for a regression, or without answers.

    Args:
        joined: what `holdtrue.data.join_labels` gives, with `key` and the columns that `measure_windows` names.
        loop: name of the loop.
        version: number of the version.
        loss: what the loop is judged by.
        task: the kind of question.
        classes: the classes in the order of the answer.
        as_of: the moment of the measurement; later rows are left out.
        early: which keys get their label early, drawn at random; None for none.
        loss_precision: how well the loss is to be known, in its unit; the accuracy is to be known within 2 points.
    """
    if not task.has_classes:
        return ()
    # The usable rows: those that await their label, and of the others the newest.
    rows = take_rows(
        joined,
        version=version,
        loss=loss,
        task=task,
        classes=classes,
        as_of=as_of,
        newest=timedelta(days=LABELLED_DAYS),
    )
    rows = rows.keep(rows.is_usable)
    if not len(rows.micros):
        return ()
    is_ripe, is_drawn = _draw_sample(rows, early, loop=loop, as_of=as_of)
    found = []
    for metric, table in tabulate_metrics(rows.answers, loss).items():
        precision = ACCURACY_PRECISION if metric == ACCURACY else loss_precision
        compared = _Compared(rows=rows, table=table, is_ripe=is_ripe, is_drawn=is_drawn)
        told = compared.describe(precision)
        found.append(Belief(loop=loop, version=version, metric=metric, as_of=as_of, precision=precision, **told))
    return tuple(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Compared:
    """One metric of some rows: `table` says what it is if this or that class turns out, shape (n_rows, n_classes)."""

    rows: VersionRows
    table: Floats
    is_ripe: Booleans
    is_drawn: Booleans

    def describe(self, precision: float) -> dict[str, Any]:
        """Return what is known of the metric, by the names that `Belief` gives it."""
        return {
            "n_awaiting": int(self.is_awaiting.sum()),
            "awaiting": self.believe(self.is_awaiting),
            "measured": self.estimate(self.truth),
            "believed": self.believe(self.rows.is_judged),
            "excess": self.estimate(self.believed - self.truth, alpha=EXCESS_ALPHA),
            "corrected": self.correct(),
            "n_drawn": int(self.is_drawn.sum()),
            "n_needed": self.count_needed(precision),
        }

    @cached_property
    def is_awaiting(self) -> Booleans:
        return ~self.rows.is_judged

    @cached_property
    def believed(self) -> Floats:
        return expect(self.rows.answers, self.table)

    @cached_property
    def truth(self) -> Floats:
        """What the label says; nan without one."""
        found = self.table[np.arange(len(self.table)), np.maximum(self.rows.labels, 0)]
        return np.where(self.rows.is_known, found, np.nan)

    def believe(self, chosen: Booleans) -> float | None:
        return float(self.believed[chosen].mean()) if chosen.any() else None

    def estimate(self, values: Floats, *, alpha: float = 0.05) -> Estimate | None:
        """Return the mean of values over the labelled rows; days count as blocks where there are at least 5."""
        judged = self.rows.is_judged
        n_rows = int(judged.sum())
        if n_rows < 2:
            return Estimate(value=float(values[judged][0]), n_rows=1) if n_rows else None
        days = self.rows.days[judged]
        blocks = days if len(np.unique(days)) >= LEAST_DAYS else None
        found = paired_interval(values[judged], blocks=blocks, alpha=alpha)
        return Estimate(value=found.estimate, n_rows=n_rows, low=found.low, high=found.high)

    def correct(self) -> Estimate | None:
        """Return the belief about the rows whose early label could have come, corrected by those that were drawn."""
        labelled, others = self.is_drawn & self.rows.is_known, self.is_ripe & ~self.is_drawn
        n_labelled = int(labelled.sum())
        if n_labelled < max(LEAST_SAMPLE, LEAST_COVERAGE * self.is_drawn.sum()) or others.sum() < 2:
            return None
        found = powered_mean(
            outcomes=self.truth[labelled], beliefs=self.believed[labelled], unlabelled_beliefs=self.believed[others]
        ).interval
        return Estimate(value=found.estimate, n_rows=n_labelled, low=found.low, high=found.high)

    def count_needed(self, precision: float) -> int | None:
        """Return how many of the awaiting rows, drawn at random, would tell their mean within the precision."""
        awaiting, judged = self.is_awaiting, self.rows.is_judged
        n_rows = int(awaiting.sum())
        if not n_rows:
            return None
        if judged.sum() >= LEAST_SAMPLE:
            variance = float(self.truth[judged].var())
        else:
            squares = expect(self.rows.answers[awaiting], self.table[awaiting] ** 2)
            variance = float(squares.mean() - self.believed[awaiting].mean() ** 2)
        wanted = max(LEAST_SAMPLE, Z**2 * max(variance, 0.0) / precision**2)
        return min(n_rows, math.ceil(wanted / (1 + (wanted - 1) / n_rows)))


def _draw_sample(
    rows: VersionRows, early: EarlyLabels | None, *, loop: str, as_of: datetime
) -> tuple[Booleans, Booleans]:
    """Return the rows that are not due but old enough for an early label, and which of them were drawn for one."""
    is_ripe = np.zeros(len(rows.micros), dtype=bool)
    is_drawn = is_ripe.copy()
    if early is not None:
        latest = (as_of - early.within).timestamp() * 1e6
        is_ripe = ~rows.is_due & (rows.micros <= latest)
        is_drawn[is_ripe] = [early.has_drawn(loop, key) for key in rows.keys.filter(pl.Series(is_ripe))]
    return is_ripe, is_drawn
