"""Watch: what was found of a model that is served elsewhere, from its logged predictions and their labels."""

from dataclasses import dataclass
from datetime import datetime

from holdtrue.domain.alert import Alert, Window
from holdtrue.domain.belief import Belief
from holdtrue.domain.loss import LossKind
from holdtrue.domain.slicing import SliceReading
from holdtrue.domain.task import LabelValue, Task
from holdtrue.domain.view import LabelCoverage, Takeover


@dataclass(frozen=True, kw_only=True)
class WatchedVersion:
    """One version of a watched model over all of its answers whose label has come.

    Attributes:
        number: counts the versions in order of their first answer.
        name: as the log names it.
        starts_at: time of its first answer.
        ends_at: time of its last one.
        n_rows: its answers.
        n_labelled: those with a label that is due.
        loss: their mean loss with its 95 % interval (`low`, `high`); None without labels.
        reference_until: the end of the rows that the risk is held against; None where there are too few.
        reference_loss: mean loss of those.
        baseline_loss: what the simple baseline (the best constant answer) loses on those.
        limit: the mean loss that is still in order: an upper bound of the reference's, and a tolerance.
        sentence: how its risk stands.
        slices: how the declared slices stand.
    """

    number: int
    name: str
    starts_at: datetime
    ends_at: datetime
    n_rows: int
    n_labelled: int
    loss: float | None = None
    low: float | None = None
    high: float | None = None
    reference_until: datetime | None = None
    reference_loss: float | None = None
    baseline_loss: float | None = None
    limit: float | None = None
    sentence: str = ""
    slices: tuple[SliceReading, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WatchResult:
    """How good logged predictions were over time, and when their risk rose.

    Attributes:
        loop: the loop's name.
        source: where the log came from.
        as_of: what was due and known at this moment counts.
        task: the kind of question.
        classes: in the order of the answers; empty for numbers.
        loss_kind: what the predictions are judged by.
        versions: in order of their first answer.
        takeovers: when each version answered first.
        windows: quality over time.
        alerts: in order of time; their evidence names the inputs that moved.
        coverage: how many labels were due, and had come.
        beliefs: what the last version believes of its own answers, never measured; none of numbers.
        notes: sentences on the data.
    """

    loop: str
    source: str
    as_of: datetime
    task: Task
    classes: tuple[LabelValue, ...]
    loss_kind: LossKind
    versions: tuple[WatchedVersion, ...]
    takeovers: tuple[Takeover, ...]
    windows: tuple[Window, ...]
    alerts: tuple[Alert, ...]
    coverage: LabelCoverage
    beliefs: tuple[Belief, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def has_reference(self) -> bool:
        """Say whether any version had enough labels to hold its risk against."""
        return any(version.limit is not None for version in self.versions)
