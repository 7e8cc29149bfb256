"""Belief: what a version believes of its own answers, beside what their labels say."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over `n_rows` labelled rows with its 95 % interval; the ends are None with fewer than two rows."""

    value: float
    n_rows: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Belief:
    """What a version believes of one metric of its own answers; never measured, whatever stands beside it.

    A belief is blind where the meaning of the inputs has changed: only labels tell. `measured` and `believed` are of
    the same labelled rows, so that they can be compared; `awaiting` is of the rows whose label has not come.

    Attributes:
        loop: name of the loop.
        version: number of the version.
        metric: "accuracy" (higher is better), or the name of the loss (lower is better).
        as_of: the moment from which it is seen.
        n_awaiting: answers whose label is not due, or has not come.
        awaiting: what it believes of them; None without any.
        measured: what the labels say; None without labels.
        believed: what it believed of the same labelled rows.
        excess: believed minus measured on these rows, with its 99 % interval.
        corrected: belief about the awaiting rows, corrected by a random sample of early labels (PPI++); None without.
        n_drawn: awaiting rows that were drawn for an early label which should have come by now.
        n_needed: labels of awaiting rows, drawn at random, that would tell the metric within `precision`.
        precision: half the width of that interval, in the unit of the metric.
    """

    loop: str
    version: int
    metric: str
    as_of: datetime
    n_awaiting: int
    awaiting: float | None = None
    measured: Estimate | None = None
    believed: float | None = None
    excess: Estimate | None = None
    corrected: Estimate | None = None
    n_drawn: int = 0
    n_needed: int | None = None
    precision: float = 0.02

    @property
    def is_over_confident(self) -> bool | None:
        """Say whether it surely believes better of itself than labels do; False: surely worse; None: not known."""
        if self.excess is None or self.excess.low is None or self.excess.high is None:
            return None
        if self.excess.low <= 0 <= self.excess.high:
            return None
        return (self.excess.value > 0) == (self.metric == "accuracy")
