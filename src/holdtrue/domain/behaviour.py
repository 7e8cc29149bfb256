"""Checks on a candidate's behaviour as declared: how its answers move when its inputs do; judging is validation's."""

from dataclasses import dataclass
from enum import StrEnum

from holdtrue.errors import DeclarationError


class Direction(StrEnum):
    """Which way answers may go when a column rises."""

    INCREASING = "increasing"
    DECREASING = "decreasing"


@dataclass(frozen=True, kw_only=True)
class InvariantTo:
    """Demands that answers stay where they are when only one column's value is swapped for another row's.

    Attributes:
        column: the feature.
        tolerance: how far an answer may move, as a probability or in the label's unit; None for .01, or for a hundredth
            of what lies between the 5 % and the 95 % quantile of the training labels.
        share: the share (0..1) of rows that may move by more.
    """

    column: str
    tolerance: float | None = None
    share: float = 0.01

    @property
    def name(self) -> str:
        """Return the name that its verdict has."""
        return f"invariant_to({self.column})"


@dataclass(frozen=True, kw_only=True)
class MonotoneIn:
    """Demands that an answer only goes one way when one column rises and the others stay.

    Attributes:
        column: the feature, a number.
        direction: which way the answer may go.
        tolerance: how far it may go back, as for `InvariantTo`.
        share: the share (0..1) of rows whose answer may go back further.
    """

    column: str
    direction: Direction
    tolerance: float | None = None
    share: float = 0.01

    @property
    def name(self) -> str:
        """Return the name that its verdict has."""
        return f"monotone_in({self.column})"


def invariant_to(column: str, *, tolerance: float | None = None, share: float = 0.01) -> InvariantTo:
    """Declare that answers may not depend on a column: swapping its values may not move them.

    It looks at this column alone. What other columns say of it (a hub says much of a carrier) is not taken from the
    model by it.

    >>> invariant_to("carrier")
    InvariantTo(column='carrier', tolerance=None, share=0.01)
    """
    _check_amount("tolerance", tolerance)
    _check_share("share", share)
    return InvariantTo(column=column, tolerance=tolerance, share=share)


def monotone_in(column: str, direction: str, *, tolerance: float | None = None, share: float = 0.01) -> MonotoneIn:
    """Declare that answers may only rise ("increasing") or only fall ("decreasing") when a column rises.

    For classes it is the probability of the second of two; with more classes it cannot be judged.

    >>> monotone_in("heat", "increasing").direction.value
    'increasing'
    """
    if direction not in set(Direction):
        raise DeclarationError(
            f"direction={direction!r} is not known", expected=f"one of {[each.value for each in Direction]}"
        )
    _check_amount("tolerance", tolerance)
    _check_share("share", share)
    return MonotoneIn(column=column, direction=Direction(direction), tolerance=tolerance, share=share)


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise DeclarationError(f"{name}={value!r} is not a share", expected="a number above 0 and below 1")


def _check_amount(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value < float("inf"):
        raise DeclarationError(f"{name}={value!r} cannot be meant", expected="a number of at least 0, or None")
