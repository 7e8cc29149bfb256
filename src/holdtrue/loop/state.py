"""State, facts and moves: everything that deciding goes by, and everything that it can order."""

from dataclasses import dataclass, field
from datetime import datetime

from holdtrue.domain import Alert, Every, OnRisk, Rollout, RolloutPlan, RolloutTerms, Ruling
from holdtrue.monitoring import RiskReading, SlicesReading
from holdtrue.rollout import Evidence

from .concern import Concern

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
        trains: whether the loop declares a train.
        min_new_labels: labels that must have come since the last training before another may start.
        min_new_days: days with labelled rows that the champion has not seen, below which no gate could rule.
        min_new_rows: such rows, below which no gate could rule.
    """

    every: Every | None
    on_risk: OnRisk | None
    plan: RolloutPlan
    trains: bool = True
    min_new_labels: int = 20
    min_new_days: int = MIN_NEW_DAYS
    min_new_rows: int = MIN_NEW_ROWS


@dataclass(frozen=True, kw_only=True)
class LoopState:
    """Where a loop stands: observed, not remembered by the process.

    `last_run_at` is the business moment at which the last training began, a catch-up included. `owes_catch_up` says
    that the version in charge was promoted by a rollout whose plan wants a catch-up, and no training began since: who
    promoted it was a person, or died before it could begin one. `is_undecided` says that the gate could not rule on
    what the last training brought: more rows would tell.
    """

    champion: int | None
    rollout: Rollout | None = None
    is_training: bool = False
    last_run_at: datetime | None = None
    open_alerts: tuple[Alert, ...] = ()
    owes_catch_up: bool = False
    is_undecided: bool = False


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
    """A training that brought no version: it raised, died or was interrupted."""

    run_id: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was observed since the last tick.

    `n_new_labels` counts since the last training; `n_new_rows` the labelled rows that the champion has not seen, and
    `n_new_days` the days that they lie on. `table_problem` says why the table cannot be used now; "" when it can.

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


@dataclass(frozen=True, kw_only=True)
class StartRun:
    """Train a challenger on what is known now; or, to catch up, the version in charge once more."""

    reason: str
    catches_up: bool = False


@dataclass(frozen=True, kw_only=True)
class RefuseRun:
    """A trigger fired, and a guard refused it."""

    sentence: str


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
