"""Triggers: what starts a retraining; joined by `|`."""

from dataclasses import dataclass
from datetime import timedelta

from holdtrue.errors import DeclarationError


@dataclass(frozen=True, kw_only=True)
class Every:
    """Retrains when `span` has passed since the last retraining began."""

    span: timedelta

    def __or__(self, other: "Every | OnRisk | Triggers") -> "Triggers":
        return _join(self, other)


@dataclass(frozen=True, kw_only=True)
class OnRisk:
    """Retrains when the risk of the version in charge has risen beyond its tolerance.

    Attributes:
        tolerance: how much the loss may rise, as a share of (loss of the simple baseline - loss of the champion).
        run_length_days: the average time between false triggers that is accepted; a trigger is cheap and gated, so it
            may be shorter than an alert's.
        cooldown: the shortest time between two retrainings that risk starts.
    """

    tolerance: float = 0.1
    run_length_days: float = 60.0
    cooldown: timedelta = timedelta(days=7)

    def __or__(self, other: "Every | OnRisk | Triggers") -> "Triggers":
        return _join(self, other)


@dataclass(frozen=True, kw_only=True)
class Triggers:
    """Several triggers; any of them may fire."""

    every: Every | None = None
    on_risk: OnRisk | None = None

    def __or__(self, other: "Every | OnRisk | Triggers") -> "Triggers":
        return _join(self, other)


def _join(left: Every | OnRisk | Triggers, right: Every | OnRisk | Triggers) -> Triggers:
    every = [t.every if isinstance(t, Triggers) else t for t in (left, right) if not isinstance(t, OnRisk)]
    risk = [t.on_risk if isinstance(t, Triggers) else t for t in (left, right) if not isinstance(t, Every)]
    schedules = [t for t in every if t is not None]
    risks = [t for t in risk if t is not None]
    if len(schedules) > 1 or len(risks) > 1:
        raise DeclarationError("two triggers of one kind are joined", expected="at most one schedule and one on_risk()")
    return Triggers(every=schedules[0] if schedules else None, on_risk=risks[0] if risks else None)


def every(*, days: float = 0, hours: float = 0, minutes: float = 0) -> Every:
    """Declare a schedule: retrain each time that so much business time has passed.

    >>> (every(days=7) | on_risk()).every.span.days
    7
    """
    span = timedelta(days=days, hours=hours, minutes=minutes)
    if span <= timedelta(0):
        raise DeclarationError("every() names no time", expected="days=, hours= or minutes= above zero")
    return Every(span=span)


def on_risk(*, tolerance: float = 0.1, run_length_days: float = 60.0, cooldown_days: float = 7.0) -> OnRisk:
    """Declare a retraining when the measured risk rises; see `OnRisk` for the meaning of the numbers."""
    return OnRisk(tolerance=tolerance, run_length_days=run_length_days, cooldown=timedelta(days=cooldown_days))
