"""Invariance: do answers stay where they are when one column's value is swapped for another row's?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import InvariantTo, Json, Ruling, Verdict
from holdtrue.validation.behaviour.look import Look, choose_tolerance, look_twice, measure_moves, show_move
from holdtrue.validation.behaviour.share import Share, say_share, say_value
from holdtrue.validation.behaviour.trial import Trial, find_column, take_trial
from holdtrue.validation.candidate import Candidate

if TYPE_CHECKING:
    import polars as pl

N_SWAPS = 3
SEED = 1


def judge_invariance(check: InvariantTo, candidate: Candidate) -> Verdict:
    """Return whether swapping a column's values moves more answers than may move.

    Each row is tried with the values of three other rows, drawn with a seed, so that common values stay common. A row
    that drew its own value each time says nothing and is left out.
    """
    trial = take_trial(candidate)
    column = find_column(trial, check.column, check=check.name)
    if isinstance(column, Verdict):
        return column
    tolerance = choose_tolerance(check.tolerance, candidate)
    share, seen = look_twice(
        lambda places: swap_values(candidate, trial, column, places),
        n_rows=len(column),
        n_answers=N_SWAPS,
        tolerance=tolerance,
        allowed=check.share,
    )
    evidence: dict[str, Json] = share.to_evidence() | {
        "tolerance": tolerance,
        "largest": float(seen.sizes.max(initial=0.0)),
        "worst": dict(seen.worst),
    }
    sentence = _tell(check, share, tolerance, seen)
    return Verdict(check=check.name, ruling=share.ruling, sentence=sentence, evidence=evidence)


def swap_values(candidate: Candidate, trial: Trial, column: pl.Series, places: NDArray[np.int64]) -> Look:
    """Return how far the answers to these rows move when the column's value is that of another row."""
    import polars as pl

    generator = np.random.default_rng(SEED)
    rows, before = trial.features[places], np.tile(places, N_SWAPS)
    donors = generator.integers(0, len(column), size=N_SWAPS * len(places))
    swapped = pl.concat([rows] * N_SWAPS).with_columns(column.gather(donors))
    answers, answers_before = candidate.score(swapped), np.concatenate([candidate.score(rows)] * N_SWAPS)
    moves = measure_moves(answers_before, answers)
    is_other = ~column.gather(before).eq_missing(column.gather(donors)).to_numpy()
    table = np.where(is_other, moves, -1.0).reshape(N_SWAPS, -1)
    is_tried = is_other.reshape(N_SWAPS, -1).any(axis=0)
    worst: dict[str, Json] = {}
    if is_tried.any():
        row = int(np.where(is_other, moves, -1.0).argmax())
        worst = {
            "key": trial.key[int(before[row])],
            "value": _show(column[int(before[row])]),
            "value_after": _show(column[int(donors[row])]),
            **show_move(answers_before, answers, row=row, candidate=candidate),
        }
    return Look(sizes=table.max(axis=0)[is_tried], worst=worst)


def _show(value: Any) -> Json:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _tell(check: InvariantTo, share: Share, tolerance: float, seen: Look) -> str:
    said = f"Swapping {check.column} moves {share.n_found:,} of {share.n_rows:,} answers by more than {tolerance:.3g}"
    if not share.n_rows:
        return f"Not enough data: no row drew another value of {check.column}."
    worst = ""
    if share.n_found:
        worst = (
            f" The worst goes from {seen.worst['answer']:.3g} to {seen.worst['answer_after']:.3g} "
            f"when {say_value(seen.worst['value'])} becomes {say_value(seen.worst['value_after'])}."
        )
    if share.ruling is Ruling.INCONCLUSIVE:
        return f"{said}. {share.shortage}{worst}"
    allowed = f"at most {say_share(check.share)} may"
    return f"{said} ({say_share(share.share)}; {allowed}).{worst}"
