"""Fairness: does a group fare as the reference group does?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from holdtrue.domain import Equality, Fairness, Json, Ruling, Verdict
from holdtrue.stats import PairedInterval, holm
from holdtrue.validation.candidate import Candidate
from holdtrue.validation.comparison import say_about
from holdtrue.validation.contrast import count_to_settle, find_lack, influence_of_mean, measure_contrast
from holdtrue.validation.evaluated import Evaluated, evaluate, find_scarcity
from holdtrue.validation.rate import Rate, measure_rate
from holdtrue.validation.slice import Slice, cut_columns, find_unknown

CHECK = "fairness"
ALPHA = 0.05
MOST_NAMED = 3
# Of which rows of a group its rate is a mean, where that is not all of them.
ROWS_OF = {
    Equality.TPR: "rows of the second class",
    Equality.FPR: "rows of the first class",
    Equality.PRECISION: "selected rows",
}


@dataclass(frozen=True, kw_only=True)
class GroupFinding:
    """What was found of one group.

    Attributes:
        name: what its rows have in common.
        reference: the group that it is held to; its own name for the reference itself.
        n_rows: rows that the rate is a mean of.
        rate: the rate, with its interval; None when there is too little.
        difference: rate - that of the reference, with its interval; None when there is too little, and of itself.
        ratio: rate / that of the reference; None where that is 0.
        shortage: what is lacking; None when nothing is.
        is_apart: shown to be beyond the tolerance, among all groups together.
    """

    name: str
    reference: str
    n_rows: int
    rate: PairedInterval | None = None
    difference: PairedInterval | None = None
    ratio: float | None = None
    shortage: str | None = None
    is_apart: bool = False


def judge_fairness(check: Fairness, candidate: Candidate) -> Verdict:
    """Return whether all groups fare as the largest group of their column does, within the tolerance.

    It fails when a group is shown to be beyond the tolerance (Holm over all groups, 5 % together), passes when every
    group is shown to be within it, and is inconclusive otherwise: so it is where a column tells no groups apart.
    """
    if (said := find_unknown(check.by, candidate.columns.columns)) is not None:
        return Verdict(check=CHECK, ruling=Ruling.ERROR, sentence=said)
    rows = evaluate(candidate)
    if (scarcity := find_scarcity(rows, candidate.scope)) is not None:
        return Verdict(check=CHECK, ruling=Ruling.INCONCLUSIVE, sentence=scarcity)
    rate = measure_rate(check.what, rows, rule=candidate.rule)
    if isinstance(rate, str):
        return Verdict(check=CHECK, ruling=Ruling.ERROR, sentence=rate)
    parts = {entry: cut_columns(rows.columns, entry, reference=candidate.train_columns).slices() for entry in check.by}
    alone = [entry for entry, groups in parts.items() if len(groups) == 1]
    found = [finding for groups in parts.values() for finding in compare_groups(groups, rate, rows)]
    return _rule(check, _mark_apart(found, check.tolerance), alone=alone)


def compare_groups(groups: Sequence[Slice], rate: Rate, rows: Evaluated) -> list[GroupFinding]:
    """Return the rate of each group, and how far it is from that of the largest one."""
    sizes = [float(rate.counts[group.rows].sum()) for group in groups]
    reference = groups[int(np.argmax(sizes))]
    return [_measure(group, reference, rate, rows) for group in groups]


def _measure(group: Slice, reference: Slice, rate: Rate, rows: Evaluated) -> GroupFinding:
    held, other = group.rows & (rate.counts > 0), reference.rows & (rate.counts > 0)
    finding = GroupFinding(
        name=group.name,
        reference=reference.name,
        n_rows=int(held.sum()),
        shortage=find_lack(rows.days[held]) or find_lack(rows.days[other]),
    )
    if finding.shortage is not None:
        return finding
    mine, theirs = float(rate.values[held].mean()), float(rate.values[other].mean())
    influences = influence_of_mean(rate.values, held.astype(np.float64))
    finding = replace(finding, rate=measure_contrast(mine, influences, days=rows.days, held=held))
    if group is reference:
        return finding
    apart = influences - influence_of_mean(rate.values, other.astype(np.float64))
    smaller = held if held.sum() < other.sum() else other
    return replace(
        finding,
        difference=measure_contrast(mine - theirs, apart, days=rows.days, held=smaller),
        ratio=mine / theirs if theirs else None,
    )


def _mark_apart(found: list[GroupFinding], tolerance: float) -> list[GroupFinding]:
    known = [place for place, finding in enumerate(found) if finding.difference is not None]
    sides = [
        min(each.test_above(tolerance), each.test_below(-tolerance))
        for finding in found
        if (each := finding.difference) is not None
    ]
    for place, is_apart in zip(known, holm([min(1.0, 2 * p) for p in sides], alpha=ALPHA), strict=True):
        found[place] = replace(found[place], is_apart=bool(is_apart))
    return found


def _rule(check: Fairness, found: Sequence[GroupFinding], *, alone: Sequence[tuple[str, ...]]) -> Verdict:
    differences = [finding.difference for finding in found if finding.name != finding.reference]
    is_within = [d is not None and -check.tolerance <= d.low and d.high <= check.tolerance for d in differences]
    ruling = Ruling.PASSED if not alone and all(is_within) else Ruling.INCONCLUSIVE
    if any(finding.is_apart for finding in found):
        ruling = Ruling.FAILED
    evidence: dict[str, Json] = {
        "what": check.what.value,
        "tolerance": check.tolerance,
        "groups": [_describe(finding, check.tolerance) for finding in found],
    }
    return Verdict(check=CHECK, ruling=ruling, sentence=_tell(check, found, alone), evidence=evidence)


def _describe(finding: GroupFinding, tolerance: float) -> dict[str, Json]:
    rate, difference = finding.rate, finding.difference
    return {
        "group": finding.name,
        "reference": finding.reference,
        "n_rows": finding.n_rows,
        "rate": None if rate is None else rate.estimate,
        "rate_low": None if rate is None else rate.low,
        "rate_high": None if rate is None else rate.high,
        "difference": None if difference is None else difference.estimate,
        "low": None if difference is None else difference.low,
        "high": None if difference is None else difference.high,
        "ratio": finding.ratio,
        "is_apart": finding.is_apart,
        "shortage": finding.shortage,
        "required_rows": _count_needed(difference, tolerance),
    }


def _count_needed(difference: PairedInterval | None, tolerance: float) -> int | None:
    return None if difference is None else count_to_settle(difference, tolerance=tolerance)


def _tell(check: Fairness, found: Sequence[GroupFinding], alone: Sequence[tuple[str, ...]]) -> str:
    words = [f"By {_name(alone)} there is one group only, so that there is nothing to compare."] if alone else []
    by = _name([entry for entry in check.by if entry not in alone])
    apart = [finding for finding in found if finding.is_apart]
    open_groups = [f for f in found if f.shortage or _count_needed(f.difference, check.tolerance)]
    if apart:
        luck = "At most 1 chance in 20 that any of this is luck."
        words.append(f"Not alike by {by}: {_tell_groups(apart, check)}. {luck}")
    elif open_groups:
        words.append(f"Not yet known whether all groups by {by} are alike: {_tell_groups(open_groups, check)}.")
    elif by:
        farthest = max(found, key=lambda f: 0.0 if f.difference is None else abs(f.difference.estimate))
        within = f"{check.what.value} within {check.tolerance:g}"
        words.append(
            f"All {len(found) - len(alone)} groups by {by} are alike: {within}; farthest is "
            f"{_tell_group(farthest, check)}."
        )
    return " ".join(words)


def _name(entries: Sequence[tuple[str, ...]]) -> str:
    return ", ".join(" and ".join(entry) for entry in entries)


def _tell_groups(found: Sequence[GroupFinding], check: Fairness) -> str:
    more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return "; ".join(_tell_group(finding, check) for finding in found[:MOST_NAMED]) + more


def _tell_group(finding: GroupFinding, check: Fairness) -> str:
    """Say the rate with its own interval, then the difference with that of the difference."""
    rate, difference = finding.rate, finding.difference
    if rate is None or difference is None:
        return f"{finding.name}: {finding.shortage}"
    kind = ROWS_OF.get(check.what, "rows")
    least = rate.low if check.what is Equality.CALIBRATION else max(0.0, rate.low)
    words = (
        f"{finding.name}: {check.what.value} {rate.estimate:.3g} (between {least:.3g} and {rate.high:.3g}), "
        f"{difference.estimate:+.3g} (between {difference.low:+.3g} and {difference.high:+.3g}) against "
        f"{finding.reference} ({finding.n_rows:,} {kind})"
    )
    needed = _count_needed(difference, check.tolerance)
    return (
        words
        if finding.is_apart or needed is None
        else f"{words}; not enough data: need {say_about(needed)} {kind} of the group"
    )
