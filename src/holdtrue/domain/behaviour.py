"""Checks on a candidate's behaviour as declared: how its answers move when its inputs do; judging is validation's."""

from dataclasses import dataclass
from enum import StrEnum

from holdtrue.domain.amount import check_amount
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


@dataclass(frozen=True, kw_only=True)
class RobustTo:
    """Demands that noisy numbers and missing values cost little of what a model is worth.

    Attributes:
        noise: standard deviation of the noise on each number, in spreads of its column; 0 leaves it out.
        missing: probability (0..1) of each value to be missing; 0 leaves it out. A level that training had not seen is
            answered as a missing one.
        share: by how much the loss may rise, as a share of (loss of the simple baseline - loss of the candidate).
    """

    noise: float = 0.05
    missing: float = 0.05
    share: float = 0.25

    @property
    def name(self) -> str:
        """Return the name that its verdict has."""
        return "robust_to"


@dataclass(frozen=True, kw_only=True)
class Reproducible:
    """Demands that the same recipe on the same rows gives the same answers when it is trained again.

    Attributes:
        tolerance: how far an answer may lie from what it was, as a probability or in the label's unit; None for a
            millionth of what answers range over.
    """

    tolerance: float | None = None

    @property
    def name(self) -> str:
        """Return the name that its verdict has."""
        return "reproducible"


@dataclass(frozen=True, kw_only=True)
class Serves:
    """Demands that a version answers from its bytes alone as it did, within budgets; None leaves a budget out.

    Attributes:
        p99_ms: milliseconds in which 99 of 100 rows are answered, each alone, without HTTP and without a queue.
        size_mb: millions of bytes of the model as it is stored.
        memory_mb: millions of bytes that a process which does nothing else holds at most.
        cold_start_seconds: from starting that process to its first answer.
    """

    p99_ms: float | None = 50.0
    size_mb: float | None = 500.0
    memory_mb: float | None = 2_000.0
    cold_start_seconds: float | None = 60.0

    @property
    def name(self) -> str:
        """Return the name that its verdict has."""
        return "serves"


def invariant_to(column: str, *, tolerance: float | None = None, share: float = 0.01) -> InvariantTo:
    """Declare that answers may not depend on a column: swapping its values may not move them.

    It looks at this column alone. What other columns say of it (a hub says much of a carrier) is not taken from the
    model by it.

    >>> invariant_to("carrier")
    InvariantTo(column='carrier', tolerance=None, share=0.01)
    """
    _check_move("invariant_to", column, tolerance, share)
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
    _check_move("monotone_in", column, tolerance, share)
    return MonotoneIn(column=column, direction=Direction(direction), tolerance=tolerance, share=share)


def robust_to(*, noise: float = 0.05, missing: float = 0.05, share: float = 0.25) -> RobustTo:
    """Declare that noise on the numbers, and values that do not come, may cost only a share of the model's gain.

    Noise is normal, in spreads of each column (its interquartile range over 1.349); whole numbers are rounded. Values
    go missing in all columns, also in those that training always had: a model that cannot answer without them fails.
    Where no request can lack a value, say missing=0.

    >>> robust_to(missing=0)
    RobustTo(noise=0.05, missing=0, share=0.25)
    """
    check_amount("robust_to", "noise", noise, least=0)
    check_amount("robust_to", "missing", missing, least=0, below=1)
    check_amount("robust_to", "share", share, least=0)
    if not noise and not missing:
        raise DeclarationError("robust_to(noise=0, missing=0) demands nothing", expected="one of them above 0")
    return RobustTo(noise=noise, missing=missing, share=share)


def reproducible(*, tolerance: float | None = None) -> Reproducible:
    """Declare that training again on the same rows must give the same answers; it costs one more training.

    >>> reproducible()
    Reproducible(tolerance=None)
    """
    check_amount("reproducible", "tolerance", tolerance, least=0, is_optional=True)
    return Reproducible(tolerance=tolerance)


def serves(
    *,
    p99_ms: float | None = 50.0,
    size_mb: float | None = 500.0,
    memory_mb: float | None = 2_000.0,
    cold_start_seconds: float | None = 60.0,
) -> Serves:
    """Declare that a version must load from its bytes in a clean, limited process and answer there as it did here.

    Up to 300 recorded rows are replayed one by one, up to five times. The time of a row is the least of its repeats,
    and p99 is taken over the rows: other work on the machine only adds, so what is left is the model's own. A start
    beyond a budget is tried up to three times; if it is late still, though the processor worked less than the budget
    for it, the machine was busy and the verdict is inconclusive. The process may use one thread, as a server's does,
    and no more than twice the memory that is allowed or 2 GiB, so that a model which asks for more ends there.

    >>> serves(p99_ms=5, size_mb=None).p99_ms
    5
    """
    for name, budget in (
        ("p99_ms", p99_ms),
        ("size_mb", size_mb),
        ("memory_mb", memory_mb),
        ("cold_start_seconds", cold_start_seconds),
    ):
        check_amount("serves", name, budget, least=0, is_optional=True)
    return Serves(p99_ms=p99_ms, size_mb=size_mb, memory_mb=memory_mb, cold_start_seconds=cold_start_seconds)


def _check_move(call: str, column: object, tolerance: float | None, share: float) -> None:
    if not isinstance(column, str) or not column:
        raise DeclarationError(
            f"{call}({column!r}) names no column", expected='the name of a feature, such as "carrier"'
        )
    check_amount(call, "tolerance", tolerance, least=0, is_optional=True)
    check_amount(call, "share", share, above=0, below=1)
