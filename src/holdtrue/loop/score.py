"""Score: what a model answers to the labelled rows of a history."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from holdtrue.data import History, take_rows
from holdtrue.domain import LabelValue
from holdtrue.registry import Scorer

from .classes import align_classes


def score_labelled(
    scorer: Scorer, rows: History, *, classes: Sequence[LabelValue], known: History
) -> NDArray[np.float64]:
    """Return a scorer's answers to the labelled rows, in the columns of these classes.

    `known` is what features of the past are gathered of, where the scorer computes others than the rows hold.
    """
    signature = scorer.signature
    asked = replace(rows, frame=rows.frame.filter(rows.frame["__label"].is_not_null()))
    answers = scorer.score(take_rows(asked, signature, known=known))
    return align_classes(answers, signature.classes, classes) if signature.classes else answers
