"""Candidate: a model under judgement as checks see it: its answers, the rows they are judged on, and itself to ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import ActionRule, LabelScope, Loss, Signature

if TYPE_CHECKING:
    import polars as pl

    from holdtrue.data import Dataset
    from holdtrue.registry import StoredModel

    Score = Callable[[pl.DataFrame], NDArray[np.float64]]

MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A model under judgement. Answers are (n_rows, n_classes) probabilities, or (n_rows,) numbers.

    Attributes:
        rows: the labelled evaluation rows: later than all that the answers to them were learned from.
        answers: the answers to them: the candidate's own, or, of a refresh, those of the fits before each of its days.
        champion: the champion's; None when there is none yet.
        baseline: the simple baseline's.
        train: the rows that the candidate was fitted on.
        judged: columns of `rows` that no model sees, and that answers are judged by; None for none.
        train_judged: the same columns of `train`.
        score: the candidate itself: answers any frame that has the columns of `rows.features`.
        loss: what the loop is judged by.
        is_refresh: it is the champion's own recipe on newer data.
        refit: trains its recipe once more on `train` and returns what that answers with; None for a model that was
            trained elsewhere.
        model: the bytes that it would be served from; None where it is only in memory.
        signature: what those bytes take and give.
        scope: which rows get a label.
        rule: how answers become actions; None where the loop declares no outcome.
    """

    rows: Dataset
    answers: NDArray[np.float64]
    champion: NDArray[np.float64] | None
    baseline: NDArray[np.float64]
    train: Dataset
    score: Score
    loss: Loss
    is_refresh: bool
    refit: Callable[[], Score] | None = None
    model: StoredModel | None = None
    signature: Signature | None = None
    scope: LabelScope = LabelScope.ALL
    rule: ActionRule | None = None
    judged: pl.DataFrame | None = None
    train_judged: pl.DataFrame | None = None

    @property
    def columns(self) -> pl.DataFrame:
        """Return what the evaluation rows can be told apart by: features and judged columns."""
        return _join(self.rows, self.judged)

    @property
    def train_columns(self) -> pl.DataFrame:
        """Return the same of the training rows."""
        return _join(self.train, self.train_judged)

    @cached_property
    def days(self) -> NDArray[np.int64]:
        """Day (since 1970, UTC) of each evaluation row, shape (n_rows,): days move together, so errors go by them."""
        days: NDArray[np.int64] = self.rows.time.dt.timestamp("us").to_numpy() // MICROSECONDS_A_DAY
        return days


def _join(rows: Dataset, judged: pl.DataFrame | None) -> pl.DataFrame:
    return rows.features if judged is None else rows.features.with_columns(judged.get_columns())
