"""Trial: one set of parameters, tried out on rows that its fit had not seen; and what a tuning made of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from holdtrue.domain.digest import Json


class TrialState(StrEnum):
    """How a trial ended."""

    COMPLETED = "completed"
    PRUNED = "pruned"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A set of parameters and what came of it.

    Attributes:
        number: 0 for the declared parameters, then in the order in which they were drawn.
        parameters: those that are looked for.
        state: pruned: the first part of the rows told enough; failed: the recipe raised.
        losses: mean loss on each part of the selection rows that it was judged on.
        loss: mean loss on all selection rows; None unless it was completed.
        wall_seconds: what its fits took.
        cpu_seconds: the same, of cores.
        peak_memory_bytes: of the largest process.
        is_cached: whether all its fits came out of the cache.
        error: why it failed.
    """

    number: int
    parameters: Mapping[str, Json]
    state: TrialState
    losses: tuple[float, ...] = ()
    loss: float | None = None
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    is_cached: bool = False
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The parameters of the best trial beside the declared ones, on rows that no trial was judged on.

    Attributes:
        n_rows: labelled rows.
        n_days: days that they lie on, which count as independent.
        loss: mean loss with the best trial's parameters.
        low: end of its 95 % interval by days; None of a single day.
        high: its other end.
        declared_loss: mean loss with the declared parameters; None where the recipe raised with them.
        difference_low: end of the interval of `difference`; None of a single day, or where both are the same.
        difference_high: its other end.
    """

    n_rows: int
    n_days: int
    loss: float
    declared_loss: float | None = None
    low: float | None = None
    high: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None

    @property
    def difference(self) -> float | None:
        """Return how much more is lost with the found parameters than with the declared ones; None without those."""
        return None if self.declared_loss is None else self.loss - self.declared_loss

    @property
    def shows_harm(self) -> bool:
        """Say whether the best trial's parameters were shown to be worse."""
        return self.difference_low is not None and self.difference_low > 0


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What a tuning found.

    Attributes:
        run_id: the run that it was.
        parameters: the chosen ones: of the best completed trial, or the declared ones where that was shown to be worse.
        declared: those that the loop declares.
        best: number of the best completed trial.
        trials: all, in order.
        loss_name: what they were judged by.
        proof: of the best trial, on rows that selection did not use.
        selected_since: time of the first row that trials were judged on.
        proved_since: time of the first row of the proof.
        seen_until: all rows of this tuning lie before it; a gate judges rows from it on.
        note: why it ended before all trials; empty when it did not.
    """

    run_id: str
    parameters: Mapping[str, Json]
    declared: Mapping[str, Json]
    best: int
    trials: tuple[Trial, ...]
    loss_name: str
    proof: Proof
    selected_since: datetime
    proved_since: datetime
    seen_until: datetime
    note: str = ""

    def count(self, state: TrialState) -> int:
        """Return how many trials ended so."""
        return sum(trial.state is state for trial in self.trials)

    @property
    def best_loss(self) -> float:
        """Return the best trial's loss on the selection rows: the least of many, which flatters it."""
        return self._best.loss or 0.0

    @property
    def _best(self) -> Trial:
        return next(trial for trial in self.trials if trial.number == self.best)

    @property
    def is_adopted(self) -> bool:
        """Say whether the best trial's parameters are the chosen ones."""
        return self.parameters == self._best.parameters


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Parameters that trainings use in place of the declared ones, from the tuning that chose them.

    Attributes:
        run_id: the tuning's run.
        parameters: the chosen ones.
        seen_until: the tuning saw no row from then on; no gate may judge a row before it.
        declaration: digest of what the loop declared to be tuned; the choice holds as long as it declares that.
    """

    run_id: str
    seen_until: datetime
    declaration: str
    parameters: Mapping[str, Json] = field(default_factory=dict)
