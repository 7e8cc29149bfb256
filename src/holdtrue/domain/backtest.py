"""Backtest: what a loop would have been worth on its own past, beside simpler policies (`backtest --json`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class DecisionKind(StrEnum):
    """What was decided at a moment of a policy's life."""

    RETRAINED = "retrained"
    REJECTED = "rejected"
    ROLLED_OUT = "rolled_out"
    PROMOTED = "promoted"
    CAUGHT_UP = "caught_up"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled_back"
    ALERTED = "alerted"
    CALMED = "calmed"


@dataclass(frozen=True, kw_only=True)
class Value:
    """What the answers were worth under the declared outcome, in `unit`, with a 95 % interval (None: not known)."""

    amount: float
    unit: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision of a policy, in a sentence. `version` is the version it was about, if any."""

    at: datetime
    action: DecisionKind
    version: int | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A policy's loss minus another's on the same rows (negative: better), with a block-robust 95 % interval."""

    other: str
    difference: float
    low: float | None
    high: float | None
    n_blocks: int


@dataclass(frozen=True, kw_only=True)
class PeriodResult:
    """One period [start, end) of a policy. `loss` is None when no label of the period is known.

    `versus_static` compares it with the policy static in the same period, by blocks of a day; None without that policy.

    `metrics` may hold log_loss, brier, auc, predicted_share, actual_share, mean_absolute_error and others.
    """

    start: datetime
    end: datetime
    n_rows: int
    n_labelled: int
    loss: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    loss_low: float | None = None
    loss_high: float | None = None
    n_retrains: int = 0
    n_promotions: int = 0
    n_rejected: int = 0
    value: Value | None = None
    versus_static: Comparison | None = None


@dataclass(frozen=True, kw_only=True)
class PolicyResult:
    """What one policy would have been worth over the whole span and in each period.

    `n_catch_ups` counts the promoted versions that were fitted once more on the labels of their rollout.
    """

    policy: str
    n_rows: int
    n_labelled: int
    loss: float | None
    loss_low: float | None
    loss_high: float | None
    loss_name: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    n_retrains: int = 0
    n_promotions: int = 0
    n_rejected: int = 0
    n_catch_ups: int = 0
    value: Value | None = None
    periods: tuple[PeriodResult, ...] = ()
    versus: tuple[Comparison, ...] = ()
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StandardResult:
    """What one standard of the gate ruled on all challengers of a replayed loop.

    `after_passed` and `after_refused` are the mean loss of the judged candidates minus that of the champion over the
    schedule's span after their gate (negative: the candidate would have been better); None without such candidates.
    """

    standard: str
    n_passed: int
    n_failed: int
    n_inconclusive: int
    after_passed: float | None
    after_refused: float | None


@dataclass(frozen=True, kw_only=True)
class BacktestResult:
    """A replayed span of a loop's history under several policies, all judged on the same rows.

    Attributes:
        loop: the loop's name.
        policies: in the order in which they were asked for.
        margin: the difference in mean loss that counts as "not worse".
        baseline_loss: mean loss of the simple baseline (class shares, or the median) on the same rows.
        started_at: begin of the replayed span.
        ended_at: end of the replayed span.
        standards: what each standard of the gate would have ruled on the loop's challengers.
        unit_name: what one row is, in words, for sentences ("flight"); "prediction" when nobody said.
        notes: sentences that a reader must know.
    """

    loop: str
    policies: tuple[PolicyResult, ...]
    margin: float
    baseline_loss: float | None
    started_at: datetime
    ended_at: datetime
    standards: tuple[StandardResult, ...] = ()
    unit_name: str = "prediction"
    notes: tuple[str, ...] = ()

    @property
    def told(self) -> PolicyResult:
        """Return the policy that a report is about: the loop where it was replayed, else the last one."""
        return next((result for result in self.policies if result.policy == "loop"), self.policies[-1])

    def policy(self, name: str) -> PolicyResult:
        """Return the policy of that name; `KeyError` when it was not asked for."""
        for result in self.policies:
            if result.policy == name:
                return result
        raise KeyError(name)
