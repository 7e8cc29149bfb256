"""Weights: what each feature carries in a candidate, measured on the rows that its gate judged it on."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import History, conform
from holdtrue.domain import Loss
from holdtrue.registry import Scorer
from holdtrue.validation import measure_weights

from .classes import align_classes


def weigh_features(scorer: Scorer, later: History, loss: Loss) -> dict[str, float]:
    """Return the weight of each feature by name; a column that would have taken too long is left out."""
    signature = scorer.signature
    frame = later.frame.filter(later.frame["__label"].is_not_null())

    def score(rows: pl.DataFrame) -> NDArray[np.float64]:
        answers = scorer.score(conform(rows, signature.schema))
        return align_classes(answers, signature.classes, later.classes) if signature.classes else answers

    labels = later.dataset().encoded_labels()
    return measure_weights(frame.select(signature.schema.names), labels, score=score, loss=loss)
