"""Reproduction: does the same recipe on the same rows give the same answers when it is trained again?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from holdtrue.domain import Json, Reproducible, Ruling, Verdict
from holdtrue.environments import report_progress
from holdtrue.validation.behaviour.look import choose_tolerance, measure_moves, show_move, spread_rows
from holdtrue.validation.behaviour.share import say_share
from holdtrue.validation.behaviour.trial import match_columns, take_trial
from holdtrue.validation.candidate import Candidate
from holdtrue.validation.comparison import LOSS_NAMES
from holdtrue.validation.label import find_labelled

if TYPE_CHECKING:
    from holdtrue.validation.candidate import Score

MOST_ROWS = 20_000
TOLERANCE_SHARE = 1e-6
SEED_IT = "Give every estimator and every shuffle a seed (random_state=...), LightGBM deterministic=True as well."


def judge_reproduction(check: Reproducible, candidate: Candidate) -> Verdict:
    """Return whether a second training, past the step cache, answers as the candidate does.

    What the candidate answers may come from the cache of steps, so from another process or machine: a difference then
    is one of those as well.
    """
    if candidate.refit is None:
        sentence = "Not enough data: need the recipe; what was trained elsewhere cannot be trained again here."
        return Verdict(check=check.name, ruling=Ruling.INCONCLUSIVE, sentence=sentence)
    report_progress(0, text="training once more to compare")
    again = candidate.refit()
    trial = take_trial(candidate)
    places = spread_rows(len(trial.key), MOST_ROWS)
    rows = trial.features[places]
    first, second = candidate.score(rows), again(rows)
    moves, tolerance = measure_moves(first, second), choose_tolerance(check.tolerance, candidate, share=TOLERANCE_SHARE)
    if not len(moves):
        sentence = "Not enough data: need at least one row to compare answers on."
        return Verdict(check=check.name, ruling=Ruling.INCONCLUSIVE, sentence=sentence)
    largest, row = float(moves.max()), int(moves.argmax())
    evidence: dict[str, Json] = {
        "n_rows": len(moves),
        "tolerance": tolerance,
        "largest": largest,
        "mean": float(moves.mean()),
        "share_beyond": float((moves > tolerance).mean()),
        "worst": {"key": trial.key[int(places[row])], **show_move(first, second, row=row, candidate=candidate)},
    }
    ruling = Ruling.PASSED if largest <= tolerance else Ruling.FAILED
    sentence = _tell(evidence, ruling, _compare_losses(candidate, again) if ruling is Ruling.FAILED else "")
    return Verdict(check=check.name, ruling=ruling, sentence=sentence, evidence=evidence)


def _compare_losses(candidate: Candidate, again: Score) -> str:
    """Say what the difference comes to in the loss on the labelled evaluation rows."""
    labels = candidate.rows.encoded_labels()
    places = np.flatnonzero(find_labelled(labels, task=candidate.rows.task))
    places = places[spread_rows(len(places), MOST_ROWS)]
    if not len(places):
        return ""
    rows = match_columns(candidate.rows.features[places], candidate.train.features)
    before = float(candidate.loss.rows(candidate.score(rows), labels[places]).mean())
    after = float(candidate.loss.rows(again(rows), labels[places]).mean())
    return f" The {LOSS_NAMES[candidate.loss.kind]} is {before:.4g} with the first and {after:.4g} with the second."


def _tell(evidence: dict[str, Json], ruling: Ruling, losses: str) -> str:
    n_rows, largest, tolerance = evidence["n_rows"], evidence["largest"], evidence["tolerance"]
    said = "Trained again on the same rows"
    if not largest:
        return f"{said} it gives the same {n_rows:,} answers."
    if ruling is Ruling.PASSED:
        return f"{said} its {n_rows:,} answers move by {largest:.2g} at most, within {tolerance:.2g}."
    beyond = f"{say_share(evidence['share_beyond'])} of its {n_rows:,} answers move by more than {tolerance:.2g}"
    return f"{said} {beyond}, the worst by {largest:.3g}.{losses} {SEED_IT}"
