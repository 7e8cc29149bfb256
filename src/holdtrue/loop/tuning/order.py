"""Order: a part of a trial, or the proof of a tuning, to be done; it crosses a process border as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass

from holdtrue.domain import Json, Loss, RunCost
from holdtrue.loop.fold import Fold


@dataclass(frozen=True, kw_only=True)
class TrialOrder:
    """A recipe to be fitted with these parameters on what was known before a fold, and judged on the fold.

    Attributes:
        folder: the project's `.holdtrue` folder.
        loop_file: the file that declares the loop.
        loop: the loop's name.
        dataset: digest of the tuning's rows, which end before any gate's begin.
        parameters: in place of the declared ones of these names.
        fold: the rows to judge.
        loss: what they are judged by.
    """

    folder: str
    loop_file: str
    loop: str
    dataset: str
    parameters: Mapping[str, Json]
    fold: Fold
    loss: Loss


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What a recipe lost on the `n_rows` labelled rows of a fold, on average, and what its fit took.

    `metric` is what the tuning chooses by; None where that is the loss.
    """

    loss: float
    n_rows: int
    is_cached: bool
    cost: RunCost
    metric: float | None = None


@dataclass(frozen=True, kw_only=True)
class ProofOrder:
    """A trial whose answers are held against those of the recipe with the declared parameters; None where it raised."""

    trial: TrialOrder
    declared: Mapping[str, Json] | None
