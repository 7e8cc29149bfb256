"""Invariance: do answers stay where they are when one column's value is swapped for another row's?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import InvariantTo, Json, Ruling, Verdict
from holdtrue.validation.behaviour.look import (
    Look,
    NoNumbers,
    ask,
    choose_tolerance,
    look_twice,
    measure_moves,
    refuse_answers,
    show_move,
)
from holdtrue.validation.behaviour.share import Share, say_share, say_value
from holdtrue.validation.behaviour.trial import Trial, find_column, take_trial
from holdtrue.validation.candidate import Candidate

if TYPE_CHECKING:
    import polars as pl

N_SWAPS = 3
SEED = 1


def judge_invariance(check: InvariantTo, candidate: Candidate) -> Verdict:
    """Return whether swapping a column's values moves more answers than may move.

    Each row is tried with three other values, each drawn with a seed from the rows that have another value than its
    own, so that common values stay common.
    """
    trial = take_trial(candidate)
    column = find_column(trial, check.column, check=check.name)
    if isinstance(column, Verdict):
        return column
    tolerance = choose_tolerance(check.tolerance, candidate)
    try:
        share, seen = look_twice(
            lambda places: swap_values(candidate, trial, column, places),
            n_rows=len(column),
            n_answers=N_SWAPS,
            tolerance=tolerance,
            allowed=check.share,
        )
    except NoNumbers:
        return refuse_answers(check.name, check.column)
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

    rows, before = trial.features[places], np.tile(places, N_SWAPS)
    donors = draw_others(column, before, seed=SEED)
    swapped = pl.concat([rows] * N_SWAPS).with_columns(column.gather(donors))
    answers, answers_before = ask(candidate, swapped), np.concatenate([ask(candidate, rows)] * N_SWAPS)
    moves = measure_moves(answers_before, answers)
    row = int(moves.argmax())
    worst: dict[str, Json] = {
        "key": trial.key[int(before[row])],
        "value": _show(column[int(before[row])]),
        "value_after": _show(column[int(donors[row])]),
        **show_move(answers_before, answers, row=row, candidate=candidate),
    }
    return Look(sizes=moves.reshape(N_SWAPS, -1).max(axis=0), worst=worst)


def draw_others(column: pl.Series, places: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """Return for each place one drawn evenly from all rows whose value is another than the place's own.

    Equal values stand together once the rows are sorted by value, so leaving out a row's own block is one shift.

    >>> import polars as pl
    >>> column = pl.Series(["a", "b", "a", None])
    >>> column.gather(draw_others(column, np.array([0, 1, 3]), seed=1)).to_list()
    ['b', 'a', 'a']
    """
    order = column.arg_sort().to_numpy()
    ordered = column.gather(order)
    is_first = ordered.ne_missing(ordered.shift(1)).to_numpy().copy()
    is_first[0] = True
    starts = np.flatnonzero(is_first)
    sizes = np.diff(np.append(starts, len(column)))
    blocks = np.empty(len(column), dtype=np.int64)
    blocks[order] = np.cumsum(is_first) - 1
    own = blocks[places]
    drawn = (np.random.default_rng(seed).random(len(places)) * (len(column) - sizes[own])).astype(np.int64)
    return np.asarray(order[drawn + sizes[own] * (drawn >= starts[own])], dtype=np.int64)


def _show(value: Any) -> Json:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _tell(check: InvariantTo, share: Share, tolerance: float, seen: Look) -> str:
    said = f"Swapping {check.column} moves {share.n_found:,} of {share.n_rows:,} answers by more than {tolerance:.3g}"
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
