"""Checks as declared: small objects with a good default each; judging them is validation's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from holdtrue.domain.behaviour import InvariantTo, MonotoneIn, Reproducible, RobustTo, Serves


class Standard(StrEnum):
    """What the gate demands of a challenger against the champion.

    NON_INFERIOR demands proof that it is not worse by the margin. NO_HARM demands that harm is not shown, and that the
    estimate is within the margin or its own error; the version then stays under guard in shadow and canary.
    """

    NON_INFERIOR = "non_inferior"
    NO_HARM = "no_harm"


@dataclass(frozen=True, kw_only=True)
class NotWorse:
    """Demands that a challenger is not worse than the champion on the same later, labelled rows.

    Attributes:
        margin: the largest loss difference that counts as "not worse", in the loss's unit; None for 5 % of
            (loss of the simple baseline - loss of the champion).
        refresh: the standard for a refit of the champion's own recipe on newer data.
        recipe: the standard for a new recipe.
    """

    margin: float | None = None
    refresh: Standard = Standard.NO_HARM
    recipe: Standard = Standard.NON_INFERIOR


@dataclass(frozen=True, kw_only=True)
class BeatsBaseline:
    """Demands that a version beats the simple baseline: the training rows' class shares, or their median."""


@dataclass(frozen=True, kw_only=True)
class NoLeak:
    """Demands that no feature gives the label away: label arithmetic is refused, a too strong feature is named.

    Attributes:
        suspect_share: the share (0..1) of what all the other features reach together that one feature alone may reach
            before it is named as suspect.
        allow: columns that the team has made sure of: they are known at the moment of the prediction.
        units_return: units that were trained on are asked about again, with a label that hardly changes.
    """

    suspect_share: float = 0.9
    allow: tuple[str, ...] = ()
    units_return: bool = False


# A team's own check: a function of a `holdtrue.Candidate` that returns a `holdtrue.Verdict`, True or False.
OwnCheck = Callable[[Any], object]
DeclaredCheck = NotWorse | BeatsBaseline | NoLeak | InvariantTo | MonotoneIn | RobustTo | Reproducible | Serves
Check = DeclaredCheck | OwnCheck
DEFAULT_CHECKS: tuple[Check, ...] = (NoLeak(), BeatsBaseline(), NotWorse())


def not_worse(*, margin: float | None = None, refresh: str = "no_harm", recipe: str = "non_inferior") -> NotWorse:
    """Declare the gate against the champion; `refresh` and `recipe` are "no_harm" or "non_inferior"."""
    return NotWorse(margin=margin, refresh=Standard(refresh), recipe=Standard(recipe))


def beats_baseline() -> BeatsBaseline:
    """Declare that a version must beat the simple baseline."""
    return BeatsBaseline()


def no_leak(*, suspect_share: float = 0.9, allow: Sequence[str] = (), units_return: bool = False) -> NoLeak:
    """Declare that no feature may give the label away; `allow` names columns that are known in time all the same."""
    return NoLeak(suspect_share=suspect_share, allow=tuple(allow), units_return=units_return)
