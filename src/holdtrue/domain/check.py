"""Checks as declared: small objects with a good default each; judging them is validation's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from holdtrue.domain.amount import check_amount
from holdtrue.domain.behaviour import InvariantTo, MonotoneIn, Reproducible, RobustTo, Serves
from holdtrue.errors import DeclarationError


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


@dataclass(frozen=True, kw_only=True)
class Slices:
    """Demands that no part of the rows pays for the rest: in no slice is a challenger shown to be worse.

    Attributes:
        columns: each entry names the column, or the columns together, whose values tell the slices apart; none for a
            search on half of the days, whose findings are confirmed on the other half.
        margin: the loss difference beyond which a slice is worse; None for 5 % of (loss of the simple baseline - loss
            of the champion).
        worst: the highest mean loss that a slice may have, as a multiple of that of all rows; None names weak slices
            and lets them pass.
    """

    columns: tuple[tuple[str, ...], ...] = ()
    margin: float | None = None
    worst: float | None = None


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """Demands that answers mean what they say: what is said with 30 % happens in 30 % of the cases.

    Attributes:
        tolerance: how far off answers may be on average: a share (0..1) for classes; for numbers a share of the
            standard deviation of the training labels.
    """

    tolerance: float = 0.05


class Equality(StrEnum):
    """What is to be equal among groups.

    SELECTION: the share that is selected (gets another action than `otherwise`, or the second of two classes). TPR and
    FPR: that share among the rows of the second class, and of the first. PRECISION: the share of the second class among
    the selected. ERROR: the share of wrong answers, or the mean absolute error. LOSS: the mean loss. CALIBRATION:
    predicted minus actual.
    """

    SELECTION = "selection"
    TPR = "tpr"
    FPR = "fpr"
    PRECISION = "precision"
    ERROR = "error"
    LOSS = "loss"
    CALIBRATION = "calibration"


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """Demands that groups fare alike.

    Attributes:
        by: each entry names the column, or the columns together, whose values tell the groups apart.
        what: what is to be equal.
        tolerance: how far a group may be from the largest one: a share for rates, else in the unit of `what`.
    """

    by: tuple[tuple[str, ...], ...]
    what: Equality = Equality.SELECTION
    tolerance: float = 0.1


# A team's own check: a function of a `holdtrue.Candidate` that returns a `holdtrue.Verdict`, True or False.
OwnCheck = Callable[[Any], object]
DeclaredCheck = (
    NotWorse
    | BeatsBaseline
    | NoLeak
    | Slices
    | Calibrated
    | Fairness
    | InvariantTo
    | MonotoneIn
    | RobustTo
    | Reproducible
    | Serves
)
Check = DeclaredCheck | OwnCheck
DEFAULT_CHECKS: tuple[Check, ...] = (NoLeak(), BeatsBaseline(), NotWorse())


def not_worse(*, margin: float | None = None, refresh: str = "no_harm", recipe: str = "non_inferior") -> NotWorse:
    """Declare the gate against the champion; `refresh` and `recipe` are "no_harm" or "non_inferior"."""
    check_amount("not_worse", "margin", margin, least=0, is_optional=True)
    for name, standard in (("refresh", refresh), ("recipe", recipe)):
        if standard not in set(Standard):
            known = [each.value for each in Standard]
            raise DeclarationError(f"not_worse({name}={standard!r}) is not known", expected=f"one of {known}")
    return NotWorse(margin=margin, refresh=Standard(refresh), recipe=Standard(recipe))


def beats_baseline() -> BeatsBaseline:
    """Declare that a version must beat the simple baseline."""
    return BeatsBaseline()


def no_leak(*, suspect_share: float = 0.9, allow: Sequence[str] = (), units_return: bool = False) -> NoLeak:
    """Declare that no feature may give the label away; `allow` names columns that are known in time all the same."""
    check_amount("no_leak", "suspect_share", suspect_share, above=0, most=1)
    if isinstance(allow, str) or not all(isinstance(name, str) and name for name in allow):
        raise DeclarationError(f"no_leak(allow={allow!r})", expected='a list of columns, such as ["dep_delay"]')
    return NoLeak(suspect_share=suspect_share, allow=tuple(allow), units_return=units_return)


def slices(*columns: str | Sequence[str], margin: float | None = None, worst: float | None = None) -> Slices:
    """Declare slices by columns (several together in a tuple), or, without columns, a search for weak ones.

    >>> slices("carrier", ("carrier", "origin")).columns
    (('carrier',), ('carrier', 'origin'))
    """
    named = _name_columns(columns)
    check_amount("slices", "margin", margin, least=0, is_optional=True)
    check_amount("slices", "worst", worst, above=1, is_optional=True, hint=": a multiple of the mean loss")
    return Slices(columns=named, margin=margin, worst=worst)


def calibrated(*, tolerance: float = 0.05) -> Calibrated:
    """Declare that answers must be calibrated within a tolerance."""
    check_amount("calibrated", "tolerance", tolerance, above=0, below=1)
    return Calibrated(tolerance=tolerance)


def fairness(by: str | Sequence[str | Sequence[str]], *, what: str = "selection", tolerance: float = 0.1) -> Fairness:
    """Declare groups, by one or more columns (several together in a tuple), that must fare alike.

    >>> fairness(by=["sex", ("sex", "age")], what="tpr").by
    (('sex',), ('sex', 'age'))
    """
    named = _name_columns((by,) if isinstance(by, str) else tuple(by))
    if not named:
        raise DeclarationError("fairness(by=[]) names no columns", expected='at least one, such as by=["age"]')
    if what not in set(Equality):
        raise DeclarationError(f"what={what!r} is not known", expected=f"one of {[each.value for each in Equality]}")
    check_amount("fairness", "tolerance", tolerance, above=0)
    return Fairness(by=named, what=Equality(what), tolerance=tolerance)


def _name_columns(columns: Sequence[str | Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    named = tuple((entry,) if isinstance(entry, str) else tuple(entry) for entry in columns)
    if any(not entry or not all(isinstance(name, str) for name in entry) for entry in named):
        raise DeclarationError(f"{columns!r} names no columns", expected='names such as "carrier", or tuples of them')
    if any(len(set(entry)) < len(entry) for entry in named) or len({frozenset(entry) for entry in named}) < len(named):
        raise DeclarationError(f"{columns!r} names the same twice", expected="each column, or columns together, once")
    return named


def check_checks(checks: Sequence[object]) -> None:
    """Refuse what is no check, what is said twice, and two margins of which one would rule alone.

    Raises:
        DeclarationError: as said.
    """
    for place, check in enumerate(checks):
        if not isinstance(check, DeclaredCheck) and not callable(check):
            raise DeclarationError(
                f"validate={check!r} is not a check",
                expected="checks such as holdtrue.not_worse(), or functions of one Candidate",
            )
        if check in checks[:place]:
            raise DeclarationError(f"validate= has {check!r} twice", expected="each check once")
    if sum(isinstance(check, NotWorse) for check in checks) > 1:
        raise DeclarationError("validate= has not_worse() twice", expected="one, with the margin that is meant")
