"""The gate: one look at a challenger on later, labelled rows that nobody trained on, before it may answer anyone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from holdtrue.domain import (
    BeatsBaseline,
    Check,
    Json,
    LabelScope,
    NotWorse,
    Ruling,
    Standard,
    Task,
    Verdict,
    combine_rulings,
)
from holdtrue.validation.answer import find_bad_answers
from holdtrue.validation.baseline import CHECK as BEATS_BASELINE
from holdtrue.validation.baseline import judge_baseline
from holdtrue.validation.candidate import Candidate
from holdtrue.validation.comparison import Comparison
from holdtrue.validation.evaluated import Evaluated, evaluate, find_scarcity
from holdtrue.validation.judges import judge_declared
from holdtrue.validation.own import judge_own_checks
from holdtrue.validation.standard import rule_standard, tell_standard

NOT_WORSE = "not_worse"
ANSWERS = "answers"


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """What the gate ruled, and the figures that a rollout goes on with.

    Attributes:
        ruling: of all verdicts together.
        verdicts: one for each check.
        margin: the largest mean loss difference that counts as "not worse".
        design_effect: of the paired differences, at least 1.
        champion_risk: mean loss of the champion on the evaluation rows; of the baseline when there is no champion.
        challenger_risk: mean loss of the challenger.
        baseline_risk: mean loss of the simple baseline.
        n_rows: labelled evaluation rows.
        n_blocks: blocks of time that they lie in.
        sentence: the ruling for people.
    """

    ruling: Ruling
    verdicts: tuple[Verdict, ...]
    margin: float
    design_effect: float
    champion_risk: float
    challenger_risk: float
    baseline_risk: float
    n_rows: int
    n_blocks: int
    sentence: str


def judge_gate(
    *,
    checks: Sequence[Check],
    candidate: Candidate,
    labels: LabelScope | str = LabelScope.ALL,
    findings: Sequence[Verdict] = (),
) -> GateReport:
    """Judge a candidate on a frozen evaluation set; a bad model is a verdict, not an exception.

    Args:
        checks: what the loop demands (`NoLeak` is judged by `find_leaks`).
        candidate: what is judged, and on which rows.
        labels: "acted" rows cannot be judged without propensities.
        findings: verdicts found before (leaks, overlap), which count as well.
    """
    if (bad := find_bad_answers(candidate.answers, candidate.rows)) is not None:
        return _report_nothing([*findings, Verdict(check=ANSWERS, ruling=Ruling.FAILED, sentence=bad)])
    candidate = replace(candidate, scope=LabelScope(labels))
    rows, is_refresh = evaluate(candidate), candidate.is_refresh
    comparison = rows.compare(rows.baseline if rows.champion is None else rows.champion)
    margin = choose_margin(checks, rows)
    found = [
        judge_baseline(rows.compare(rows.baseline, alpha=0.10), relieves=comparison, is_refresh=is_refresh)
        if isinstance(check, BeatsBaseline)
        else _judge_not_worse(check, rows, comparison, margin=margin, is_refresh=is_refresh)
        for check in _choose_checks(checks, has_champion=rows.champion is not None)
    ]
    if (shortage := find_scarcity(rows, candidate.scope)) is not None:
        found = [replace(verdict, ruling=Ruling.INCONCLUSIVE, sentence=shortage) for verdict in found]
    found += [*judge_declared(checks, candidate), *judge_own_checks(checks, candidate)]
    return _report([*findings, *found], rows, comparison, margin=margin)


def choose_margin(checks: Sequence[Check], rows: Evaluated) -> float:
    """Return the declared margin, else the margin that is usual for these rows, see `Evaluated`."""
    declared = [float(check.margin) for check in checks if isinstance(check, NotWorse) and check.margin is not None]
    return declared[0] if declared else rows.margin


def _choose_checks(checks: Sequence[Check], *, has_champion: bool) -> list[NotWorse | BeatsBaseline]:
    """Return the checks that compare losses; without a champion the baseline stands in for it."""
    comparing = [check for check in checks if isinstance(check, NotWorse | BeatsBaseline)]
    if has_champion or not comparing:
        return comparing
    return [BeatsBaseline()]


def _judge_not_worse(
    check: NotWorse, rows: Evaluated, comparison: Comparison, *, margin: float, is_refresh: bool
) -> Verdict:
    standard = check.refresh if is_refresh else check.recipe
    anchor, note = "champion", ""
    baseline_risk = float(rows.baseline.mean()) if len(rows.labels) else 0.0
    if comparison.n_rows and comparison.anchor_risk >= baseline_risk:
        so = "it needs relief" if is_refresh else "the challenger is held against the baseline"
        note = (
            f"The champion ({comparison.loss_name} {comparison.anchor_risk:.4g}) is no better than the simple baseline "
            f"({baseline_risk:.4g}), so {so}. "
        )
        if not is_refresh:
            anchor, comparison = "simple baseline", rows.compare(rows.baseline)
    rulings = {each: rule_standard(each, comparison, margin=margin) for each in Standard}
    ruling = rulings[standard]
    n_rows, n_days = comparison.required(margin=margin)
    evidence: dict[str, Json] = comparison.to_evidence() | {
        "anchor": anchor,
        "standard": standard.value,
        "rulings": {each.value: found.value for each, found in rulings.items()},
        "margin": margin,
        "baseline_loss": baseline_risk,
        "required_rows": n_rows,
        "required_days": n_days,
        "auc": _compare_auc(rows, comparison),
    }
    sentence = note + tell_standard(standard, ruling, comparison, margin=margin, anchor=anchor)
    return Verdict(check=NOT_WORSE, ruling=ruling, sentence=sentence, evidence=evidence)


def _compare_auc(rows: Evaluated, comparison: Comparison) -> dict[str, Json] | None:
    """Return both areas under the ROC curve with DeLong's block-robust interval, for two classes; it rules nothing."""
    if rows.task is not Task.BINARY or rows.champion_answers is None or comparison.interval is None:
        return None
    if not 2 <= int((rows.labels == 1).sum()) <= len(rows.labels) - 2:
        return None
    from holdtrue.stats import delong_paired

    blocks = (rows.days - rows.days.min()) // comparison.block_days
    found = delong_paired(rows.answers[:, 1], rows.champion_answers[:, 1], rows.labels == 1, blocks=blocks)
    return {
        "challenger": found.auc_a,
        "champion": found.auc_b,
        "difference": found.difference,
        "low": found.interval.low,
        "high": found.interval.high,
        "p_value": found.p_value,
    }


