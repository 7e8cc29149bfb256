"""Contributions: what each value of a row adds to its answer: exactly where trees tell, else by sampled orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Contribution, Contributions, LabelValue, Method, Scale, Task, Version
from holdtrue.errors import TrainingFailed
from holdtrue.registry.scorer import Row, Scorer
from holdtrue.stats import Score, sample_shapley

N_CALLS = 2_000
_CLOSE = 1e-4


@dataclass(frozen=True)
class _Trees:
    """What the trees of a model tell of one row: contributions by column of the schema, and the base; in one sum."""

    amounts: NDArray[np.float64]
    base: float


def explain_row(
    scorer: Scorer,
    version: Version,
    row: Row,
    *,
    references: Sequence[Row],
    seed: int = 0,
    n_calls: int = N_CALLS,
    score: Score | None = None,
) -> Contributions:
    """Return what each value of a row adds to the answer of a version.

    Of a binary task the probability of the second class is explained, of several classes that of the likeliest one.

    Args:
        scorer: the version's model.
        version: names it.
        row: plain values in the schema's order.
        references: rows of the same form to compare with, where the trees do not tell.
        seed: of the sampled orders.
        n_calls: how many rows the model is asked at most, about.
        score: answers rows with all numbers of an answer, (n_rows, n_outputs), in place of the scorer; it may pause.

    Raises:
        TrainingFailed: the model fails on the row, or there is nothing to compare it with.
    """
    signature = version.signature
    answer = scorer.score_rows([row]).answers.reshape(-1)
    place = 1 if signature.task is Task.BINARY else int(np.argmax(answer))
    of = signature.classes[place] if signature.task.has_classes else None
    trees = _ask_trees(scorer, row, place)
    if trees is not None:
        total = trees.base + float(trees.amounts.sum())
        scale = _name_scale(signature.task, float(answer[place]), total)
        parts = _sort(version, row, trees.amounts, None)
        return Contributions(
            version=version.name, method=Method.EXACT, scale=scale, of=of, answer=total, base=trees.base, parts=parts
        )
    return _sample(scorer, version, row, references, place=place, of=of, seed=seed, n_calls=n_calls, score=score)


def _sample(
    scorer: Scorer,
    version: Version,
    row: Row,
    references: Sequence[Row],
    *,
    place: int,
    of: LabelValue | None,
    seed: int,
    n_calls: int,
    score: Score | None,
) -> Contributions:
    if not references:
        raise TrainingFailed(
            f"{version.name} keeps no rows to compare this one with",
            expected="a release with a sample of its training rows",
            remedy="release it anew",
        )

    def ask(rows: Sequence[Row]) -> NDArray[np.float64]:
        answers = scorer.score_rows(rows).answers if score is None else score(rows)
        return np.asarray(answers.reshape(len(rows), -1)[:, place], dtype=np.float64)

    found = sample_shapley(ask, row, references, n_calls=n_calls, rng=np.random.default_rng(seed))
    return Contributions(
        version=version.name,
        method=Method.SAMPLED,
        scale=Scale.ANSWER if of is None else Scale.PROBABILITY,
        of=of,
        answer=found.answer,
        base=found.base,
        parts=_sort(version, row, found.values, found.errors),
        n_calls=found.n_calls,
        n_references=found.n_references,
    )


def _sort(
    version: Version, row: Row, amounts: NDArray[np.float64], errors: NDArray[np.float64] | None
) -> tuple[Contribution, ...]:
    names = version.signature.schema.names
    order = np.argsort(-np.abs(amounts), kind="stable").tolist()
    return tuple(
        Contribution(
            feature=names[i],
            value=row[i],
            amount=float(amounts[i]),
            standard_error=None if errors is None or np.isnan(errors[i]) else float(errors[i]),
        )
        for i in order
    )


def _ask_trees(scorer: Scorer, row: Row, place: int) -> _Trees | None:
    """Return what LightGBM or XGBoost tell of the row; None for other models, and for trees that do not tell."""
    spread = getattr(scorer, "spread_row", None)
    if spread is None:
        return None
    try:
        table: NDArray[Any] = spread(row)
    except Exception:  # such as linear trees: their library raises an error of its own
        return None
    chosen = table[0] if len(table) == 1 else table[place]
    return _Trees(amounts=chosen[:-1], base=float(chosen[-1]))


def _name_scale(task: Task, answer: float, total: float) -> Scale:
    """Return what the sum of a model's trees is: its answer, the log-odds of it, or a score behind it."""
    if abs(answer - total) <= _CLOSE * max(1.0, abs(answer)):
        return Scale.PROBABILITY if task.has_classes else Scale.ANSWER
    if task is Task.BINARY and 0 < answer < 1 and abs(np.log(answer / (1 - answer)) - total) <= 1e-3 * (1 + abs(total)):
        return Scale.LOG_ODDS
    return Scale.SCORE
