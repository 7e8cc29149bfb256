"""Trial: one set of parameters, tried out on rows that its fit had not seen; and what a tuning made of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec

from holdtrue.domain.digest import Json
from holdtrue.domain.run import Run, RunState

TUNING = "tuning"  # among the parameters of a run that is one


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
        metrics: what the tuning chooses by, on each of those parts; empty where that is the loss.
        metric: their mean, each part by its rows; None unless it was completed.
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
    metrics: tuple[float, ...] = ()
    metric: float | None = None
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    is_cached: bool = False
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class MetricProof:
    """The metric that a tuning chose by, on the rows of its proof.

    Attributes:
        name: of the metric.
        is_highest_best: whether more of it is better.
        value: with the best trial's parameters.
        low: end of its 95 % interval by days; None where there is none.
        high: its other end.
        declared: with the declared parameters; None where the recipe raised with them.
        difference_low: end of the interval of `difference`; None where there is none, or both are the same.
        difference_high: its other end.
    """

    name: str
    is_highest_best: bool
    value: float
    low: float | None = None
    high: float | None = None
    declared: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None

    @property
    def difference(self) -> float | None:
        """Return how much more it is with the found parameters than with the declared ones; None without those."""
        return None if self.declared is None else self.value - self.declared

    @property
    def shows_harm(self) -> bool:
        """Say whether the best trial's parameters were shown to be worse by it."""
        if self.difference_low is None or self.difference_high is None:
            return False
        return self.difference_high < 0 if self.is_highest_best else self.difference_low > 0


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
        metric: the same of what trials were chosen by; None where that is the loss.
    """

    n_rows: int
    n_days: int
    loss: float
    declared_loss: float | None = None
    low: float | None = None
    high: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    metric: MetricProof | None = None

    @property
    def difference(self) -> float | None:
        """Return how much more is lost with the found parameters than with the declared ones; None without those."""
        return None if self.declared_loss is None else self.loss - self.declared_loss

    @property
    def shows_harm(self) -> bool:
        """Say whether the best trial's parameters were shown to be worse, by the loss or by the metric."""
        loses_more = self.difference_low is not None and self.difference_low > 0
        return loses_more or (self.metric is not None and self.metric.shows_harm)


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What a tuning found.

    Attributes:
        run_id: the run that it was.
        parameters: the chosen ones: of the best completed trial, or the declared ones where that was shown to be worse.
        declared: those that the loop declares.
        best: number of the best completed trial.
        trials: all, in order.
        loss_name: what they were judged by; the proof names the metric that they were chosen by, where one is declared.
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
        """Return the best trial's loss on the selection rows: where trials are chosen by it, the least of many."""
        return self._best.loss or 0.0

    @property
    def best_metric(self) -> float | None:
        """Return the best trial's metric on the selection rows; None where trials are chosen by the loss."""
        return self._best.metric

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


def find_tuning(run: Run) -> Tuning | None:
    """Return what a run found that was a tuning and came to its end; None for all others."""
    is_done = TUNING in run.parameters and run.state is RunState.SUCCEEDED
    return msgspec.convert(run.result, Tuning) if is_done else None
