"""Order: what a training is asked for, and what it brings back; both cross a process border as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from holdtrue.domain import (
    WEIGHT,
    ActionRule,
    Choice,
    Json,
    Loss,
    ModelFormat,
    Provenance,
    RolloutTerms,
    Ruling,
    RunCost,
    Signature,
    SliceCut,
    StepNotes,
    StepRecord,
    Verdict,
    Version,
)


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A stored estimator: its format, the digests of its bytes and of its twin's, and the end of its training data."""

    format: ModelFormat
    artifact: str
    trained_until: datetime
    n_rows: int
    twin: str | None = None


@dataclass(frozen=True, kw_only=True)
class Brought:
    """A model that was trained elsewhere and admitted: it loads in a limited child, and answered these rows there.

    Attributes:
        model: its format and the digest of its bytes; `trained_until` says how far it may have seen.
        signature: what it takes and gives.
        sample: rows of the table.
        sample_answers: what it answered to them when it was admitted.
    """

    model: Fitted
    signature: Signature
    sample: tuple[Mapping[str, Json], ...]
    sample_answers: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class TrainingOrder:
    """A training to be done.

    Attributes:
        folder: the project's `.holdtrue` folder.
        loop_file: the file that declares the loop; None where the loop is at hand (in the same process).
        loop: the loop's name.
        dataset: digest of the snapshot; what was not known at `as_of` is left out.
        as_of: the business moment whose knowledge is used.
        champion: the version in charge, which the gate compares with; None for the first training.
        catches_up: fit the champion's recipe once more on all that is known, see `catch_up`.
        is_blind: train on all that is known and ask no gate (the policies that a backtest compares with).
        run_id: the run that this belongs to.
        brought: a model to be judged in place of one that is trained.
        is_for_service: the version may answer people: say what each feature carries, and make its twin. A backtest does
            without both.
        keeps_notes: keep what the steps noted, and what was installed, although no version comes of it.
        golden: digest of the golden rows that what would ship is held to; None without a golden set.
        is_repetition: run every step anew, past the cache, to see whether the same comes out.
        tuned: the parameters that a tuning chose, in place of the declared ones; None for these.
    """

    folder: str
    loop_file: str | None
    loop: str
    dataset: str
    as_of: datetime
    run_id: str
    champion: Version | None = None
    catches_up: bool = False
    is_blind: bool = False
    brought: Brought | None = None
    is_for_service: bool = True
    keeps_notes: bool = False
    golden: str | None = None
    is_repetition: bool = False
    tuned: Choice | None = None

    @property
    def judged_from(self) -> datetime | None:
        """Return the moment before which no row may judge: the parameters were chosen by what lies there."""
        return None if self.tuned is None else self.tuned.seen_until


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the gate found of a candidate, and on what.

    Attributes:
        digest: names the evaluation set (snapshot, begin, end).
        starts_at: first moment of the evaluation rows.
        ends_at: last moment.
        n_rows: labelled evaluation rows.
        ruling: the gate's.
        verdicts: of each check.
        sentence: the gate in one sentence.
        terms: what a rollout of this version is measured by.
        baseline_loss: mean loss of the simple baseline on these rows.
        candidate_loss: mean loss of the candidate on these rows.
        risk_upper: 95 % upper bound of the candidate's mean loss, block-robust.
        risk_design_effect: design effect of the candidate's loss.
        metrics: other figures of the candidate on these rows.
        is_refresh: whether the recipe (code) is the champion's own.
        weights: what each feature carries in the candidate; empty for one that did not pass.
        slices: what each declared slice lost; its watch goes by it.
    """

    digest: str
    starts_at: datetime
    ends_at: datetime
    n_rows: int
    ruling: Ruling
    verdicts: tuple[Verdict, ...]
    sentence: str
    terms: RolloutTerms
    baseline_loss: float
    candidate_loss: float
    risk_upper: float
    risk_design_effect: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    is_refresh: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    slices: tuple[SliceCut, ...] = ()

    @property
    def figures(self) -> Mapping[str, float]:
        """Return the figures that are kept with a version: its watch and its catch-up go by them.

        Without a row nothing was measured: there are none then, and above all no loss of 0.
        """
        if not self.n_rows:
            return {}
        return {
            **{f"evaluation_{name}": value for name, value in self.metrics.items()},
            **{f"{WEIGHT}{name}": value for name, value in self.weights.items()},
            "candidate_loss": self.candidate_loss,
            "baseline_loss": self.baseline_loss,
            "risk_upper": self.risk_upper,
            "risk_design_effect": self.risk_design_effect,
            "margin": self.terms.margin,
        }


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What a training brought.

    `candidate` is what the gate judged, `refit` the same recipe on all that is known, which ships when the gate passed.
    A blind training has a refit and nothing else, a catch-up has a refit and the verdicts on it. A model that was
    brought has a candidate only, which ships as it is when the gate passed. `step_notes` is what its steps noted down
    and printed, `installation` the digest of what was installed.
    """

    signature: Signature
    loss: Loss
    code: str
    steps: tuple[StepRecord, ...]
    candidate: Fitted | None = None
    refit: Fitted | None = None
    evaluation: Evaluation | None = None
    refit_verdict: Verdict | None = None
    catch_up: tuple[Verdict, ...] = ()
    action_rule: ActionRule | None = None
    sample: tuple[Mapping[str, Json], ...] = ()
    sample_answers: tuple[tuple[float, ...], ...] = ()
    notes: tuple[str, ...] = ()
    cost: RunCost | None = None
    is_brought: bool = False
    provenance: Provenance | None = None
    step_notes: tuple[StepNotes, ...] = ()
    installation: str | None = None

    @property
    def shipped(self) -> Fitted | None:
        """Return what would answer requests; None when nothing would."""
        if not self.is_brought:
            return self.refit
        return self.candidate if self.evaluation is not None and self.evaluation.ruling is Ruling.PASSED else None
