"""Catch-up: a promoted version is fitted once more on the labels that came while its rollout lasted.

A rollout makes what it proves stale: labels that came meanwhile are the newest that there are. The catch-up is the same
recipe on the same rows and those few more. It was not in shadow itself, so it is held to the version that was: nothing
but news may have been added, and on that news it must not be worse.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import History
from holdtrue.domain import Loop, Ruling, Verdict, Version, format_count
from holdtrue.registry import recall_model

from .fitting import Fitter, sample_rows
from .gate import Gate
from .order import TrainingOrder, TrainingResult
from .rule import make_rule

# Rows of the promoted version's training that may be missing or changed: a corrected row is news, another table is not.
MOST_CHANGED = 0.01
SMALLEST_MARGIN_SHARE = 1e-4


@dataclass(frozen=True, kw_only=True)
class LostRows:
    """Rows that a version was trained on and that cannot be had any more: their version of a table is gone.

    Attributes:
        are_held: whether what is known now holds exactly these rows, as the digest that was kept of them tells.
        found: why they cannot be had.
    """

    are_held: bool
    found: str


def catch_up(
    loop: Loop, known: History, order: TrainingOrder, fitter: Fitter, *, taught: History | LostRows | None
) -> TrainingResult:
    """Fit the recipe of the version in charge on all that is known, and hold it to that version.

    Args:
        loop: the declared loop.
        known: what is known now.
        order: names the version in charge as its champion.
        fitter: fits.
        taught: what that version was trained on; None when it is the same snapshot.
    """
    proven = order.champion
    assert proven is not None, "a catch-up follows a version"
    rows = known.dataset()
    refit, scorer = fitter.fit(known, until=order.as_of)
    news = known.rows(since=proven.lineage.trained_until + timedelta(microseconds=1))
    gate = Gate(loop=loop, order=order, train=rows, later=news, known=known, loss=proven.loss, code=fitter.code)
    answers, sample = gate.score(scorer), sample_rows(rows)
    return TrainingResult(
        signature=scorer.signature,
        loss=proven.loss,
        code=fitter.code,
        steps=tuple(fitter.records),
        refit=fitter.give_twin(refit, scorer, rows) if order.is_for_service else refit,
        catch_up=(
            judge_recipe(fitter.code, proven),
            judge_rows(known, taught, proven),
            judge_news(gate, answers, proven, fitter),
        ),
        action_rule=make_rule(loop, rows, answers),
        sample=tuple(sample.to_dicts()),
        sample_answers=tuple(tuple(np.atleast_1d(row).tolist()) for row in scorer.score(sample)),
        notes=known.notes,
    )


def judge_recipe(code: str, proven: Version) -> Verdict:
    """Rule on whether the recipe is still the one that was rolled out."""
    is_same = code == proven.lineage.code
    sentence = (
        f"The recipe is that of {proven.name}."
        if is_same
        else f"The recipe is not that of {proven.name}: it has changed since, and goes the whole way of a challenger."
    )
    return Verdict(check="same_recipe", ruling=Ruling.PASSED if is_same else Ruling.FAILED, sentence=sentence)


def judge_rows(known: History, taught: History | LostRows | None, proven: Version) -> Verdict:
    """Rule on whether the rows that the proven version learned from are still there as they were (labels aside)."""
    if isinstance(taught, LostRows):
        return _judge_lost(taught, proven)
    if taught is None:
        return Verdict(check="same_rows", ruling=Ruling.PASSED, sentence="The rows are those of the same snapshot.")
    names = [name for name in taught.given_names if name in known.given_names]
    before, after = _print_rows(taught, names), _print_rows(known, names)
    n_same = before.join(after, on=["key", "print"], how="semi").height
    share = 1 - n_same / max(1, before.height)
    has_passed = share <= MOST_CHANGED and len(names) == len(taught.given_names)
    sentence = f"Of the {before.height:,} rows that it follows, {before.height - n_same:,} have changed or gone"
    sentence += "." if has_passed else f"; at most {MOST_CHANGED:.0%} may.".replace("%", " %")
    return Verdict(
        check="same_rows",
        ruling=Ruling.PASSED if has_passed else Ruling.FAILED,
        sentence=sentence,
        evidence={"n_rows": before.height, "n_changed": before.height - n_same},
    )


def _judge_lost(taught: LostRows, proven: Version) -> Verdict:
    if taught.are_held:
        sentence = "The rows that it follows cannot be read again, and those of now have the same digest."
        return Verdict(check="same_rows", ruling=Ruling.PASSED, sentence=sentence)
    sentence = (
        f"The rows that {proven.name} learned from cannot be had any more, and those of now differ from them by an"
        f" unknown share: {taught.found.rstrip('.')}. It stays in charge as it is, and what is trained next goes the"
        " whole way of a challenger. Keep versions of the table for longer than a rollout takes"
        " (delta.deletedFileRetentionDuration, history.expire.max-snapshot-age-ms)."
    )
    return Verdict(check="same_rows", ruling=Ruling.INCONCLUSIVE, sentence=sentence)


def judge_news(gate: Gate, answers: NDArray[np.float64], proven: Version, fitter: Fitter) -> Verdict:
    """Rule on the news: the catch-up has seen it and the proven version has not, so it must not lose more there.

    This finds a fit that went wrong. That it is better on news to come is what the rollout of its elder made likely.
    """
    labels = gate.later.dataset().encoded_labels()
    if not len(labels):
        return Verdict(check="news", ruling=Ruling.INCONCLUSIVE, sentence="No label has come since: nothing is new.")
    elder = recall_model(fitter.artifacts.get(proven.artifact), proven.format, proven.signature)
    mine = float(gate.loss.rows(answers, labels).mean())
    before = float(gate.loss.rows(gate.score(elder), labels).mean())
    margin = proven.metrics.get("margin", SMALLEST_MARGIN_SHARE * gate.loss.spread)
    has_passed = mine <= before + margin
    said = "no worse" if has_passed else "worse"
    figures = f"{mine:.4g} against {before:.4g} on {format_count(len(labels), 'label')} that came during the rollout"
    return Verdict(
        check="news",
        ruling=Ruling.PASSED if has_passed else Ruling.FAILED,
        sentence=f"Refitted on them, it is {said} than {proven.name}: {figures}.",
        evidence={"loss": mine, "proven_loss": before, "margin": margin, "n_rows": len(labels)},
    )


def _print_rows(history: History, names: list[str]) -> pl.DataFrame:
    """Return key and fingerprint of each row's features; texts are compared as texts, whatever their levels."""
    kinds = history.frame.schema
    frame = history.frame.select(
        pl.col(name).cast(pl.String if isinstance(kinds[name], pl.Enum) else pl.Float64) for name in names
    )
    return pl.DataFrame({"key": history.frame["__key"].cast(pl.String), "print": frame.hash_rows(seed=0)})
