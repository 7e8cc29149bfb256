"""Robustness: how much does the loss rise when numbers are noisy, and when values do not come?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Json, RobustTo, Ruling, Standard, Verdict, combine_rulings
from holdtrue.validation.behaviour.look import spread_rows
from holdtrue.validation.behaviour.perturbation import add_noise, lose_values, measure_spread
from holdtrue.validation.behaviour.share import say_share
from holdtrue.validation.behaviour.trial import match_columns
from holdtrue.validation.candidate import Candidate
from holdtrue.validation.comparison import Comparison, compare_losses, say_about
from holdtrue.validation.evaluated import find_scarce_labels
from holdtrue.validation.label import find_labelled
from holdtrue.validation.standard import rule_standard

if TYPE_CHECKING:
    import polars as pl

FEW_ROWS = 20_000
MANY_ROWS = 200_000
SMALLEST_RISE = 1e-4  # of the loss's range: a model that gains nothing has nothing to lose
SEED = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Calm:
    """Labelled rows as they are, with what the candidate lost on them.

    Attributes:
        features: what it is asked again, changed.
        labels: what turned out, shape (n_rows,).
        days: day of each row.
        losses: the candidate's loss on each row.
        gain: the baseline's mean loss minus the candidate's.
    """

    features: pl.DataFrame
    labels: NDArray[Any]
    days: NDArray[np.int64]
    losses: NDArray[np.float64]
    gain: float


def judge_robustness(check: RobustTo, candidate: Candidate) -> Verdict:
    """Return whether noise and missing values cost no more than the declared share of what the model gains.

    Each is a paired comparison on the same rows with the block-robust interval of the gate: passed where a rise within
    the allowed is proven, failed where the rise is beyond it and not luck, else inconclusive.
    """
    parts: dict[str, Verdict] = {}
    for kind, amount in (("noise", check.noise), ("missing", check.missing)):
        if amount:
            parts[kind] = judge_change(check, candidate, kind, n_most=FEW_ROWS)
            if parts[kind].ruling is Ruling.INCONCLUSIVE and candidate.rows.n_rows > FEW_ROWS:
                parts[kind] = judge_change(check, candidate, kind, n_most=MANY_ROWS)
    evidence: dict[str, Json] = {kind: dict(part.evidence) for kind, part in parts.items()}
    sentence = " ".join(dict.fromkeys(part.sentence for part in parts.values()))
    return Verdict(check=check.name, ruling=combine_rulings(parts.values()), sentence=sentence, evidence=evidence)


def judge_change(check: RobustTo, candidate: Candidate, kind: str, *, n_most: int) -> Verdict:
    """Return what one kind of change ("noise" or "missing") costs on up to n_most rows."""
    calm = choose_rows(candidate, n_most)
    if kind == "noise":
        spreads = {name: measure_spread(candidate.train.features[name]) for name in calm.features.columns}
        changed = add_noise(
            calm.features, {name: s for name, s in spreads.items() if s > 0}, noise=check.noise, seed=SEED
        )
        said = f"noise of {check.noise:g} spreads on each number"
    else:
        changed = lose_values(calm.features, missing=check.missing, seed=SEED)
        said = f"{say_share(check.missing)} of the values missing"
    try:
        answers = candidate.score(changed)
    except Exception as problem:  # whatever the model raises on such rows is what was to be found out
        sentence = f"The candidate does not answer rows with {said}: {problem}"
        return Verdict(check=kind, ruling=Ruling.FAILED, sentence=sentence, evidence={"error": type(problem).__name__})
    if not np.isfinite(answers).all():
        sentence = f"The candidate's answers to rows with {said} are not all finite numbers."
        return Verdict(check=kind, ruling=Ruling.FAILED, sentence=sentence)
    task = candidate.rows.task
    if (scarcity := find_scarce_labels(calm.labels, calm.days, task=task, scope=candidate.scope)) is not None:
        return Verdict(check=kind, ruling=Ruling.INCONCLUSIVE, sentence=scarcity)
    losses = candidate.loss.rows(answers, calm.labels)
    comparison = compare_losses(losses, anchor=calm.losses, days=calm.days, loss=candidate.loss)
    return rule_rise(check, comparison, calm.gain, kind=kind, said=said, smallest=SMALLEST_RISE * candidate.loss.spread)


def choose_rows(candidate: Candidate, n_most: int) -> Calm:
    """Return up to n_most labelled evaluation rows, spread evenly over their time."""
    labels = candidate.rows.encoded_labels()
    places = np.flatnonzero(find_labelled(labels, task=candidate.rows.task))
    places = places[spread_rows(len(places), n_most)]
    features = match_columns(candidate.rows.features[places], candidate.train.features)
    # The given answers may be those of several fits; what is asked here is the candidate itself.
    losses = candidate.loss.rows(candidate.score(features), labels[places])
    baseline = candidate.loss.rows(candidate.baseline[places], labels[places])
    return Calm(
        features=features,
        labels=labels[places],
        days=candidate.days[places],
        losses=losses,
        gain=float(baseline.mean() - losses.mean()) if len(places) else 0.0,
    )


def rule_rise(
    check: RobustTo, comparison: Comparison, gain: float, *, kind: str, said: str, smallest: float
) -> Verdict:
    """Return the ruling on a rise of the loss, held against what the model gains on the baseline."""
    allowed = max(smallest, check.share * gain)
    ruling = rule_standard(Standard.NON_INFERIOR, comparison, margin=allowed)
    evidence: dict[str, Json] = comparison.to_evidence() | {"gain": gain, "allowed": allowed}
    if comparison.shortage is not None:
        return Verdict(check=kind, ruling=ruling, sentence=comparison.shortage, evidence=evidence)
    rise = comparison.estimate
    way = f"rises by {rise:.3g}" if rise >= 0 else f"falls by {-rise:.3g}"
    ends = f"between {_say_move(comparison.low)} and {_say_move(comparison.high)}"
    share = (
        f", {say_share(rise / gain)} of what the model gains on the simple baseline" if rise > 0 and gain > 0 else ""
    )
    sentence = (
        f"With {said} the {comparison.loss_name} {way} ({ends}; {comparison.extent}){share}; it may rise by "
        f"{allowed:.3g} ({say_share(check.share)} of the gain)."
    )
    if ruling is Ruling.INCONCLUSIVE:
        is_within = rise < allowed
        n_rows, _ = comparison.required(margin=allowed if is_within else rise, effect=rise if is_within else 0.0)
        evidence["required_rows"] = n_rows
        sentence += f" Not enough data: need {say_about(n_rows)} rows."
    return Verdict(check=kind, ruling=ruling, sentence=sentence, evidence=evidence)


def _say_move(move: float) -> str:
    return f"a rise of {move:.3g}" if move >= 0 else f"a fall of {-move:.3g}"
