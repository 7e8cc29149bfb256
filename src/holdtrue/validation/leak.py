"""Leaks: features that know what turned out, because they were written down after it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray

from holdtrue.domain import Json, NoLeak, Ruling, Task, Verdict
from holdtrue.validation.arithmetic import find_relation
from holdtrue.validation.comparison import MIN_ROWS
from holdtrue.validation.copy import find_copies, find_near_copies
from holdtrue.validation.encoding import find_encoding
from holdtrue.validation.finding import Finding
from holdtrue.validation.hindsight import find_hindsight
from holdtrue.validation.identity import find_telling_name
from holdtrue.validation.label import find_labelled
from holdtrue.validation.lead import find_lead
from holdtrue.validation.single import score_feature
from holdtrue.validation.suspect import Sample, Suspect, find_suspects
from holdtrue.validation.threshold import find_threshold

if TYPE_CHECKING:
    from holdtrue.data import Dataset, History

CHECK = "no_leak"
N_SAMPLE = 20_000
# Squares and products of larger numbers are no numbers any more, and a forest holds single precision.
LARGEST = 1e30


def find_leaks(dataset: Dataset, check: NoLeak, *, known: History | None = None) -> Verdict:
    """Return whether features give the label away.

    Failed: label arithmetic (columns that add up to the label, or whose sum or difference tells two classes apart), a
    column that is the label in other words, a row number or an id that tells it, the label of a later row, the mean
    label of a level over rows that were not over yet, a value that is missing until the label is known. Passed, with
    the names in the sentence and in `evidence["suspects"]`: what may be honest, such as a feature that alone is about
    as good as all the others together (`check.suspect_share`). Only the team knows whether its value is known at the
    moment of the prediction. Columns in `check.allow` are left out.

    Rows are sampled evenly (20,000), so that a million rows cost little more.

    Args:
        dataset: the rows to train on.
        check: what is demanded.
        known: all rows as they are known now, later ones and those without labels included: they show what was known
            only later.
    """
    sample = _take_sample(dataset, check)
    if len(sample.labels) < MIN_ROWS or len(np.unique(sample.labels)) < 2:
        sentence = f"Not enough data to look for leaks: need {MIN_ROWS} labelled rows of more than one value."
        return Verdict(check=CHECK, ruling=Ruling.INCONCLUSIVE, sentence=sentence)
    scores = {
        name: score_feature(sample.features[name], sample.labels, task=sample.task, n_classes=sample.n_classes)
        for name in sample.features.columns
    }
    computed = [] if known is None else [feature.name for feature in known.features]
    named = []
    for finding in _search(dataset, sample, scores, known):
        if finding.is_sure:
            return _refuse(finding, dataset.label.name, computed)
        named.append(finding)
    suspects = find_suspects(sample, scores, suspect_share=check.suspect_share)
    near = find_near_copies(sample, suspects)
    if near is not None:
        return _refuse(near, dataset.label.name, computed)
    return _name_suspects(suspects, named, scores, computed)


def _take_sample(dataset: Dataset, check: NoLeak) -> Sample:
    labels = dataset.encoded_labels()
    places = np.flatnonzero(find_labelled(labels, task=dataset.task))
    if len(places) > N_SAMPLE:
        places = places[np.linspace(0, len(places) - 1, N_SAMPLE).astype(np.int64)]
    return Sample(
        features=tame_numbers(dataset.features.drop(check.allow, strict=False)[places]),
        labels=labels[places],
        time=dataset.time[places],
        task=dataset.task,
        n_classes=len(dataset.classes),
    )


def tame_numbers(features: pl.DataFrame) -> pl.DataFrame:
    """Return the columns with those beyond 1e30 in a larger unit, which leaves their order and what they tell.

    >>> tame_numbers(pl.DataFrame({"x": [-2e300, 1e300, None], "n": [1, 2, 3]}))["x"].abs().max() <= 1.1e30
    True
    """
    floats = features.select(cs.float().cast(pl.Float64))
    largest = floats.select(pl.all().abs().max().fill_null(0.0)).to_dicts()
    tops = largest[0] if largest else {}
    return features.with_columns(floats[name] * (LARGEST / top) for name, top in tops.items() if top > LARGEST)


def _search(dataset: Dataset, sample: Sample, scores: Mapping[str, float], known: History | None) -> Iterator[Finding]:
    """Yield what is found, search by search: the cheap and the telling first."""
    names = sample.features.columns
    yield from _keep(_find_arithmetic(sample, dataset.label.name))
    yield from _keep(find_copies(sample, scores))
    yield from _keep(find_telling_name(sample))
    yield from _keep(find_threshold(sample, scores))
    yield from _keep(find_lead(dataset, names))
    all_rows = dataset if known is None else known.dataset()
    yield from _keep(find_encoding(all_rows, names, trained_until=dataset.time[-1]))
    if known is not None:
        yield from _keep(find_hindsight(known, names))


def _keep(finding: Finding | None) -> list[Finding]:
    return [] if finding is None else [finding]


def _find_arithmetic(sample: Sample, label: str) -> Finding | None:
    if sample.task is Task.BINARY:
        return None  # two values are the sum of nothing in particular; see `find_threshold`
    columns: dict[str, NDArray[np.float64]] = {
        name: sample.features[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name, dtype in sample.features.schema.items()
        if dtype.is_numeric() or dtype == pl.Boolean
    }
    found = find_relation(sample.labels.astype(np.float64), columns, has_classes=sample.task.has_classes)
    if found is None:
        return None
    kind = f"{label} = {found.formula} in {found.share:.1%} of the rows"
    return Finding(columns=found.columns, kind=kind, evidence={"formula": found.formula, "share": found.share})


def _refuse(finding: Finding, label: str, computed: Sequence[str]) -> Verdict:
    sentence = (
        f"The label {label!r} is given away: {finding.kind}. Leave out what is not known at the moment of the "
        f"prediction with {_tell_way_out(finding.columns, computed)}."
    )
    evidence: dict[str, Json] = {"columns": list(finding.columns), **finding.evidence}
    return Verdict(check=CHECK, ruling=Ruling.FAILED, sentence=sentence, evidence=evidence)


def _tell_way_out(columns: Sequence[str], computed: Sequence[str]) -> str:
    """Return what to write for columns to be left out; a computed one is no column that could be dropped."""
    given = [name for name in columns if name not in computed]
    made = [name for name in columns if name in computed]
    told = [] if made and not given else [f"drop={given!r}"]
    return " and ".join(told + ([f"features= without the computed {', '.join(made)}"] if made else []))


def _name_suspects(
    suspects: Sequence[Suspect], named: Sequence[Finding], scores: Mapping[str, float], computed: Sequence[str]
) -> Verdict:
    strongest = sorted(scores, key=lambda name: -scores[name])[:5]
    columns = [each.column for each in suspects]
    columns += [name for each in named for name in each.columns if name not in columns]
    evidence: dict[str, Json] = {
        "suspects": list(columns),
        "alone": {suspect.column: suspect.alone for suspect in suspects},
        "others": {suspect.column: suspect.others for suspect in suspects},
        "strongest": {name: scores[name] for name in strongest},
    }
    said = [each.kind for each in named]
    if suspects:
        parts = [f"{each.column} ({each.alone:.2f} of 1, all others together {each.others:.2f})" for each in suspects]
        said.insert(0, f"{', '.join(parts)} alone does nearly all the work")
    if not said:
        sentence = "No feature gives the label away."
    else:
        sentence = (
            f"Suspect: {'; '.join(said)}. Make sure that it is known at the moment of the prediction; if not, leave it "
            f"out with {_tell_way_out(columns, computed)}; if so, say allow={columns!r}."
        )
    return Verdict(check=CHECK, ruling=Ruling.PASSED, sentence=sentence, evidence=evidence)
