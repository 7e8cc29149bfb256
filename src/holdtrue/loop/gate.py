"""Gate: a candidate judged on later rows that neither it nor the champion has seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import Dataset, History
from holdtrue.domain import (
    Loop,
    Loss,
    NoLeak,
    NotWorse,
    RolloutTerms,
    SliceCut,
    Standard,
    Verdict,
    Version,
    digest_of,
    measure_quality,
)
from holdtrue.errors import ColumnMissing, SchemaMismatch
from holdtrue.monitoring import settle_design_effect
from holdtrue.registry import Scorer, StoredModel
from holdtrue.stats import paired_interval
from holdtrue.validation import (
    Candidate,
    GateReport,
    baseline_predictions,
    judge_gate,
    judge_leaks,
    measure_metric_intervals,
)

from .order import Evaluation, TrainingOrder
from .rule import make_rule
from .score import score_labelled
from .slices import settle_slices


@dataclass(frozen=True, kw_only=True)
class Incumbent:
    """The version in charge, ready to score."""

    version: Version
    scorer: Scorer


@dataclass(frozen=True, kw_only=True, eq=False)
class Contender:
    """What a training sends to its gate.

    Attributes:
        answers: to the labelled evaluation rows, of the newest fit or of the fits before each of their days.
        scorer: the newest fit.
        train: the rows that it learned from.
        train_judged: their judged columns, see `History.judged`.
        model: its bytes.
        refit: trains the recipe once more on the same rows and returns what that answers with; None without a recipe.
    """

    answers: NDArray[np.float64]
    scorer: Scorer
    train: Dataset
    train_judged: pl.DataFrame
    model: StoredModel
    refit: Callable[[], Callable[[pl.DataFrame], NDArray[np.float64]]] | None = None


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Judges candidates of one loop.

    Attributes:
        loop: what is demanded.
        train: the labelled rows that were known before the evaluation rows.
        later: the evaluation rows, after all of them.
        known: all rows as they are known now.
        loss: what answers are judged by.
        code: fingerprint of the candidate's recipe.
    """

    loop: Loop
    order: TrainingOrder
    train: Dataset
    later: History
    known: History
    loss: Loss
    code: str

    def score(self, scorer: Scorer, rows: History | None = None) -> NDArray[np.float64]:
        """Return a scorer's answers to the labelled evaluation rows, or to these of them, in the columns of classes."""
        return score_labelled(
            scorer, self.later if rows is None else rows, classes=self.later.classes, known=self.known
        )

    def judge(self, contender: Contender, incumbent: Incumbent | None) -> Evaluation:
        """Return what was found of a contender."""
        rows, answers = self.later.dataset(), contender.answers
        champion = None if incumbent is None else self._score_incumbent(incumbent)
        baseline = baseline_predictions(
            self.train.encoded_labels(), n_rows=rows.n_rows, task=rows.task, classes=rows.classes
        )
        is_refresh = incumbent is not None and incumbent.version.lineage.code == self.code
        candidate = Candidate(
            rows=rows,
            answers=answers,
            champion=champion,
            baseline=baseline,
            train=contender.train,
            score=contender.scorer.score,
            loss=self.loss,
            is_refresh=is_refresh,
            refit=contender.refit,
            model=contender.model,
            signature=contender.scorer.signature,
            rule=make_rule(self.loop, contender.train, answers),
            judged=self.later.judged(),
            train_judged=contender.train_judged,
        )
        report = judge_gate(
            checks=self.loop.checks, candidate=candidate, labels=self.loop.table.labels, findings=self._find_leaks()
        )
        found = self._describe(report, rows, answers, is_refresh=is_refresh)
        return replace(found, slices=self._settle_slices(contender, rows))

    def _score_incumbent(self, incumbent: Incumbent) -> NDArray[np.float64]:
        try:
            return self.score(incumbent.scorer)
        except (ColumnMissing, SchemaMismatch) as problem:
            name = incumbent.version.name
            raise SchemaMismatch(
                f"the champion {name} cannot answer the rows of now: {problem.found}",
                expected=f"rows that {name} can answer too, since the gate compares with it",
                remedy="keep the old column beside the new until a version without it is in charge, or declare the "
                "changed table as a loop of another name",
            ) from problem

    def _find_leaks(self) -> Sequence[Verdict]:
        checks = [check for check in self.loop.checks if isinstance(check, NoLeak)]
        rows = self.later.dataset()
        return [each for check in checks for each in judge_leaks(self.train, rows, check, known=self.known)]

    def _settle_slices(self, contender: Contender, rows: Dataset) -> tuple[SliceCut, ...]:
        return settle_slices(
            self.loop.watched_slices,
            reference=contender.train.features,
            judged=rows.features,
            losses=self.loss.rows(contender.answers, rows.encoded_labels()),
            days=day_numbers(rows),
            loss=self.loss,
        )

    def _describe(
        self, report: GateReport, rows: Dataset, answers: NDArray[np.float64], *, is_refresh: bool
    ) -> Evaluation:
        labels = rows.encoded_labels()
        losses = self.loss.rows(answers, labels)
        days = day_numbers(rows)
        is_spread = len(np.unique(days)) > 1
        risk = paired_interval(losses, blocks=days) if is_spread else None
        mean = float(losses.mean()) if len(losses) else report.challenger_risk
        moments = [str(rows.time.min()), str(rows.time.max()), rows.n_rows]
        return Evaluation(
            digest=digest_of([self.order.dataset, self.order.as_of, moments]),
            starts_at=self.later.starts_at if self.later.n_rows else self.order.as_of,
            ends_at=self.later.ends_at if self.later.n_rows else self.order.as_of,
            n_rows=rows.n_rows,
            ruling=report.ruling,
            verdicts=report.verdicts,
            sentence=report.sentence,
            terms=self._make_terms(report, is_refresh=is_refresh),
            baseline_loss=report.baseline_risk,
            candidate_loss=mean,
            risk_upper=risk.high if risk is not None else mean,
            risk_design_effect=risk.design_effect if risk is not None else 1.0,
            metrics=_measure_metrics(rows, answers, days),
            is_refresh=is_refresh,
        )

    def _make_terms(self, report: GateReport, *, is_refresh: bool) -> RolloutTerms:
        standards = [c.refresh if is_refresh else c.recipe for c in self.loop.checks if isinstance(c, NotWorse)]
        return RolloutTerms(
            margin=report.margin,
            loss_low=self.loss.low,
            loss_high=self.loss.high,
            design_effect=settle_design_effect(report.design_effect, n_rows=report.n_rows, n_blocks=report.n_blocks),
            champion_risk=report.champion_risk,
            standard=standards[0] if standards else Standard.NO_HARM,
        )


def _measure_metrics(rows: Dataset, answers: NDArray[np.float64], days: NDArray[np.int64]) -> dict[str, float]:
    """Return the figures that people know, and the ends of their intervals as `NAME_low` and `NAME_high`."""
    labels = rows.encoded_labels()
    found = measure_quality(rows.task, answers, labels)
    for name, each in measure_metric_intervals(rows.task, answers, labels, days=days).items():
        if each.low is not None and each.high is not None:
            found |= {f"{name}_low": each.low, f"{name}_high": each.high}
    return found


def day_numbers(rows: Dataset) -> NDArray[np.int64]:
    """Return the day (since 1970, UTC) of each row, shape (n_rows,)."""
    return rows.time.dt.epoch("d").to_numpy().astype(np.int64)
