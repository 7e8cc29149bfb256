"""Contribution: what each value of a row adds to the answer that a version gives it."""

from dataclasses import dataclass
from enum import StrEnum

from holdtrue.domain.digest import Json
from holdtrue.domain.task import LabelValue


class Method(StrEnum):
    """How contributions were found: exactly from the trees of a model, or by sampled orders of the values."""

    EXACT = "exact"
    SAMPLED = "sampled"


class Scale(StrEnum):
    """In what contributions are counted: the answer's own numbers, probabilities, log-odds, or a model's inner sum."""

    ANSWER = "answer"
    PROBABILITY = "probability"
    LOG_ODDS = "log_odds"
    SCORE = "score"


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one value adds; `standard_error` is None where it is exact, or could not be told."""

    feature: str
    value: Json
    amount: float
    standard_error: float | None = None


@dataclass(frozen=True, kw_only=True)
class Contributions:
    """What the values of one row add to its answer.

    Attributes:
        version: name of the version that was asked.
        method: how they were found.
        scale: what they are counted in.
        of: the class whose probability (or score) it is; None for a regression.
        answer: the answer to the row, on that scale.
        base: what it starts from: the mean answer to the reference rows, or to the training rows of the trees.
        parts: sorted by size, the largest first; they sum to `answer` - `base`.
        n_calls: how many rows the model was asked; 0 where the trees tell.
        n_references: how many rows it was compared with; 0 where the trees tell.
    """

    version: str
    method: Method
    scale: Scale
    of: LabelValue | None
    answer: float
    base: float
    parts: tuple[Contribution, ...]
    n_calls: int = 0
    n_references: int = 0

    def describe(self) -> dict[str, Json]:
        """Return them as JSON says them, without the version."""
        return {
            "method": self.method.value,
            "scale": self.scale.value,
            "of": self.of,
            "answer": self.answer,
            "base": self.base,
            "contributions": [
                {
                    "feature": part.feature,
                    "value": part.value,
                    "contribution": part.amount,
                    "standard_error": part.standard_error,
                }
                for part in self.parts
            ],
            "n_calls": self.n_calls,
            "n_references": self.n_references,
        }
