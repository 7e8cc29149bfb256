"""Rollout: the planned way from challenger to champion, and where one stands on it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from holdtrue.domain.amount import LONGEST_DAYS, check_amount
from holdtrue.domain.check import Standard
from holdtrue.errors import DeclarationError

ABORT_BUDGET = 0.05


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """The declared manner of a rollout: shadow or not, then rising shares, each for its rows and days.

    Attributes:
        shares: the challenger's shares in order; the last one is 1 (promotion).
        has_shadow: whether it first answers in shadow, where nobody sees its answers.
        is_paired: whether the version that does not answer is asked too during the canary, so that evidence stays
            paired; False for labels that the decision itself can change, or where asking twice is too dear.
        min_rows: matured, labelled rows that a stage needs (of the challenger's, or pairs).
        min_days: the shortest time of a canary stage, in business days.
        shadow_days: the shortest time in shadow, in business days.
        abort_budget: the chance, over the whole rollout, of stopping a challenger that does no harm.
        catches_up: whether a promoted version is fitted once more on the labels that came during its rollout.
    """

    shares: tuple[float, ...] = (0.05, 0.25, 1.0)
    has_shadow: bool = True
    is_paired: bool = True
    min_rows: int = 500
    min_days: float = 1.0
    shadow_days: float = 3.0
    abort_budget: float = ABORT_BUDGET
    catches_up: bool = True


def canary(
    shares: list[float] | tuple[float, ...] = (0.05, 0.25, 1.0),
    *,
    shadow: bool = True,
    paired: bool = True,
    min_rows: int = 500,
    min_days: float = 1.0,
    shadow_days: float = 3.0,
    catch_up: bool = True,
) -> Strategy:
    """Declare a canary rollout, with shadow first unless said otherwise.

    >>> canary([.1, 1]).shares
    (0.1, 1.0)
    """
    if not isinstance(shares, list | tuple):
        raise DeclarationError(f"canary({shares!r})", expected="a list of rising shares, such as [0.05, 0.25, 1]")
    for share in shares:
        check_amount("canary", "share", share, above=0, most=1)
    steps = tuple(float(share) for share in shares)
    if not steps or list(steps) != sorted(set(steps)) or not (steps[0] > 0 and steps[-1] == 1.0):
        raise DeclarationError(
            f"the shares {list(shares)} are no way up", expected="rising shares above 0 that end with 1"
        )
    check_amount("canary", "min_rows", min_rows, least=1, is_whole=True)
    check_amount("canary", "min_days", min_days, least=0, most=LONGEST_DAYS)
    check_amount("canary", "shadow_days", shadow_days, least=0, most=LONGEST_DAYS)
    return Strategy(
        shares=steps,
        has_shadow=shadow,
        is_paired=paired,
        min_rows=min_rows,
        min_days=min_days,
        shadow_days=shadow_days,
        catches_up=catch_up,
    )


class StageKind(StrEnum):
    """The two kinds of stage."""

    SHADOW = "shadow"
    CANARY = "canary"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One planned stage: what share the challenger answers, and what must have matured before it ends.

    `expected_days` is what the loop's own traffic says it will take, label delay included.
    """

    kind: StageKind
    share: float
    min_rows: int
    min_span: timedelta
    expected_days: float
    is_paired: bool = True


@dataclass(frozen=True, kw_only=True)
class RolloutPlan:
    """The stages before promotion; none means that the gate alone decides. `note` says why it is as it is."""

    stages: tuple[Stage, ...]
    note: str
    abort_budget: float = ABORT_BUDGET
    catches_up: bool = True

    @property
    def expected_days(self) -> float:
        """Return how many days the whole rollout is expected to take."""
        return sum(stage.expected_days for stage in self.stages)

    @property
    def is_gate_only(self) -> bool:
        """Say whether the gate alone decides."""
        return not self.stages


class RolloutStatus(StrEnum):
    """Where a rollout stands."""

    ACTIVE = "active"
    PROMOTED = "promoted"
    ABORTED = "aborted"


@dataclass(frozen=True, kw_only=True)
class RolloutTerms:
    """What the evidence of a rollout is measured by; frozen when it begins, so that nothing moves the goal posts.

    Attributes:
        margin: the largest difference in mean loss that counts as "not worse".
        loss_low: the lower bound of the loss.
        loss_high: the upper bound of the loss.
        design_effect: by how much fewer independent rows there are than rows (>= 1); evidence is tempered by it.
        champion_risk: the champion's known mean loss, the anchor of the randomised comparison.
        standard: what the gate demanded, and the stages go on demanding.
    """

    margin: float
    loss_low: float
    loss_high: float
    design_effect: float
    champion_risk: float
    standard: Standard = Standard.NO_HARM


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """One rollout of one challenger against one champion (version numbers), and its state.

    `plan` and `terms` never change; a new challenger is a new rollout.
    """

    rollout_id: str
    loop: str
    champion: int
    challenger: int
    plan: RolloutPlan
    terms: RolloutTerms
    started_at: datetime
    stage_index: int
    stage_started_at: datetime
    status: RolloutStatus = RolloutStatus.ACTIVE
    ended_at: datetime | None = None
    sentence: str = ""
    revision: int = 0
    exposures: dict[str, int] = field(default_factory=dict)

    @property
    def stage(self) -> Stage:
        """Return the stage that it is in."""
        return self.plan.stages[self.stage_index]