def _report(verdicts: list[Verdict], rows: Evaluated, comparison: Comparison, *, margin: float) -> GateReport:
    return GateReport(
        ruling=combine_rulings(verdicts),
        verdicts=tuple(verdicts),
        margin=margin,
        design_effect=comparison.design_effect,
        champion_risk=comparison.anchor_risk,
        challenger_risk=comparison.risk,
        baseline_risk=float(rows.baseline.mean()) if len(rows.labels) else 0.0,
        n_rows=comparison.n_rows,
        n_blocks=comparison.n_blocks,
        sentence=tell_gate(verdicts),
    )


def _report_nothing(verdicts: list[Verdict]) -> GateReport:
    """Return the report of a challenger that could not be compared at all."""
    return GateReport(
        ruling=combine_rulings(verdicts),
        verdicts=tuple(verdicts),
        margin=0.0,
        design_effect=1.0,
        champion_risk=0.0,
        challenger_risk=0.0,
        baseline_risk=0.0,
        n_rows=0,
        n_blocks=0,
        sentence=tell_gate(verdicts),
    )


def tell_gate(verdicts: Sequence[Verdict]) -> str:
    """Return the sentence of the verdict that decided; comparisons with champion and baseline speak first."""
    if not verdicts:
        return "Nothing was checked, so nothing has passed."
    ruling = combine_rulings(verdicts)
    deciding = [verdict for verdict in verdicts if verdict.ruling is ruling]
    first = (each for name in (NOT_WORSE, BEATS_BASELINE) for each in deciding if each.check == name)
    return next(first, deciding[-1]).sentence
