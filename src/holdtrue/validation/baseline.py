"""The simple baseline: what one would answer who knows the past labels and nothing about the row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Json, LabelValue, Ruling, Task, Verdict
from holdtrue.errors import LabelError
from holdtrue.validation.comparison import Comparison, say_about
from holdtrue.validation.label import find_labelled
from holdtrue.validation.standard import say_long

CHECK = "beats_baseline"


def baseline_predictions(
    train_labels: NDArray[Any], *, n_rows: int, task: Task, classes: Sequence[LabelValue] = ()
) -> NDArray[np.float64]:
    """Return the same answer for each of n_rows: the class shares of the training labels, or their median.

    These are the constants of least log-loss and least absolute error.

    Args:
        train_labels: class positions (-1 = missing), or numbers (NaN = missing), shape (n_train_rows,).
        n_rows: how many rows to answer.
        task: the kind of question.
        classes: all classes; the answer has one column for each.

    Raises:
        LabelError: there is no label to learn from.

    >>> baseline_predictions(np.array([0, 0, 0, 1]), n_rows=1, task=Task.BINARY, classes=(False, True)).tolist()
    [[0.75, 0.25]]
    """
    known = train_labels[find_labelled(train_labels, task=task)]
    if len(known) == 0:
        raise LabelError(
            f"none of the {len(train_labels)} training rows has a label",
            expected="at least one label",
            remedy="check the label column, and whether its delay has passed",
        )
    if task.has_classes:
        shares = np.bincount(known.astype(np.int64), minlength=len(classes)) / len(known)
        return np.tile(shares.astype(np.float64), (n_rows, 1))
    return np.full(n_rows, float(np.median(known)))


def judge_baseline(comparison: Comparison, *, relieves: Comparison | None = None, is_refresh: bool = False) -> Verdict:
    """Return whether the challenger beats the simple baseline, from the comparison of their losses at alpha .10.

    The upper end of that two-sided interval is the end of a one-sided one at .05. An estimate on the wrong side has
    failed, one on the right side that may be luck is inconclusive.

    A refresh of the champion's own recipe has proved itself once; a few bad days would refuse it just when the champion
    needs relief. It fails only when it is shown to be worse than the baseline, and not even then when the champion is
    shown to be worse than it (`relieves`: its comparison with the champion): to refuse it would keep the worse of both.
    """
    evidence = comparison.to_evidence()
    figures = f"{comparison.loss_name} {comparison.risk:.4g} against {comparison.anchor_risk:.4g}"
    if comparison.shortage is not None:
        return Verdict(check=CHECK, ruling=Ruling.INCONCLUSIVE, sentence=comparison.shortage, evidence=evidence)
    figures += _say_apart(comparison)
    if is_refresh:
        return _judge_refresh(comparison, relieves, figures, evidence)
    if comparison.estimate >= 0:
        sentence = f"The challenger does not beat the simple baseline: {figures} ({comparison.extent})."
        return Verdict(check=CHECK, ruling=Ruling.FAILED, sentence=sentence, evidence=evidence)
    if comparison.high >= 0:
        n_rows, n_days = comparison.required(margin=0.0, effect=comparison.estimate)
        sentence = (
            f"Not yet known whether the challenger beats the simple baseline: {figures} ({comparison.extent}), "
            f"which may be luck. Not enough data: need {say_about(n_rows)} rows ({say_long(n_days)} at this traffic)."
        )
        evidence |= {"required_rows": n_rows, "required_days": n_days}
        return Verdict(check=CHECK, ruling=Ruling.INCONCLUSIVE, sentence=sentence, evidence=evidence)
    sentence = f"The challenger beats the simple baseline: {figures} ({comparison.extent})."
    return Verdict(check=CHECK, ruling=Ruling.PASSED, sentence=sentence, evidence=evidence)


def _say_apart(comparison: Comparison) -> str:
    interval = comparison.interval
    if interval is None:
        return ""
    return f", a difference between {interval.low:+.4g} and {interval.high:+.4g} at {100 * interval.level:.0f} %"


def _judge_refresh(
    comparison: Comparison, relieves: Comparison | None, figures: str, evidence: dict[str, Json]
) -> Verdict:
    is_worse = comparison.low > 0
    is_relief = relieves is not None and relieves.high < 0
    said = "is worse" if is_worse else "is not shown to be worse"
    but = ", but the champion is worse still" if is_worse and is_relief else ""
    return Verdict(
        check=CHECK,
        ruling=Ruling.FAILED if is_worse and not is_relief else Ruling.PASSED,
        sentence=f"The refresh {said} than the simple baseline: {figures} ({comparison.extent}){but}.",
        evidence=evidence,
    )
