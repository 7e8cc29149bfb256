"""State, facts and moves: everything that deciding goes by, and everything that it can order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from holdtrue.domain import (
    After,
    Alert,
    Every,
    Guards,
    OnCron,
    OnNewData,
    OnRisk,
    Rollout,
    RolloutPlan,
    RolloutTerms,
    Ruling,
)
from holdtrue.monitoring import RiskReading, SlicesReading
from holdtrue.rollout import Evidence

from .concern import Concern
from .spending import Spending

# A gate rules on at least 8 blocks of a day and 30 rows, and gets 7 of 10 days of the news.
MIN_NEW_DAYS = 11
MIN_NEW_ROWS = 43


@dataclass(frozen=True, kw_only=True)
class LoopPolicy:
    """What a loop is run by, once its defaults are filled in.

    Attributes:
        every: the schedule of retraining; None for none.
        on_risk: the trigger by risk; None for none.
        plan: the stages of each rollout.
        crons: the calendars of retraining.
        on_new_data: the trigger by new labels; None for none.
        afters: the other loops that are followed.
        usual_span: the time between two trainings that is planned with where no schedule says it.
        trains: whether the loop declares a train.
        guards: what else refuses a training.
        min_new_labels: labels that must have come since the last training before another may start.
        min_new_days: days with labelled rows that the champion has not seen, below which no gate could rule.
        min_new_rows: such rows, below which no gate could rule.
    """

    every: Every | None
    on_risk: OnRisk | None
    plan: RolloutPlan
    crons: tuple[OnCron, ...] = ()
    on_new_data: OnNewData | None = None
    afters: tuple[After, ...] = ()
    usual_span: timedelta = timedelta(days=7)
    trains: bool = True
    guards: Guards = field(default_factory=Guards)
    min_new_labels: int = 20
    min_new_days: int = MIN_NEW_DAYS
    min_new_rows: int = MIN_NEW_ROWS

    @property
    def interval(self) -> timedelta:
        """Return the time between two trainings that is planned with."""
        return self.usual_span if self.every is None else self.every.span


@dataclass(frozen=True, kw_only=True)
class Firing:
    """A trigger that asks for a training, and why.

    `moment` is that of a clock, which is over once a training or a refusal has answered it; None for what lasts until a
    training begins.
    """

    trigger: str
    reason: str
    moment: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class LoopState:
    """Where a loop stands: observed, not remembered by the process.

    `last_run_at` is the business moment at which the last training began, a catch-up included. `owes_catch_up` says
    that the version in charge was promoted by a rollout whose plan wants a catch-up, and no training began since: who
    promoted it was a person, or died before it could begin one. `last_asked_at` leaves out catch-ups, which nobody
    asked for: what a clock or another loop asked for during a rollout is not answered by the catch-up that follows it;
    where it is None, it is `last_run_at`. `is_undecided` says that the gate could not rule on what the last training
    brought: more rows would tell. `asked` holds, for each clock, its last moment that was answered.
    """

    champion: int | None
    rollout: Rollout | None = None
    is_training: bool = False
    last_run_at: datetime | None = None
    last_asked_at: datetime | None = None
    open_alerts: tuple[Alert, ...] = ()
    owes_catch_up: bool = False
    is_undecided: bool = False
    asked: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def asked_since(self) -> datetime | None:
        """Return the moment from which on what was asked for is still to be answered; None before any training."""
        return self.last_run_at if self.last_asked_at is None else self.last_asked_at

    def answer(self, firings: tuple[Firing, ...]) -> Mapping[str, datetime]:
        """Return `asked` once these were answered."""
        return {**self.asked, **{each.trigger: each.moment for each in firings if each.moment is not None}}


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A training that came to its end: the version that would ship, and what its gate found.

    `is_brought` says that the model was trained elsewhere: there is no recipe to catch up with.
    """

    run_id: str
    version: int
    ruling: Ruling
    sentence: str
    terms: RolloutTerms
    is_brought: bool = False


@dataclass(frozen=True, kw_only=True)
class CaughtUp:
    """A catch-up that came to its end: the version that would follow the promoted one, and what its checks found."""

    run_id: str
    version: int
    follows: int
    ruling: Ruling
    sentence: str


