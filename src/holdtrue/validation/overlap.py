"""Overlap: evaluation rows that a version knew when it was trained prove nothing about it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from holdtrue.domain import Json, NoLeak, Ruling, Verdict
from holdtrue.validation.group import gives_away, measure_sharing
from holdtrue.validation.leak import find_leaks

if TYPE_CHECKING:
    from holdtrue.data import Dataset, History

OVERLAP = "no_overlap"
FRESH = "fresh_rows"
LEAST_COPIES = 10
# Coarse features repeat honestly; copies are refused only where they are commoner than training rows repeat each other.
EXCESS_SHARE = 0.02


def judge_leaks(train: Dataset, evaluation: Dataset, check: NoLeak, *, known: History) -> tuple[Verdict, Verdict]:
    """Return whether features give the label away, and whether the evaluation rows are apart from the training rows.

    `known` has all rows as they are known now, those of both sides and those without labels included.
    """
    apart = find_overlap(train, evaluation, units_return=check.units_return)
    return find_leaks(train, check, known=known), apart


def find_overlap(train: Dataset, evaluation: Dataset, *, units_return: bool = False) -> Verdict:
    """Return whether training and evaluation are apart.

    Failed: a shared key, training rows that are not older than the first evaluation row, rows out of order, more copies
    of whole rows than the training rows have among themselves, and units that give their label away.

    Units (people, machines) may come again: in production they do. They overlap only where a unit's label hardly ever
    changes, so that whoever knew it in training knows it now, and says nothing of how new units are answered.
    `units_return` says that production asks about known units, too.

    `evidence` has `n_keys`, `n_later`, `copy_share`, `usual_share`, `unit_share` and `unit_agreement`.
    """
    if not (train.n_rows and evaluation.n_rows):
        sentence = f"Nothing to compare: {train.n_rows} training rows, {evaluation.n_rows} evaluation rows."
        return Verdict(check=OVERLAP, ruling=Ruling.INCONCLUSIVE, sentence=sentence)
    n_keys = int(evaluation.key.is_in(train.key.implode()).sum())
    n_later = int((train.time >= evaluation.time.min()).sum())
    copy_share, usual_share = _find_copies(train, evaluation)
    sharing = measure_sharing(train, evaluation)
    found = []
    if n_keys:
        found.append(f"{n_keys:,} keys are in both")
    if n_later:
        found.append(f"{n_later:,} training rows are not older than the first evaluation row")
    if not (train.time.is_sorted() and evaluation.time.is_sorted()):
        found.append("the rows are not in order of time")
    if copy_share > usual_share + EXCESS_SHARE and copy_share * evaluation.n_rows >= LEAST_COPIES:
        found.append(
            f"{copy_share:.1%} of the evaluation rows are copies of training rows, where {usual_share:.1%} are usual"
        )
    if not units_return and gives_away(sharing, evaluation):
        found.append(
            f"{sharing.share:.1%} of the evaluation rows are of units that are in training, with the label that they "
            "had there (if production asks about known units, say units_return=True)"
        )
    evidence: dict[str, Json] = {
        "n_keys": n_keys,
        "n_later": n_later,
        "copy_share": copy_share,
        "usual_share": usual_share,
        "unit_share": sharing.share,
        "unit_agreement": sharing.agreement,
    }
    return _rule(found, evaluation.n_rows, evidence)


def _rule(found: list[str], n_rows: int, evidence: dict[str, Json]) -> Verdict:
    if found:
        sentence = (
            f"Training and evaluation overlap: {'; '.join(found)}. Evaluate on later rows that training never saw."
        )
        return Verdict(check=OVERLAP, ruling=Ruling.FAILED, sentence=sentence, evidence=evidence)
    sentence = f"The {n_rows:,} evaluation rows are later than, and apart from, the training rows."
    return Verdict(check=OVERLAP, ruling=Ruling.PASSED, sentence=sentence, evidence=evidence)


def judge_freshness(evaluation: Dataset, *, trained_until: datetime) -> Verdict:
    """Return whether all evaluation rows are later than what the champion was trained on: else it has seen the answers.

    A champion that has seen some rows looks better on them than it is, so the comparison is inconclusive, not failed.
    """
    n_stale = int((evaluation.time <= trained_until).sum()) if evaluation.n_rows else 0
    evidence = {"n_stale": n_stale, "n_rows": evaluation.n_rows, "trained_until": trained_until.isoformat()}
    if n_stale:
        sentence = (
            f"{n_stale:,} of {evaluation.n_rows:,} evaluation rows are not later than {trained_until:%Y-%m-%d %H:%M}, "
            "until when the champion was trained: it may have seen their labels. Evaluate on later rows."
        )
        return Verdict(check=FRESH, ruling=Ruling.INCONCLUSIVE, sentence=sentence, evidence=evidence)
    if not evaluation.n_rows:
        sentence = "There are no evaluation rows."
        return Verdict(check=FRESH, ruling=Ruling.INCONCLUSIVE, sentence=sentence, evidence=evidence)
    sentence = f"All {evaluation.n_rows:,} evaluation rows are later than what the champion was trained on."
    return Verdict(check=FRESH, ruling=Ruling.PASSED, sentence=sentence, evidence=evidence)


def _find_copies(train: Dataset, evaluation: Dataset) -> tuple[float, float]:
    """Return the share of evaluation rows that are in the training rows, label included, and the share that is usual.

    Usual is how many of the last training rows, as many as there are evaluation rows, are in the rows before them. Rows
    that are all alike (nothing was measured) count once.
    """
    names = [name for name in train.features.columns if name in evaluation.features.columns]
    old, new = (_hash_rows(each, names) for each in (train, evaluation))
    last = min(len(new), len(old) // 2)
    usual = _share_within(old.tail(last), old.head(len(old) - last)) if last else 0.0
    return _share_within(new, old), usual


def _share_within(rows: pl.Series, others: pl.Series) -> float:
    distinct = rows.unique()
    return int(distinct.is_in(others.unique().implode()).sum()) / len(distinct) if len(distinct) else 0.0


def _hash_rows(dataset: Dataset, names: list[str]) -> pl.Series:
    # Texts of two datasets are Enums of different levels, so they are compared by their names.
    texts = [pl.col(name).cast(pl.String) for name in names if isinstance(dataset.features.schema[name], pl.Enum)]
    frame = dataset.features.select(names).with_columns(texts)
    return frame.with_columns(dataset.label.alias("__label")).hash_rows(seed=0)
