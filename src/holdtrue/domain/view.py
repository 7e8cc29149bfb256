"""View: what a person is shown of a project at one moment, gathered from the store and never written back."""

from dataclasses import dataclass, fields
from datetime import datetime

import msgspec

from holdtrue.domain.alert import Alert, Window
from holdtrue.domain.audit import AuditEntry
from holdtrue.domain.belief import Belief
from holdtrue.domain.dataset import DatasetRecord
from holdtrue.domain.loss import LossKind
from holdtrue.domain.prediction import LabelFact, Prediction
from holdtrue.domain.rollout import Rollout
from holdtrue.domain.run import Run
from holdtrue.domain.slicing import SliceReading
from holdtrue.domain.traffic import Traffic
from holdtrue.domain.verdict import VerdictRecord
from holdtrue.domain.version import Version


@dataclass(frozen=True, kw_only=True)
class Takeover:
    """The moment at which a version (its number) came into charge."""

    at: datetime
    version: int


@dataclass(frozen=True, kw_only=True)
class EvidencePoint:
    """Where the evidence of a rollout stood: the challenger's mean loss minus the champion's (negative: better).

    `low` and `high` are the ends of a 95 % confidence sequence, so that looking at any time is allowed; None: not yet
    known. `n_rows` counts matured pairs, or the challenger's matured rows in an unpaired canary.
    """

    at: datetime
    n_rows: int
    difference: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class ShareChange:
    """The moment from which the challenger answered this share (0..1) of the units."""

    at: datetime
    share: float


@dataclass(frozen=True, kw_only=True)
class RolloutView:
    """A rollout with its evidence so far, in order of time.

    `sentence` says what the evidence says; "" leaves that to the report. `expected_days_left` covers all stages that
    remain; None when the traffic does not tell yet.
    """

    rollout: Rollout
    sentence: str = ""
    expected_days_left: float | None = None
    evidence: tuple[EvidencePoint, ...] = ()
    shares: tuple[ShareChange, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LabelCoverage:
    """How many predictions were answered, of how many the label is due by now, and of how many of those it has come."""

    n_predictions: int
    n_due: int
    n_labelled: int

    @property
    def share(self) -> float | None:
        """Return the share of due labels that have come, 0..1; None while none is due."""
        return self.n_labelled / self.n_due if self.n_due else None


@dataclass(frozen=True, kw_only=True)
class LoopView:
    """One loop as it stands.

    Attributes:
        name: the loop's name.
        loss: what it is judged by.
        champion: the version in charge; None before the first.
        challenger: the version on trial, if any.
        traffic: the wanted split; None before the first version.
        rollout: the active rollout, or the last one that ended.
        windows: measured quality, of all versions that answered.
        takeovers: who was in charge from when, in order of time.
        coverage: of the labels of the last windows; None before the first prediction.
        decisions: the newest links of the audit chain, newest first.
        alerts: the open ones.
        runs: newest first.
        baseline_loss: mean loss of the simple baseline, for comparison.
        beliefs: what the version in charge believes of its own answers; never measured.
        slices: how the declared slices of the version in charge stand.
        notes: sentences that a reader must know.
        is_watched: the model is served elsewhere: there are neither versions of its own, decisions nor runs.
    """

    name: str
    loss: LossKind
    champion: Version | None = None
    challenger: Version | None = None
    traffic: Traffic | None = None
    rollout: RolloutView | None = None
    windows: tuple[Window, ...] = ()
    takeovers: tuple[Takeover, ...] = ()
    coverage: LabelCoverage | None = None
    decisions: tuple[AuditEntry, ...] = ()
    alerts: tuple[Alert, ...] = ()
    runs: tuple[Run, ...] = ()
    baseline_loss: float | None = None
    beliefs: tuple[Belief, ...] = ()
    slices: tuple[SliceReading, ...] = ()
    notes: tuple[str, ...] = ()
    is_watched: bool = False


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A whole project as it stands. `now` is business time, which runs `clock_speed` times as fast as ours."""

    project: str
    now: datetime
    loops: tuple[LoopView, ...]
    clock_speed: float = 1.0
    predict_url: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The way from one answer back to everything that it rests on.

    Attributes:
        prediction: the answer, as logged before it left.
        label: the last label received for it, if any.
        version: the version that answered.
        release: digest of the release document that put it on the servers.
        run: the run that trained it.
        dataset: the snapshot that it was trained on.
        verdicts: the rulings about it, oldest first.
        decisions: the links of the audit chain about it, oldest first; the one that put it in charge is among them.
        refusals: the last trainings of the loop that a guard refused, oldest first: why no younger version answered.
    """

    prediction: Prediction
    label: LabelFact | None = None
    version: Version | None = None
    release: str | None = None
    run: Run | None = None
    dataset: DatasetRecord | None = None
    verdicts: tuple[VerdictRecord, ...] = ()
    decisions: tuple[AuditEntry, ...] = ()
    refusals: tuple[AuditEntry, ...] = ()

    def describe(self) -> dict[str, object]:
        """Return all of it by name, for JSON: the log's compact rows have no names of their own."""
        parts: dict[str, object] = {part.name: getattr(self, part.name) for part in fields(self)}
        return parts | {"prediction": msgspec.structs.asdict(self.prediction)}
