"""Estimator: a scikit-learn estimator as a scorer, fed as it was fitted, read in the signature's order."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Kind, Signature, Task
from holdtrue.errors import FormatRefused, HoldtrueError, TrainingFailed
from holdtrue.registry.histogram import HistogramPath, find_path
from holdtrue.registry.probe import make_probe
from holdtrue.registry.scorer import Row, Scorer, frame_of_rows
from holdtrue.registry.thread import limit_threads

if TYPE_CHECKING:
    import polars as pl

SMALL_BATCH = 256
AGREEMENT = 1e-12


class EstimatorScorer(Scorer):
    """Scores with an estimator's own `predict_proba` or `predict`.

    An estimator that was fitted on named columns gets a polars frame of those columns; one that was fitted on a plain
    matrix gets the numbers of all columns in the schema's order. Plain rows of a histogram gradient boosting take a way
    without frames, once that was shown to agree.
    """

    holds_interpreter = True

    def __init__(self, estimator: Any, signature: Signature) -> None:
        super().__init__(signature)
        self.estimator = estimator
        self.names = _name_inputs(estimator, signature)
        self._places = place_classes(estimator, signature) if signature.task.has_classes else []

    @property
    def is_fast(self) -> bool:
        """Say whether plain rows are answered without building a frame."""
        return self._path is not None

    def _score_frame(self, frame: "pl.DataFrame") -> NDArray[Any]:
        given = frame.to_numpy().astype(np.float64) if self.names is None else frame.select(self.names)
        try:
            if frame.height > SMALL_BATCH:
                return self._answer(given)
            with limit_threads():  # starting a team of threads costs more than scoring a few rows
                return self._answer(given)
        except HoldtrueError:
            raise
        except Exception as error:  # whatever scikit-learn or numpy raises on these rows
            raise TrainingFailed(
                f"{type(self.estimator).__name__} cannot answer these rows ({type(error).__name__}: {error})",
                expected="an estimator that takes the features as `data.features` has them",
                remedy="put every preparation of the features into the estimator, as a pipeline",
            ) from error

    def _score_values(self, rows: Sequence[Row]) -> NDArray[Any]:
        if self._path is None:
            return self._score_frame(frame_of_rows(rows, self.signature.schema))
        return self._answer_fast(self._path, rows)

    @cached_property
    def _path(self) -> HistogramPath | None:
        """Return the fast way if there is one and it agrees with the estimator on made-up rows; sought on first use."""
        try:
            path = find_path(self.estimator, self.signature.schema, self.names)
            if path is None:
                return None
            rows = make_probe(self.signature.schema)
            slow = self._score_frame(frame_of_rows(rows, self.signature.schema))
            fast = self._answer_fast(path, rows)
        except Exception:  # it stands on scikit-learn's inner parts: whatever changed there, the plain way is right
            return None
        agrees = slow.shape == fast.shape and bool(np.max(np.abs(slow - fast), initial=0.0) <= AGREEMENT)
        return path if agrees else None

    def _answer_fast(self, path: HistogramPath, rows: Sequence[Row]) -> NDArray[Any]:
        answers = path.answer(rows, has_classes=self.signature.task.has_classes)
        if not self.signature.task.has_classes:
            return answers
        return arrange_classes(answers, self._places, self.signature)

    def _answer(self, given: Any) -> NDArray[Any]:
        if not self.signature.task.has_classes:
            return np.asarray(self.estimator.predict(given))
        return arrange_classes(np.asarray(self.estimator.predict_proba(given)), self._places, self.signature)


def check_estimator(estimator: Any, task: Task) -> None:
    """Refuse what is no fitted estimator for the task, before anything is stored.

    Raises:
        TrainingFailed: it has no `predict_proba` (classes) or `predict` (numbers), or is not fitted.
    """
    kind = type(estimator).__name__
    method = "predict_proba" if task.has_classes else "predict"
    if not hasattr(estimator, method):
        raise TrainingFailed(
            f"train returned a {kind}, which has no {method}",
            expected=f"a fitted estimator with {method}, for the task {task.value}",
            remedy="wrap a classifier without probabilities in CalibratedClassifierCV"
            if hasattr(estimator, "predict")
            else "return a fitted scikit-learn estimator or pipeline, or a LightGBM model",
        )
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not isinstance(estimator, BaseEstimator):
        raise FormatRefused(
            f"a {type(estimator).__module__}.{kind} cannot be stored safely",
            expected="a scikit-learn estimator or pipeline, or a LightGBM Booster, LGBMClassifier or LGBMRegressor",
        )
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise TrainingFailed(
            f"train returned a {kind} that is not fitted", expected="call .fit(...) in train"
        ) from error


def place_classes(estimator: Any, signature: Signature) -> list[int | None]:
    """Return for each class of the signature its column in `predict_proba`; None when training had none of it.

    Raises:
        TrainingFailed: the estimator knows a class that the signature does not, or has no `classes_`.
    """
    known = getattr(estimator, "classes_", None)
    if known is None or isinstance(known, list):
        raise TrainingFailed(f"{type(estimator).__name__} does not say its classes_", expected="one label for each row")
    classes = [value.item() if hasattr(value, "item") else value for value in known]
    strange = [value for value in classes if value not in signature.classes]
    if strange:
        raise TrainingFailed(
            f"the model was fitted on the classes {classes}",
            expected=f"the label's values {list(signature.classes)}",
            remedy="fit on data.label as it is",
        )
    return [classes.index(value) if value in classes else None for value in signature.classes]


def arrange_classes(answers: NDArray[Any], places: Sequence[int | None], signature: Signature) -> NDArray[np.float64]:
    """Return probabilities with their columns in the signature's order; a class that training had not gets 0."""
    if answers.ndim != 2 or answers.shape[1] != sum(place is not None for place in places):
        raise TrainingFailed(
            f"the model gives probabilities of shape {answers.shape}", expected=f"(n_rows, {len(signature.classes)})"
        )
    if list(places) == list(range(answers.shape[1])):
        return answers
    arranged = np.zeros((answers.shape[0], len(places)), dtype=np.float64)
    for column, place in enumerate(places):
        if place is not None:
            arranged[:, column] = answers[:, place]
    return arranged


def _name_inputs(estimator: Any, signature: Signature) -> list[str] | None:
    schema = signature.schema
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        unknown = [str(name) for name in names if name not in schema.names]
        if unknown:
            raise FormatRefused(
                f"the model was fitted on columns that the schema does not have: {', '.join(unknown[:5])}",
                expected=f"some of {list(schema.names)}",
                remedy="compute those features inside a pipeline, or in the table",
            )
        return [str(name) for name in names]
    n_features = getattr(estimator, "n_features_in_", None)
    if n_features is None:
        return list(schema.names)
    text = [column.name for column in schema.columns if column.kind is Kind.TEXT]
    if text or n_features != len(schema.columns):
        raise FormatRefused(
            f"the model was fitted on a matrix of {n_features} columns without names, "
            f"the schema has {len(schema.columns)}" + (f" with text in {', '.join(text[:5])}" if text else ""),
            expected="fitting on data.features, so that the model knows its columns by name",
            remedy="fit on data.features itself and encode text inside a pipeline "
            '(OneHotEncoder, OrdinalEncoder, or HistGradientBoosting with categorical_features="from_dtype")',
        )
    return None
