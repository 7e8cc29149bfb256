"""Leaks: features that know what turned out, because they were written down after it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import Json, NoLeak, Ruling, Task, Verdict
from holdtrue.validation.arithmetic import find_relation
from holdtrue.validation.comparison import MIN_ROWS
from holdtrue.validation.label import find_labelled
from holdtrue.validation.single import score_feature
from holdtrue.validation.suspect import (
    LEAST_SCORE,
    Sample,
    Suspect,
    find_suspects,
    is_calendar,
    is_calm,
    is_lag,
    relate_ranks,
)

if TYPE_CHECKING:
    from holdtrue.data import Dataset

CHECK = "no_leak"
N_SAMPLE = 20_000
# AUC .9975, or 99.5 % of the variance, from one column alone: the label in other words.
COPY_SCORE = 0.995
COPY_RANK = 0.9999


def find_leaks(dataset: Dataset, check: NoLeak) -> Verdict:
    """Return whether features give the label away.

    Failed: label arithmetic (columns that add up to the label), a column that is the label in other words, a row number
    that orders with the label. Passed, with the names in the sentence and in `evidence["suspects"]`: a feature that
    alone is about as good as all the others together (`check.suspect_share`). It may be honest, and only the team
    knows whether its value is known at the moment of the prediction.

    Rows are sampled evenly (20,000), so that a million rows cost no more.
    """
    sample = _take_sample(dataset)
    if len(sample.labels) < MIN_ROWS or len(np.unique(sample.labels)) < 2:
        sentence = f"Not enough data to look for leaks: need {MIN_ROWS} labelled rows of more than one value."
        return Verdict(check=CHECK, ruling=Ruling.INCONCLUSIVE, sentence=sentence)
    refusal = _find_arithmetic(sample, dataset.label.name)
    if refusal is not None:
        return refusal
    scores = {
        name: score_feature(sample.features[name], sample.labels, task=sample.task, n_classes=sample.n_classes)
        for name in sample.features.columns
    }
    refusal = _refuse_copies(sample, scores, dataset.label.name)
    if refusal is not None:
        return refusal
    return _name_suspects(find_suspects(sample, scores, suspect_share=check.suspect_share), scores)


def _take_sample(dataset: Dataset) -> Sample:
    labels = dataset.encoded_labels()
    places = np.flatnonzero(find_labelled(labels, task=dataset.task))
    if len(places) > N_SAMPLE:
        places = places[np.linspace(0, len(places) - 1, N_SAMPLE).astype(np.int64)]
    return Sample(
        features=dataset.features[places],
        labels=labels[places],
        time=dataset.time[places],
        task=dataset.task,
        n_classes=len(dataset.classes),
    )


def _find_arithmetic(sample: Sample, label: str) -> Verdict | None:
    if sample.task is not Task.REGRESSION:
        return None
    columns: dict[str, NDArray[np.float64]] = {
        name: sample.features[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name, dtype in sample.features.schema.items()
        if dtype.is_numeric() or dtype == pl.Boolean
    }
    found = find_relation(sample.labels, columns)
    if found is None:
        return None
    sentence = (
        f"The label is given away: {label} = {found.formula} in {found.share:.1%} of the rows. Such columns are "
        f"known only when the label is: leave them out with drop={list(found.columns)!r}."
    )
    evidence: dict[str, Json] = {"columns": list(found.columns), "formula": found.formula, "share": found.share}
    return Verdict(check=CHECK, ruling=Ruling.FAILED, sentence=sentence, evidence=evidence)


def _refuse_copies(sample: Sample, scores: Mapping[str, float], label: str) -> Verdict | None:
    copies = sorted((name for name in scores if _is_copy(sample, name, scores[name])), key=lambda name: -scores[name])
    if copies:
        kind = "alone determines the label" if len(copies) == 1 else "each determine the label alone"
        return _refuse(copies, kind, label, scores)
    numbers = [name for name in scores if scores[name] >= LEAST_SCORE and _is_row_number(sample, name)]
    if numbers:
        kind = "differs in every row, as a row number does, and yet orders with the label"
        return _refuse(numbers, kind, label, scores)
    return None


def _is_copy(sample: Sample, name: str, score: float) -> bool:
    """Say whether a column is the label in other words.

    A number that hardly changes from row to row is honestly foretold by its present value, so a numeric column has to
    order the rows exactly as a numeric label does. A calendar or a lag may foretell a label perfectly, and so may any
    column foretell a class that hardly changes.
    """
    column = sample.features[name]
    if not sample.task.has_classes and column.dtype.is_numeric():
        is_alike = relate_ranks(column, pl.Series(sample.labels)) >= COPY_RANK
    else:
        is_alike = score >= COPY_SCORE and not (sample.task.has_classes and is_calm(pl.Series(sample.labels)))
    if not is_alike:
        return False
    return not (is_calendar(column, sample.time) or is_lag(column, sample.labels))


def _refuse(names: Sequence[str], kind: str, label: str, scores: Mapping[str, float]) -> Verdict:
    sentence = (
        f"The label is given away: {', '.join(names)} {kind} {label!r}. Leave out what is not known at the moment of "
        f"the prediction with drop={list(names)!r}."
    )
    evidence: dict[str, Json] = {"columns": list(names), "scores": {name: scores[name] for name in names}}
    return Verdict(check=CHECK, ruling=Ruling.FAILED, sentence=sentence, evidence=evidence)


def _is_row_number(sample: Sample, name: str) -> bool:
    """Say whether a column names rows and does not simply count them in order of time."""
    column = sample.features[name]
    if column.dtype.is_float() or column.null_count() or column.n_unique() < 0.99 * len(column):
        return False
    return not (column.dtype.is_numeric() and (column.is_sorted() or column.is_sorted(descending=True)))


def _name_suspects(suspects: Sequence[Suspect], scores: Mapping[str, float]) -> Verdict:
    strongest = sorted(scores, key=lambda name: -scores[name])[:5]
    evidence: dict[str, Json] = {
        "suspects": [suspect.column for suspect in suspects],
        "alone": {suspect.column: suspect.alone for suspect in suspects},
        "others": {suspect.column: suspect.others for suspect in suspects},
        "strongest": {name: scores[name] for name in strongest},
    }
    if not suspects:
        sentence = "No feature gives the label away."
    else:
        said = [f"{each.column} ({each.alone:.2f} of 1, all others together {each.others:.2f})" for each in suspects]
        sentence = (
            f"Suspect: {', '.join(said)} alone does nearly all the work. Make sure that it is known at the moment of "
            f"the prediction; if not, leave it out with drop={[each.column for each in suspects]!r}."
        )
    return Verdict(check=CHECK, ruling=Ruling.PASSED, sentence=sentence, evidence=evidence)
