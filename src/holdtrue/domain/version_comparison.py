"""Comparison of versions: two versions of a loop on the newest rows that neither has seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Finding(StrEnum):
    """What two versions turn out to be to each other: the first against the second."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"
    EQUAL = "equal"
    NO_DATA = "no data"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A figure with the ends of its 95 % interval, block-robust; None where there is too little to tell."""

    estimate: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Rows with similar answers: what was predicted and what came, with the interval of what came."""

    n_rows: int
    predicted: float
    actual: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class ComparedVersion:
    """One of the two.

    Attributes:
        name: such as "v3".
        is_champion: whether it is in charge.
        seen_until: time of the last labelled row that it was trained on; where `is_brought`, as it is said.
        format: of the model.
        n_bytes: of the stored model.
        is_brought: its model came as a file, so that nothing proves what it was trained on.
        row_ms: what one row alone takes, in milliseconds; the median of some.
        rows_a_second: what a batch reaches, the fastest of some.
        loss: mean loss; None without rows.
        metrics: other figures, as `measure_quality` names them.
        intervals: those of the metrics that have an interval.
        bias: predicted minus actual.
        calibration_error: mean over rows of the distance between predicted and actual in their bin.
        slope: of what came on what was predicted.
        bins: what was predicted and what came.
        worth: what its decisions were worth a prediction; None without a declared outcome.
    """

    name: str
    is_champion: bool
    seen_until: datetime
    format: str
    n_bytes: int
    is_brought: bool = False
    row_ms: float | None = None
    rows_a_second: float | None = None
    loss: Measured | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, Measured] = field(default_factory=dict)
    bias: Measured | None = None
    calibration_error: Measured | None = None
    slope: Measured | None = None
    bins: tuple[ReliabilityBin, ...] = ()
    worth: Measured | None = None


@dataclass(frozen=True, kw_only=True)
class SliceDifference:
    """What the two lose on some of the rows; `difference` is first - second.

    `finding` is better or worse only where that is shown among all slices together (Holm).
    """

    name: str
    n_rows: int
    first_loss: float
    second_loss: float
    finding: Finding
    difference: Measured | None = None
    shortage: str | None = None


@dataclass(frozen=True, kw_only=True)
class VersionComparison:
    """Two versions on the same rows; every difference is first - second, so that below 0 the first loses less.

    Attributes:
        loop: its name.
        loss_name: what is compared.
        first: the version that is asked about.
        second: the version that it is held to.
        finding: what the first is to the second.
        sentence: the same for people.
        n_rows: labelled rows that neither has seen.
        n_from_log: those of them that come from the prediction log.
        starts_at: the first of them; None without rows.
        ends_at: the last of them.
        difference: of the mean losses.
        auc: of the areas under the ROC curve; None unless there are two classes.
        metrics: of the other figures that are means over rows, by name.
        worth: of what decisions are worth a prediction, in `unit`; None without a declared outcome.
        unit: of the worth.
        slices: by the declared columns, else by the columns of few values.
        notes: what to know about the rows.
    """

    loop: str
    loss_name: str
    first: ComparedVersion
    second: ComparedVersion
    finding: Finding
    sentence: str
    n_rows: int = 0
    n_from_log: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    difference: Measured | None = None
    auc: Measured | None = None
    metrics: Mapping[str, Measured] = field(default_factory=dict)
    worth: Measured | None = None
    unit: str | None = None
    slices: tuple[SliceDifference, ...] = ()
    notes: tuple[str, ...] = ()
