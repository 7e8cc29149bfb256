"""Monotonicity: does an answer only go one way when one column rises and the others stay?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Direction, Json, MonotoneIn, Ruling, Task, Verdict
from holdtrue.validation.behaviour.look import Look, NoNumbers, ask, choose_tolerance, look_twice, refuse_answers
from holdtrue.validation.behaviour.share import Share, say_share, say_value
from holdtrue.validation.behaviour.trial import Trial, find_column, take_trial
from holdtrue.validation.candidate import Candidate

if TYPE_CHECKING:
    import polars as pl

N_STEPS = 24


def judge_monotonicity(check: MonotoneIn, candidate: Candidate) -> Verdict:
    """Return whether more answers than may go back while the column rises along a grid.

    The grid holds up to 24 of the column's distinct values, evenly spread, the least and the largest among them. A row
    goes back by the largest fall (for "increasing") between any two steps. Only rows that have a value are tried.
    """
    trial = take_trial(candidate)
    column = find_column(trial, check.column, check=check.name)
    refusal = _refuse(check, candidate, column)
    if isinstance(column, Verdict):
        return column
    if refusal is not None:
        return Verdict(check=check.name, ruling=Ruling.ERROR, sentence=refusal)
    tolerance, steps = choose_tolerance(check.tolerance, candidate), choose_steps(column)
    if len(steps) < 2:
        sentence = f"Not enough data: need rows with two values of {check.column}, found {len(steps)}."
        return Verdict(check=check.name, ruling=Ruling.INCONCLUSIVE, sentence=sentence)
    known = np.flatnonzero(column.is_not_null().to_numpy())
    try:
        share, seen = look_twice(
            lambda places: climb_steps(candidate, trial, steps, known[places], check.direction),
            n_rows=len(known),
            n_answers=len(steps),
            tolerance=tolerance,
            allowed=check.share,
        )
    except NoNumbers:
        return refuse_answers(check.name, check.column)
    evidence: dict[str, Json] = share.to_evidence() | {
        "tolerance": tolerance,
        "direction": check.direction.value,
        "n_steps": len(steps),
        "largest": float(seen.sizes.max(initial=0.0)),
        "worst": dict(seen.worst),
    }
    sentence = _tell(check, share, tolerance, seen)
    return Verdict(check=check.name, ruling=share.ruling, sentence=sentence, evidence=evidence)


def choose_steps(column: pl.Series) -> pl.Series:
    """Return up to N_STEPS values of a column of numbers in rising order, its least and its largest among them.

    >>> import polars as pl
    >>> choose_steps(pl.Series("x", [3, 1, None, 2, 3])).to_list()
    [1, 2, 3]
    """
    values = column.drop_nulls()
    distinct = (values.filter(values.is_finite()) if values.dtype.is_float() else values).unique().sort()
    places = np.unique(np.linspace(0, max(0, len(distinct) - 1), min(len(distinct), N_STEPS)).astype(np.int64))
    return distinct.gather(places)


def climb_steps(
    candidate: Candidate, trial: Trial, steps: pl.Series, places: NDArray[np.int64], direction: Direction
) -> Look:
    """Return how far the answers to these rows go back while the column takes each step and the others stay."""
    import polars as pl

    rows = trial.features[places]
    climbed = pl.concat([rows] * len(steps)).with_columns(steps.gather(np.repeat(np.arange(len(steps)), len(places))))
    answers = ask(candidate, climbed)
    levels = (answers[:, -1] if answers.ndim == 2 else answers).reshape(len(steps), len(places))
    rising = levels if direction is Direction.INCREASING else -levels
    heights = np.maximum.accumulate(rising, axis=0)
    falls = heights - rising
    sizes = falls.max(axis=0, initial=0.0)
    if not sizes.max(initial=0.0) > 0:
        return Look(sizes=sizes, worst={})
    row = int(sizes.argmax())
    after = int(falls[:, row].argmax())
    before = int(rising[: after + 1, row].argmax())
    worst: dict[str, Json] = {
        "key": trial.key[int(places[row])],
        "value": steps[before],
        "value_after": steps[after],
        "answer": float(levels[before, row]),
        "answer_after": float(levels[after, row]),
    }
    return Look(sizes=sizes, worst=worst)


def _refuse(check: MonotoneIn, candidate: Candidate, column: pl.Series | Verdict) -> str | None:
    """Say why no direction can be judged; None where one can."""
    if candidate.rows.task is Task.MULTICLASS:
        return (
            f"{check.name} cannot be judged: answers to {len(candidate.rows.classes)} classes have no "
            "direction; expected a number, or two classes."
        )
    if not isinstance(column, Verdict) and not column.dtype.is_numeric():
        return f"{check.name} cannot be judged: {check.column} is {column.dtype}, expected numbers."
    return None


def _tell(check: MonotoneIn, share: Share, tolerance: float, seen: Look) -> str:
    way = "fall" if check.direction is Direction.INCREASING else "rise"
    said = (
        f"{share.n_found:,} of {share.n_rows:,} answers {way} by more than {tolerance:.3g} somewhere while "
        f"{check.column} rises"
    )
    worst = ""
    if share.n_found:
        worst = (
            f" The worst goes from {seen.worst['answer']:.3g} to {seen.worst['answer_after']:.3g} "
            f"when {check.column} goes from {say_value(seen.worst['value'])} to {say_value(seen.worst['value_after'])}."
        )
    if share.ruling is Ruling.INCONCLUSIVE:
        return f"{said}. {share.shortage}{worst}"
    return f"{said} ({say_share(share.share)}; at most {say_share(check.share)} may).{worst}"
