"""Twin: a second form of a scikit-learn model, in ONNX, which answers the same and many times as fast.

It is made once, where the model is trained, and shown to agree there; servers need no scikit-learn to load it. A model
whose twin does not agree has none.
"""

import warnings
from typing import TYPE_CHECKING

import numpy as np

from holdtrue.domain import Kind, ModelFormat
from holdtrue.registry.estimator import EstimatorScorer
from holdtrue.registry.format import StoredModel, load_model
from holdtrue.registry.histogram import find_path
from holdtrue.registry.histogram_graph import dump_histogram
from holdtrue.registry.probe import make_probe
from holdtrue.registry.scorer import Scorer, frame_of_rows

if TYPE_CHECKING:
    import polars as pl

TWIN_TOLERANCE = 1e-5
MOST_BYTES = 32 << 20  # a larger model takes minutes to convert
N_ROWS = 2_000


def make_twin(scorer: Scorer, stored: StoredModel, rows: "pl.DataFrame") -> StoredModel | None:
    """Return the twin of a stored model, if it has one that agrees.

    It must agree within 1e-5, and on the likeliest class, on every one of some rows: up to 2,000 real ones, and ones
    made up of each feature's extremes, nulls, and levels that training had not seen.

    Args:
        scorer: the loaded model.
        stored: its bytes; only scikit-learn models have twins, the others are fast as they are.
        rows: rows of features that the model may meet.
    """
    if not isinstance(scorer, EstimatorScorer) or len(stored.data) > MOST_BYTES:
        return None
    real = rows.select(scorer.signature.schema.names).tail(N_ROWS)
    probe = frame_of_rows(make_probe(scorer.signature.schema), scorer.signature.schema)
    for convert in (_convert_histogram, _convert_doubles, _convert_floats):
        try:
            data = convert(scorer)
            if data is None:
                continue
            loaded = load_model(data, ModelFormat.ONNX, scorer.signature)
            if all(_agree(scorer, loaded, frame) for frame in (real, probe) if frame.height):
                return StoredModel(format=ModelFormat.ONNX, data=data)
        except Exception:  # converters and runtimes raise what they like; a model without a twin answers as before
            continue
    return None


def _agree(scorer: Scorer, twin: Scorer, frame: "pl.DataFrame") -> bool:
    expected, found = scorer.score(frame), twin.score(frame)
    spread = np.maximum(1.0, np.abs(expected))
    is_near = expected.shape == found.shape and bool((np.abs(found - expected) <= TWIN_TOLERANCE * spread).all())
    if not is_near or not scorer.signature.task.has_classes:
        return is_near
    return bool((expected.argmax(axis=1) == found.argmax(axis=1)).all())


def _convert_histogram(scorer: EstimatorScorer) -> bytes | None:
    path = find_path(scorer.estimator, scorer.signature.schema, scorer.names)
    if path is None or not _is_straight(scorer):
        return None
    return dump_histogram(path, scorer.signature.schema, scorer.signature.task)


def _convert_doubles(scorer: EstimatorScorer) -> bytes | None:
    return _convert_by_library(scorer, "DoubleTensorType")


def _convert_floats(scorer: EstimatorScorer) -> bytes | None:
    return _convert_by_library(scorer, "FloatTensorType")


def _convert_by_library(scorer: EstimatorScorer, numbers: str) -> bytes | None:
    """Return what skl2onnx makes of an estimator; None where it is not installed."""
    try:
        from skl2onnx import convert_sklearn
        from skl2onnx.common import data_types
    except ImportError:
        return None
    if not _is_straight(scorer):
        return None
    schema, estimator = scorer.signature.schema, scorer.estimator
    number_type, text_type = getattr(data_types, numbers), data_types.StringTensorType
    if scorer.names is None:
        types = [("rows", number_type([None, len(schema.columns)]))]
    else:
        columns = [schema.column(name) for name in scorer.names]
        types = [(each.name, (text_type if each.kind is Kind.TEXT else number_type)([None, 1])) for each in columns]
    options = {id(estimator): {"zipmap": False}} if scorer.signature.task.has_classes else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data: bytes = convert_sklearn(estimator, initial_types=types, options=options).SerializeToString()
    return data


def _is_straight(scorer: EstimatorScorer) -> bool:
    """Say whether the estimator's classes are those of the signature, in their order."""
    signature = scorer.signature
    return not signature.task.has_classes or list(scorer.estimator.classes_) == list(signature.classes)
