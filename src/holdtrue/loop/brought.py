"""Brought: a model that was trained elsewhere, described by the loop's own rows and judged like any challenger.

It is judged on rows later than all that it may have seen, and ships as it is: there is no recipe to fit again.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from holdtrue.data import History
from holdtrue.domain import Json, Loop, Signature, name_brought
from holdtrue.errors import FormatRefused, LabelsScarce
from holdtrue.registry import Scorer, StoredModel, recall_model
from holdtrue.store import Artifacts

from .demand import check_demands
from .fitting import sample_rows, sign_rows
from .gate import Contender, Gate, Incumbent
from .loss import choose_loss
from .order import Brought, TrainingOrder, TrainingResult
from .rule import check_fallback, make_rule

# Two loads of the same bytes must answer alike.
AGREEMENT = 1e-9
JUST_AFTER = timedelta(microseconds=1)
# Where the table begins after the model's own rows, so many of the first labels tell the simple baseline.
BASELINE_SHARE = 0.2


def lay_brought(known: History, *, trained_until: datetime) -> tuple[Signature, pl.DataFrame]:
    """Return what a brought model must take and give, and rows to try it on, from what was known when it was trained.

    Raises:
        LabelsScarce: no row has a label.
    """
    rows = known.rows(until=trained_until + JUST_AFTER).dataset()
    if not rows.n_rows:
        rows = known.dataset()
    if not rows.n_rows:
        raise LabelsScarce(
            "no row of the table has a label",
            expected="labelled rows to judge the model on",
            remedy="wait for labels",
        )
    return sign_rows(rows, known), sample_rows(rows)


def judge_brought(
    loop: Loop, history: History, order: TrainingOrder, brought: Brought, artifacts: Artifacts
) -> TrainingResult:
    """Judge a brought model on the rows after all that it and the champion may have seen.

    Raises:
        FormatRefused: it does not answer as it did when it was admitted.
        LabelsScarce: no label is known that could tell the simple baseline.
    """
    known, model, champion = history.known_at(order.as_of), brought.model, order.champion
    check_demands(loop, known)
    check_fallback(loop, known)
    scorer = recall_model(artifacts.get(model.artifact), model.format, brought.signature)
    _check_answers(scorer, brought)
    seen = model.trained_until if champion is None else max(model.trained_until, champion.lineage.trained_until)
    before, later = _split(known, seen + JUST_AFTER)
    train, code = before.dataset(), name_brought(model.artifact)
    loss = champion.loss if champion is not None else choose_loss(train.task, train.encoded_labels())
    incumbent = None
    if champion is not None:
        elder = recall_model(artifacts.get(champion.artifact), champion.format, champion.signature)
        incumbent = Incumbent(version=champion, scorer=elder)
    gate = Gate(loop=loop, order=order, train=train, later=later, known=known, loss=loss, code=code)
    stored = StoredModel(format=model.format, data=artifacts.get(model.artifact))
    contender = Contender(
        answers=gate.score(scorer), scorer=scorer, train=train, train_judged=before.judged(), model=stored
    )
    evaluation = gate.judge(contender, incumbent)
    return TrainingResult(
        signature=brought.signature,
        loss=loss,
        code=code,
        steps=(),
        candidate=replace(model, n_rows=known.rows(until=model.trained_until + JUST_AFTER).n_rows),
        evaluation=evaluation,
        action_rule=make_rule(loop, train, contender.answers),
        sample=brought.sample,
        sample_answers=brought.sample_answers,
        notes=known.notes,
        is_brought=True,
    )


def _split(known: History, cut: datetime) -> tuple[History, History]:
    before = known.rows(until=cut).known_at(cut)
    if before.dataset().n_rows:
        return before, known.rows(since=cut)
    labelled = known.rows(since=cut).dataset().time
    if not len(labelled):
        raise LabelsScarce(
            f"no label is known before {cut.isoformat()} nor after",
            expected="labelled rows, of which the first tell the simple baseline",
            remedy="let the table begin before the model's own training rows end",
        )
    moved: datetime = labelled[int(len(labelled) * BASELINE_SHARE)]
    return known.rows(until=moved), known.rows(since=moved)


def _check_answers(scorer: Scorer, brought: Brought) -> None:
    rows: list[dict[str, Json]] = [dict(row) for row in brought.sample]
    answers = scorer.score(rows)
    recorded = np.array(brought.sample_answers, dtype=np.float64).reshape(answers.shape)
    difference = float(np.max(np.abs(answers - recorded), initial=0.0))
    if not difference <= AGREEMENT:
        raise FormatRefused(
            f"the model answers differently from when it was admitted (by up to {difference:.3g})",
            expected=f"a difference of at most {AGREEMENT:g}",
        )
