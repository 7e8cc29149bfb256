"""Score: what a model answers to the labelled rows of a history."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holdtrue.data import History, conform
from holdtrue.domain import LabelValue
from holdtrue.registry import Scorer

from .classes import align_classes


def score_labelled(scorer: Scorer, rows: History, *, classes: Sequence[LabelValue]) -> NDArray[np.float64]:
    """Return a scorer's answers to the labelled rows, in the columns of these classes."""
    signature = scorer.signature
    frame = rows.frame.filter(rows.frame["__label"].is_not_null())
    answers = scorer.score(conform(frame, signature.schema))
    return align_classes(answers, signature.classes, classes) if signature.classes else answers
