"""Training: fit candidates on what was known before the evaluation rows, judge them, and refit what passed.

The gate judges answers on later rows that neither who answered nor the champion has seen. What ships is a refit on all
that is known, so that the newest rows are not lost; it has a check of its own and goes through a paired shadow.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from holdtrue.data import Dataset, History
from holdtrue.domain import (
    Loop,
    Loss,
    Ruling,
    Verdict,
    Version,
)
from holdtrue.errors import LabelsScarce
from holdtrue.registry import Scorer, recall_model
from holdtrue.store import Artifacts

from .catch_up import LostRows, catch_up
from .demand import check_demands
from .fitting import Fitter, sample_rows
from .fold import EVALUATION_SHARE, Fold, cut_folds
from .gate import Contender, Gate, Incumbent
from .loss import choose_loss
from .order import Evaluation, Fitted, TrainingOrder, TrainingResult
from .rule import check_fallback, make_rule
from .weights import weigh_features


def train_challenger(
    loop: Loop, history: History, order: TrainingOrder, fitter: Fitter, *, taught: History | LostRows | None = None
) -> TrainingResult:
    """Do what the order says with the history of a snapshot; `taught` is what the champion of a catch-up had learned.

    Raises:
        TrainingFailed: the user's train raised or returned nothing usable.
        FormatRefused: what it returned cannot be stored safely.
        LabelsScarce: no labelled rows are known at that moment.
    """
    known = history.known_at(order.as_of)
    if not known.dataset().n_rows:
        raise LabelsScarce(
            f"no label is known at {order.as_of.isoformat()}",
            expected="labelled rows to train on",
            remedy="wait for labels, or start later",
        )
    check_demands(loop, known)
    check_fallback(loop, known)
    if order.is_blind:
        return _train_blindly(loop, known, order, fitter)
    if order.catches_up:
        return catch_up(loop, known, order, fitter, taught=taught)
    return _train_and_judge(loop, known, order, fitter)


def _train_blindly(loop: Loop, known: History, order: TrainingOrder, fitter: Fitter) -> TrainingResult:
    dataset = known.dataset()
    fitted, scorer = fitter.fit(known, until=order.as_of)
    has_capacity = loop.outcome is not None and loop.outcome.capacity is not None
    newest = dataset.features.tail(max(1, int(dataset.n_rows * EVALUATION_SHARE)))
    return TrainingResult(
        signature=scorer.signature,
        loss=_continue_loss(dataset, order.champion),
        code=fitter.code,
        steps=tuple(fitter.records),
        refit=fitted,
        action_rule=make_rule(loop, dataset, scorer.score(newest) if has_capacity else None),
    )


def _train_and_judge(loop: Loop, known: History, order: TrainingOrder, fitter: Fitter) -> TrainingResult:
    is_refresh = order.champion is not None and order.champion.lineage.code == fitter.code
    folds = cut_folds(known, order.champion, is_refresh=is_refresh, not_before=order.judged_from)
    first = folds[0].select_known(known).dataset()
    if not first.n_rows:
        raise LabelsScarce(
            f"no label is known before the evaluation rows begin at {folds[0].since.isoformat()}",
            expected="labelled rows before and after",
            remedy="wait for more labels",
        )
    loss = _continue_loss(first, order.champion)
    gate = Gate(
        loop=loop, order=order, train=first, later=known.rows(since=folds[0].since), known=known, loss=loss,
        code=fitter.code,
    )  # fmt: skip
    candidate, contender = _fit_folds(folds, known, gate, fitter)
    evaluation = gate.judge(contender, _load_incumbent(order.champion, fitter.artifacts))
    report = TrainingResult(
        signature=contender.scorer.signature,
        loss=loss,
        code=fitter.code,
        steps=tuple(fitter.records),
        candidate=candidate,
        evaluation=evaluation,
        action_rule=make_rule(loop, contender.train, contender.answers),
        notes=known.notes,
    )
    if evaluation.ruling is not Ruling.PASSED:
        return report
    if order.is_for_service:
        evaluation = replace(evaluation, weights=weigh_features(contender.scorer, gate.later, loss))
    return _refit(report, known, order, gate, evaluation, fitter)


def _fit_folds(folds: Sequence[Fold], known: History, gate: Gate, fitter: Fitter) -> tuple[Fitted, Contender]:
    """Return the newest fit, and what it and those before it answer to the rows of their folds."""
    fits = [fitter.fit(fold.select_known(known), until=fold.since) for fold in folds]
    parts = [gate.score(scorer, fold.select_judged(known)) for (_, scorer), fold in zip(fits, folds, strict=True)]
    (newest, scorer), before = fits[-1], folds[-1].select_known(known)
    contender = Contender(
        answers=np.concatenate(parts),
        scorer=scorer,
        train=before.dataset(),
        train_judged=before.judged(),
        model=fitter.read_model(newest),
        refit=lambda: fitter.refit(before).score,
    )
    return newest, contender


def _refit(
    report: TrainingResult,
    known: History,
    order: TrainingOrder,
    gate: Gate,
    evaluation: Evaluation,
    fitter: Fitter,
) -> TrainingResult:
    refit, shipped = fitter.fit(known, until=order.as_of)
    answers = gate.score(shipped)
    rows = gate.later.dataset()
    mean = float(gate.loss.rows(answers, rows.encoded_labels()).mean())
    sample = sample_rows(known.dataset())
    if order.is_for_service:
        refit = fitter.give_twin(refit, shipped, rows)
    return TrainingResult(
        signature=shipped.signature,
        loss=report.loss,
        code=report.code,
        steps=tuple(fitter.records),
        candidate=report.candidate,
        refit=refit,
        evaluation=evaluation,
        refit_verdict=judge_refit(mean, evaluation),
        action_rule=report.action_rule,
        sample=tuple(sample.to_dicts()),
        sample_answers=tuple(tuple(np.atleast_1d(row).tolist()) for row in shipped.score(sample)),
        notes=report.notes,
    )


def judge_refit(mean_loss: float, evaluation: Evaluation) -> Verdict:
    """Rule on a refit: it has seen the evaluation rows, so on them it must not lose more than the candidate did.

    This finds a refit that went wrong, not one that is worse on new rows: that is what its shadow is for.
    """
    allowed = evaluation.candidate_loss + evaluation.terms.margin
    has_passed = mean_loss <= allowed
    figures = f"{mean_loss:.4g} on the evaluation rows, which it has seen, against {evaluation.candidate_loss:.4g}"
    return Verdict(
        check="refit",
        ruling=Ruling.PASSED if has_passed else Ruling.FAILED,
        sentence=f"The refit on all rows {'agrees with' if has_passed else 'is worse than'} the candidate: {figures}.",
        evidence={"loss": mean_loss, "candidate_loss": evaluation.candidate_loss, "margin": evaluation.terms.margin},
    )


def _load_incumbent(champion: Version | None, artifacts: Artifacts) -> Incumbent | None:
    if champion is None:
        return None
    scorer: Scorer = recall_model(artifacts.get(champion.artifact), champion.format, champion.signature)
    return Incumbent(version=champion, scorer=scorer)


def _continue_loss(train: Dataset, champion: Version | None) -> Loss:
    # The loss of the champion goes on, so that all versions of a loop are measured by one.
    return choose_loss(train.task, train.encoded_labels()) if champion is None else champion.loss