@dataclass(frozen=True, kw_only=True)
class TrainingLost:
    """A training that brought no version: it raised, died or was interrupted.

    `is_short` says that nothing was wrong but the few labels that have come.
    """

    run_id: str
    sentence: str
    is_short: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was observed since the last tick.

    `n_new_labels` counts since the last training; `n_new_rows` the labelled rows that the champion has not seen, and
    `n_new_days` the days that they lie on. `table_problem` says why the table cannot be used now; "" when it can.
    `golden_problem` says why the golden set cannot be used, `spent` what trainings have taken lately, `top_source`
    which source most labelled rows come from, and its share. `promotions` says when each of the other loops that are
    followed last put a new version in charge.

    `risk` is read at the threshold of the trigger (cheap, gated), `alert` at that of the alert (rare, for a person);
    `slices` are the declared parts of the rows beside it, `concerns` the other things that a person would want to
    know of.
    """

    finished: Trained | CaughtUp | TrainingLost | None = None
    evidence: Evidence | None = None
    risk: RiskReading | None = None
    alert: RiskReading | None = None
    slices: SlicesReading | None = None
    concerns: tuple[Concern, ...] = ()
    n_new_labels: int = 0
    n_new_rows: int = 0
    n_new_days: int = 0
    table_problem: str = ""
    golden_problem: str = ""
    promotions: Mapping[str, datetime] = field(default_factory=dict)
    spent: Spending = field(default_factory=Spending)
    top_source: tuple[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class StartRun:
    """Train a challenger on what is known now; or, to catch up, the version in charge once more."""

    reason: str
    catches_up: bool = False
    firings: tuple[Firing, ...] = field(default=(), compare=False)


@dataclass(frozen=True, kw_only=True)
class RefuseRun:
    """A trigger fired, and a guard refused it."""

    sentence: str
    firings: tuple[Firing, ...] = field(default=(), compare=False)


@dataclass(frozen=True, kw_only=True)
class Install:
    """Put the first version that passed its checks in charge."""

    version: int
    sentence: str


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """Put the catch-up of the version in charge into its place."""

    version: int
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Reject:
    """Leave a version that its gate did not pass where it is; the champion stays."""

    version: int
    sentence: str


@dataclass(frozen=True, kw_only=True)
class BeginRollout:
    """Put a version that passed its gate on its way."""

    version: int
    terms: RolloutTerms
    plan: RolloutPlan
    sentence: str

    def open(self, *, rollout_id: str, loop: str, champion: int, now: datetime) -> Rollout:
        """Return the rollout that this begins."""
        return Rollout(
            rollout_id=rollout_id,
            loop=loop,
            champion=champion,
            challenger=self.version,
            plan=self.plan,
            terms=self.terms,
            started_at=now,
            stage_index=0,
            stage_started_at=now,
            sentence=self.sentence,
        )


@dataclass(frozen=True, kw_only=True)
class AdvanceRollout:
    """Go on to the next stage."""

    rollout: Rollout
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Promote:
    """Put the challenger in charge."""

    rollout: Rollout
    sentence: str


@dataclass(frozen=True, kw_only=True)
class AbortRollout:
    """Take the challenger out."""

    rollout: Rollout
    sentence: str


@dataclass(frozen=True, kw_only=True)
class HoldRollout:
    """Leave the rollout where it is; the sentence says what it waits for."""

    rollout: Rollout
    sentence: str


@dataclass(frozen=True, kw_only=True)
class NoteLoss:
    """Say that a training brought nothing."""

    run_id: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class OpenAlert:
    """Ask a person to look."""

    concern: Concern

    @property
    def sentence(self) -> str:
        """Return what it is about."""
        return self.concern.sentence


@dataclass(frozen=True, kw_only=True)
class CloseAlert:
    """Close an alert whose evidence is gone."""

    alert: Alert
    sentence: str = field(default="The evidence is gone.")


Move = (
    StartRun
    | RefuseRun
    | Install
    | FollowUp
    | Reject
    | BeginRollout
    | AdvanceRollout
    | Promote
    | AbortRollout
    | HoldRollout
    | NoteLoss
    | OpenAlert
    | CloseAlert
)
