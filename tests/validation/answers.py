"""Candidates whose answers are known to be right or wrong where a test says so."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import Dataset
from holdtrue.domain import Loss
from holdtrue.validation import Candidate

Floats = NDArray[np.float64]


class World:
    """Rows of a binary question with a carrier, an hour and a distance, whose true probabilities are known."""

    def __init__(self, make_dataset, *, n_rows: int = 12_000, n_days: int = 60, day_noise: float = 0.0, seed: int = 5):
        self.rng = np.random.default_rng(seed)
        self.days = np.arange(n_rows) * n_days // n_rows
        self.carrier = np.array(["UA", "AA", "DL", "OO"])[self.rng.choice(4, n_rows, p=[0.5, 0.3, 0.1992, 0.0008])]
        self.hour = self.rng.integers(0, 4, n_rows)
        self.frame = pl.DataFrame(
            {"carrier": self.carrier, "hour": self.hour, "distance": self.rng.gamma(2.0, 400.0, n_rows)}
        )
        wobble = day_noise * self.rng.normal(size=n_days)
        self.scores = self.rng.normal(-0.8, 1.2, n_rows)
        self.truth = _squash(self.scores + wobble[self.days])
        self.labels = self.rng.random(n_rows) < self.truth
        self.rows: Dataset = make_dataset(self.labels, self.frame, n_days=n_days)

    def answer(self, *, noise: float = 0.3, shift: float | Floats = 0.0, scale: float = 1.0) -> Floats:
        """Return probabilities that miss the true scores by noise, a shift and a scale (for each row, or for all)."""
        wrong = scale * self.scores + shift + noise * self.rng.normal(size=len(self.scores))
        p = _squash(wrong)
        return np.column_stack([1 - p, p])

    def propose(self, answers: Floats, champion: Floats | None = None, **parts: object) -> Candidate:
        """Return a candidate of these answers."""
        share = 0.35
        given = {
            "rows": self.rows, "answers": answers, "champion": champion,
            "baseline": np.tile([1 - share, share], (len(answers), 1)), "train": self.rows,
            "score": lambda frame: answers[: frame.height], "loss": Loss.for_classes(), "is_refresh": False,
        }  # fmt: skip
        return Candidate(**{**given, **parts})


def _squash(scores: Floats) -> Floats:
    return 1 / (1 + np.exp(-scores))
