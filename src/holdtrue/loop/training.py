"""Training: fit a candidate on what was known before the evaluation rows, judge it, and refit the one that passed.

The gate judges a candidate on later rows that neither it nor the champion has seen. What ships is its refit on all that
is known, so that the newest rows are not lost; the refit has a check of its own and goes through a paired shadow.
"""

import math
from datetime import datetime, timedelta

import numpy as np

from holdtrue.data import Dataset, History
from holdtrue.domain import (
    Loop,
    Loss,
    Ruling,
    Verdict,
    Version,
)
from holdtrue.errors import LabelError
from holdtrue.registry import Scorer, recall_model
from holdtrue.store import Artifacts

from .catch_up import catch_up
from .fitting import Fitter, sample_rows
from .gate import Gate, Incumbent
from .loss import choose_loss
from .order import Evaluation, TrainingOrder, TrainingResult
from .rule import make_rule

# The newest share of labelled rows that a first candidate is judged on.
EVALUATION_SHARE = 0.2
# A refresh is judged on so many of the newest days that hold labelled rows, and on so many rows, but on no more than
# this share of the days that the champion has not seen: the rest of the news goes to the candidate, which must resemble
# what will ship.
EVALUATION_DAYS = 14
EVALUATION_ROWS = 60
JUDGED_SHARE = 0.7


def train_challenger(
    loop: Loop, history: History, order: TrainingOrder, fitter: Fitter, *, taught: History | None = None
) -> TrainingResult:
    """Do what the order says with the history of a snapshot; `taught` is what the champion of a catch-up had learned.

    Raises:
        TrainingFailed: the user's train raised or returned nothing usable.
        FormatRefused: what it returned cannot be stored safely.
        LabelError: no labelled rows are known at that moment.
    """
    known = history.known_at(order.as_of)
    if not known.dataset().n_rows:
        raise LabelError(
            f"no label is known at {order.as_of.isoformat()}",
            expected="labelled rows to train on",
            remedy="wait for labels, or start later",
        )
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
    cut = find_cut(known, order.champion, is_refresh=is_refresh)
    before = known.rows(until=cut).known_at(cut)
    train = before.dataset()
    if not train.n_rows:
        raise LabelError(
            f"no label is known before the evaluation rows begin at {cut.isoformat()}",
            expected="labelled rows before and after",
            remedy="wait for more labels",
        )
    loss = _continue_loss(train, order.champion)
    candidate, scorer = fitter.fit(before, until=cut)
    gate = Gate(loop=loop, order=order, train=train, later=known.rows(since=cut), loss=loss, code=fitter.code)
    evaluation, answers = gate.judge(scorer, _load_incumbent(order.champion, fitter.artifacts))
    report = TrainingResult(
        signature=scorer.signature,
        loss=loss,
        code=fitter.code,
        steps=tuple(fitter.records),
        candidate=candidate,
        evaluation=evaluation,
        action_rule=make_rule(loop, train, answers),
        notes=known.notes,
    )
    if evaluation.ruling is not Ruling.PASSED:
        return report
    return _refit(report, known, order, gate, evaluation, fitter)


def _refit(
    report: TrainingResult,
    known: History,
    order: TrainingOrder,
    gate: Gate,
    evaluation: Evaluation,
    fitter: Fitter,
) -> TrainingResult:
    refit, shipped = fitter.fit(known, until=order.as_of)
    answers = gate.score_frame(shipped)
    rows = gate.later.dataset()
    mean = float(gate.loss.rows(answers, rows.encoded_labels()).mean())
    sample = sample_rows(known.dataset())
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


def find_cut(known: History, champion: Version | None, *, is_refresh: bool) -> datetime:
    """Return where the evaluation rows begin: no version has seen them, and enough of them are left to rule.

    A refresh on the champion's own rows would be the champion again and prove nothing: it must have seen some of the
    news. Another recipe is judged on all that the champion has not seen.
    """
    labelled = known.dataset().time
    if champion is None:
        position = max(0, min(len(labelled) - 1, int(len(labelled) * (1 - EVALUATION_SHARE))))
        newest: datetime = labelled[position]
        return newest
    just_after = champion.lineage.trained_until + timedelta(microseconds=1)
    news = labelled.filter(labelled >= just_after).dt.truncate("1d").value_counts(name="n_rows").sort("time")
    if not is_refresh or not news.height:
        return just_after
    n_rows = news["n_rows"].reverse().cum_sum()
    n_wanted = max(EVALUATION_DAYS, int((n_rows < EVALUATION_ROWS).sum()) + 1)
    begin: datetime = news["time"][-min(n_wanted, math.ceil(news.height * JUDGED_SHARE))]
    return max(just_after, begin)


def _load_incumbent(champion: Version | None, artifacts: Artifacts) -> Incumbent | None:
    if champion is None:
        return None
    scorer: Scorer = recall_model(artifacts.get(champion.artifact), champion.format, champion.signature)
    return Incumbent(version=champion, scorer=scorer)


def _continue_loss(train: Dataset, champion: Version | None) -> Loss:
    # The loss of the champion goes on, so that all versions of a loop are measured by one.
    return choose_loss(train.task, train.encoded_labels()) if champion is None else champion.loss
