"""Weakness: slices in which a candidate is worse than the champion, or that lose far more than the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.domain import Json, Ruling, Slices, Verdict
from holdtrue.stats import PairedInterval, holm
from holdtrue.validation.candidate import Candidate
from holdtrue.validation.comparison import LOSS_NAMES, choose_block_days
from holdtrue.validation.contrast import count_required, find_lack, influence_of_mean, measure_contrast
from holdtrue.validation.evaluated import Evaluated, evaluate, find_scarcity
from holdtrue.validation.search import ENOUGH_DAYS, ENOUGH_ROWS, find_slices, halve_days
from holdtrue.validation.slice import LEAST_ROWS, Slice, cut_columns, find_unknown

CHECK = "slices"
ALPHA = 0.05
WEAK = 1.25
MOST_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class SliceFinding:
    """What was found of one slice.

    Attributes:
        name: what its rows have in common.
        n_rows: its rows.
        loss: mean loss of the candidate there.
        anchor_loss: mean loss of the champion there, or of the simple baseline.
        ratio: the candidate's loss there as a multiple of that on all rows.
        difference: loss - anchor_loss, with its interval; None when there is too little.
        excess: loss - (the multiple that counts as weak) times the mean loss; None when there is too little.
        shortage: what is lacking; None when nothing is.
        is_worse: shown to be worse than the anchor by more than the margin, among all slices together.
        is_weak: shown to lose more than that multiple, among all slices together.
    """

    name: str
    n_rows: int
    loss: float
    anchor_loss: float
    ratio: float
    difference: PairedInterval | None = None
    excess: PairedInterval | None = None
    shortage: str | None = None
    is_worse: bool = False
    is_weak: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """The slices that are judged.

    Attributes:
        slices: these.
        judged: the rows that they are judged on, shape (n_rows,).
        columns: what tells them apart; nothing for a search.
        lack: why none that is worse says nothing; None where it says something.
    """

    slices: Sequence[Slice]
    judged: NDArray[np.bool_]
    columns: tuple[tuple[str, ...], ...] = ()
    lack: str | None = None


def judge_slices(check: Slices, candidate: Candidate) -> Verdict:
    """Return whether some part of the rows pays for the rest.

    A slice fails when the candidate is shown to be worse there than the champion (without one: than the simple
    baseline) by more than the margin; Holm keeps the chance of any false failure over all slices at 5 %. Slices with
    too little data are named; when they hold half of the rows or more, the ruling is inconclusive. So it is where a
    column tells no rows apart, and where a search can look at too few of them.
    """
    if (said := find_unknown(check.columns, candidate.columns.columns)) is not None:
        return Verdict(check=CHECK, ruling=Ruling.ERROR, sentence=said)
    rows = evaluate(candidate)
    margin = rows.margin if check.margin is None else check.margin
    scarcity = find_scarcity(rows, candidate.scope)
    if scarcity is None and not check.columns and len(np.unique(rows.days)) < 2 * ENOUGH_DAYS:
        scarcity = f"Not enough data to search and confirm: need rows of at least {2 * ENOUGH_DAYS} days."
    if scarcity is not None:
        return Verdict(check=CHECK, ruling=Ruling.INCONCLUSIVE, sentence=scarcity)
    choice = _choose_slices(check, rows, candidate, margin)
    found = measure_slices(choice.slices, rows, judged=choice.judged, margin=margin, worst=check.worst or WEAK)
    return _rule(check, found, rows, margin, choice)


def _choose_slices(check: Slices, rows: Evaluated, candidate: Candidate, margin: float) -> Choice:
    reference, n_rows = candidate.train_columns, len(rows.labels)
    if not check.columns:
        return _search(check, rows, reference, margin)
    parts = [cut_columns(rows.columns, entry, reference=reference).slices() for entry in check.columns]
    alike = [
        f"{' and '.join(entry)} tells no rows apart: all {n_rows:,} have {found[0].name}."
        for entry, found in zip(check.columns, parts, strict=True)
        if len(found) == 1
    ]
    return Choice(
        slices=[part for found in parts if len(found) > 1 for part in found],
        judged=np.ones(n_rows, dtype=np.bool_),
        columns=tuple(entry for entry, found in zip(check.columns, parts, strict=True) if len(found) > 1),
        lack=" ".join(alike) or None,
    )


def _search(check: Slices, rows: Evaluated, reference: pl.DataFrame, margin: float) -> Choice:
    worse = rows.challenger - _anchor(rows) - margin
    high = rows.challenger - (check.worst or WEAK) * rows.challenger.mean()
    searched, length = halve_days(rows.days, block_days=choose_block_days(worse, days=rows.days))
    seek = partial(find_slices, rows.columns, reference=reference, days=rows.days, length=length, searched=searched)
    found = [seek(values=worse), seek(values=high)]
    lack, n_days = None, len(np.unique(rows.days[searched]))
    if not all(each.is_wide for each in found):
        lack = (
            "Not enough data to search: in half of the days most rows must lie in parts of a column that have at least "
            f"{ENOUGH_ROWS} rows of {ENOUGH_DAYS} days, found {int(searched.sum()):,} rows of {n_days} days in all."
        )
    slices = {part.name: part for each in found for part in each.slices}
    return Choice(slices=list(slices.values()), judged=~searched, lack=lack)


def measure_slices(
    slices: Sequence[Slice], rows: Evaluated, *, judged: NDArray[np.bool_], margin: float, worst: float
) -> list[SliceFinding]:
    """Return what is found of each slice on the judged rows, those that hold none left out."""
    parts = [Slice(name=part.name, rows=part.rows & judged) for part in slices]
    found = [_measure(part, rows, judged=judged, worst=worst) for part in parts if part.rows.any()]
    known = [place for place, finding in enumerate(found) if finding.difference is not None]
    harm = [each.test_above(margin) for f in found if (each := f.difference) is not None]
    high = [each.test_above(0.0) for f in found if (each := f.excess) is not None]
    for place, is_worse, is_weak in zip(known, holm(harm, alpha=ALPHA), holm(high, alpha=ALPHA), strict=True):
        found[place] = replace(found[place], is_worse=bool(is_worse), is_weak=bool(is_weak))
    return found


def _measure(part: Slice, rows: Evaluated, *, judged: NDArray[np.bool_], worst: float) -> SliceFinding:
    held, days = part.rows, rows.days
    losses, anchor = rows.challenger[held], _anchor(rows)[held]
    mean = float(rows.challenger[judged].mean())
    finding = SliceFinding(
        name=part.name,
        n_rows=len(losses),
        loss=float(losses.mean()),
        anchor_loss=float(anchor.mean()),
        ratio=float(losses.mean()) / mean if mean else 1.0,
        shortage=find_lack(days[held], least_rows=LEAST_ROWS),
    )
    if finding.shortage is not None:
        return finding
    differences = losses - anchor
    estimate = float(differences.mean())
    everyone = np.ones(len(losses), dtype=np.bool_)
    inside, every = part.rows[judged].astype(np.float64), np.ones(int(judged.sum()))
    influences = influence_of_mean(rows.challenger[judged], inside)
    influences = influences - worst * influence_of_mean(rows.challenger[judged], every)
    excess = finding.loss - worst * mean
    return replace(
        finding,
        difference=measure_contrast(estimate, differences - estimate, days=days[held], held=everyone),
        excess=measure_contrast(excess, influences, days=days[judged], held=part.rows[judged]),
    )


def _anchor(rows: Evaluated) -> NDArray[np.float64]:
    return rows.baseline if rows.champion is None else rows.champion


def _rule(check: Slices, found: Sequence[SliceFinding], rows: Evaluated, margin: float, choice: Choice) -> Verdict:
    worse = [finding for finding in found if finding.is_worse]
    weak = [finding for finding in found if finding.is_weak]
    short = [finding for finding in found if finding.shortage is not None]
    n_judged = sum(finding.n_rows for finding in found if finding.shortage is None)
    ruling = Ruling.PASSED
    if worse or (weak and check.worst is not None):
        ruling = Ruling.FAILED
    elif choice.lack is not None or (found and 2 * n_judged <= sum(finding.n_rows for finding in found)):
        ruling = Ruling.INCONCLUSIVE
    anchor = "champion" if rows.champion is not None else "simple baseline"
    words = [] if choice.lack is None else [choice.lack]
    words += [_tell_family(choice, found, anchor, margin)] if found or choice.lack is None else []
    words += [_tell_worse(finding, anchor, LOSS_NAMES[rows.loss.kind]) for finding in worse[:MOST_NAMED]]
    words += ["At most 1 chance in 20 that any such finding is luck."] if worse else []
    words += [_tell_weak(weak, check.worst)] if weak else []
    words += [_tell_short(short)] if short else []
    evidence: dict[str, Json] = {
        "anchor": anchor,
        "margin": margin,
        "worst": check.worst or WEAK,
        "is_searched": not check.columns,
        "slices": [describe_finding(finding, margin=margin) for finding in found],
    }
    return Verdict(check=CHECK, ruling=ruling, sentence=" ".join(words), evidence=evidence)


def describe_finding(finding: SliceFinding, *, margin: float) -> dict[str, Json]:
    """Return a finding as plain figures, ready for a verdict."""
    interval = finding.difference
    is_open = interval is not None and interval.high > margin > 0
    return {
        "slice": finding.name,
        "n_rows": finding.n_rows,
        "loss": finding.loss,
        "anchor_loss": finding.anchor_loss,
        "ratio": finding.ratio,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "n_blocks": None if interval is None else interval.n_blocks,
        "is_worse": finding.is_worse,
        "is_weak": finding.is_weak,
        "shortage": finding.shortage,
        "required_rows": count_required(interval, within=margin) if interval is not None and is_open else None,
    }


def _tell_family(choice: Choice, found: Sequence[SliceFinding], anchor: str, margin: float) -> str:
    by = ", ".join(" and ".join(entry) for entry in choice.columns)
    slices = "slice" if len(found) == 1 else "slices"
    whose = f"{slices} by {by}" if choice.columns else f"{slices} that stood out on half of the days"
    n_known = sum(finding.shortage is None for finding in found)
    n_worse = sum(finding.is_worse for finding in found)
    if not found:
        return "No slice stood out on half of the days, so there was none to confirm on the other half."
    where = "none" if not n_worse else f"{n_worse}"
    return (
        f"Of {len(found)} {whose}, {n_known} could be judged: in {where} is the challenger shown to be worse than the "
        f"{anchor} by more than {margin:.3g}."
    )


def _tell_worse(finding: SliceFinding, anchor: str, loss_name: str) -> str:
    interval = finding.difference
    assert interval is not None, "what is shown to be worse was measured"
    return (
        f"{finding.name}: {loss_name} {finding.loss:.4g} against the {anchor}'s {finding.anchor_loss:.4g}, between "
        f"{interval.low:.3g} and {interval.high:.3g} higher ({finding.n_rows:,} rows)."
    )


def _tell_weak(weak: Sequence[SliceFinding], worst: float | None) -> str:
    first = sorted(weak, key=lambda finding: -finding.ratio)[:MOST_NAMED]
    named = ", ".join(f"{finding.name} ({finding.ratio:.2f} times the mean loss)" for finding in first)
    more = f" and {len(weak) - len(first)} more" if len(weak) > len(first) else ""
    said = "Weak" if worst is None else f"Weaker than the {worst:g} times the mean loss that are allowed"
    return f"{said}: {named}{more}."


def _tell_short(short: Sequence[SliceFinding]) -> str:
    named = "; ".join(f"{finding.name}: {finding.shortage}" for finding in short[:MOST_NAMED])
    more = f"; and {len(short) - MOST_NAMED} more" if len(short) > MOST_NAMED else ""
    return f"{named}{more}."
