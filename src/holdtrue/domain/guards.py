"""Guards: what a retraining must keep to before it starts, as a team declares it."""

from dataclasses import dataclass
from datetime import timedelta

from holdtrue.domain.amount import check_amount
from holdtrue.domain.span import parse_span
from holdtrue.errors import DeclarationError

MIN_NEW_LABELS = 20


@dataclass(frozen=True, kw_only=True)
class Golden:
    """A frozen set of labelled rows that no feed may alter; nothing ships that does not keep its floor there.

    Attributes:
        path: the file, with the columns of the loop's table.
        floor: the least skill: 1 - (mean loss / mean loss of the best constant answer to these rows). 1 is perfect, 0
            as good as the constant.
    """

    path: str
    floor: float


@dataclass(frozen=True, kw_only=True)
class Guards:
    """What refuses a retraining that a trigger asked for; None asks nothing.

    Attributes:
        cooldown: the least time between the beginnings of two trainings.
        max_runs_a_day: trainings that may begin in 24 hours, catch-ups and those of persons counted.
        max_minutes_a_day: minutes that the trainings of the last 24 hours may have taken, above which none begins.
        max_cost_a_month: money that the trainings of the last 30 days may have cost, above which none begins, by the
            price `core_hour` under `[tool.holdtrue.cost]`, in its currency.
        min_new_labels: labels that must have come since the last training began.
        max_source_share: share (0..1) of the training rows that one source may have.
        golden: the frozen set.
    """

    cooldown: timedelta | None = None
    max_runs_a_day: int | None = None
    max_minutes_a_day: float | None = None
    max_cost_a_month: float | None = None
    min_new_labels: int = MIN_NEW_LABELS
    max_source_share: float | None = None
    golden: Golden | None = None

    @property
    def has_budget(self) -> bool:
        """Say whether runs, minutes or money are limited."""
        return any(each is not None for each in (self.max_runs_a_day, self.max_minutes_a_day, self.max_cost_a_month))


def golden(path: str, *, floor: float) -> Golden:
    """Declare a frozen set of labelled rows, and the least skill there; see `Golden`.

    Raises:
        DeclarationError: a floor that nothing can keep, or a path that names several files.

    >>> golden("golden.parquet", floor=0.1).floor
    0.1
    """
    check_amount("golden", "floor", floor, below=1, hint=", which is a loss of zero; 0 is the constant")
    if any(sign in str(path) for sign in "*?["):
        raise DeclarationError(f"the golden set {path!r} is a pattern", expected="one file, which never changes")
    return Golden(path=str(path), floor=float(floor))


def guards(
    *,
    cooldown: str | timedelta | None = None,
    max_runs_a_day: int | None = None,
    max_minutes_a_day: float | None = None,
    max_cost_a_month: float | None = None,
    core_hour_price: float | None = None,
    min_new_labels: int = MIN_NEW_LABELS,
    max_source_share: float | None = None,
    golden: Golden | None = None,
) -> Guards:
    """Declare what refuses a retraining that a trigger asked for; see `Guards` for the meaning of each.

    Raises:
        DeclarationError: a limit that allows nothing; a price, which is no part of a loop: it is `core_hour` under
            `[tool.holdtrue.cost]` in `pyproject.toml`.

    >>> guards(cooldown="12h", max_runs_a_day=4).max_runs_a_day
    4
    """
    check_amount("guards", "max_runs_a_day", max_runs_a_day, least=1, is_whole=True, is_optional=True)
    check_amount("guards", "max_minutes_a_day", max_minutes_a_day, above=0, is_optional=True)
    check_amount("guards", "max_cost_a_month", max_cost_a_month, above=0, is_optional=True)
    check_amount("guards", "min_new_labels", min_new_labels, least=0, is_whole=True)
    check_amount("guards", "max_source_share", max_source_share, above=0, below=1, is_optional=True)
    if core_hour_price is not None:
        raise DeclarationError(
            f"guards(core_hour_price={core_hour_price}): a price says where a loop runs, not what it is",
            expected="max_cost_a_month alone",
            remedy=f"write core_hour = {core_hour_price} under [tool.holdtrue.cost] in pyproject.toml",
        )
    if golden is not None and not isinstance(golden, Golden):
        raise DeclarationError(f"guards(golden={golden!r})", expected='what holdtrue.golden("file", floor=...) returns')
    return Guards(
        cooldown=None if cooldown is None else parse_span(cooldown),
        max_runs_a_day=max_runs_a_day,
        max_minutes_a_day=max_minutes_a_day,
        max_cost_a_month=max_cost_a_month,
        min_new_labels=min_new_labels,
        max_source_share=max_source_share,
        golden=golden,
    )
