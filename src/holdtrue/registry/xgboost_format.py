"""XgboostFormat: XGBoost models as their own JSON or UBJSON, scored from a matrix without polars."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Kind, Signature, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry.lightgbm_format import encode_frame, spread_columns
from holdtrue.registry.scorer import Row, Scorer, code_levels, encode_rows
from holdtrue.registry.xgboost_structure import read_xgboost

if TYPE_CHECKING:
    import polars as pl

# Objectives whose prediction is a probability, and the task that each is for.
_PROBABILITIES = {"binary:logistic": Task.BINARY, "multi:softprob": Task.MULTICLASS}
_NUMBERS = ("reg:", "count:", "survival:aft")


class XgboostScorer(Scorer):
    """Scores with an XGBoost booster."""

    def __init__(self, booster: Any, signature: Signature) -> None:
        super().__init__(signature)
        self.booster = booster
        self._columns = _match_columns(booster.feature_names or [], booster.num_features(), signature)
        self._codes = code_levels(signature.schema)

    def _score_frame(self, frame: "pl.DataFrame") -> NDArray[Any]:
        return self._answer(encode_frame(frame, self._codes)[:, self._columns])

    def _score_values(self, rows: Sequence[Row]) -> NDArray[Any]:
        return self._answer(encode_rows(rows, self._codes)[:, self._columns])

    def spread_row(self, row: Row) -> NDArray[np.float64]:
        """Return what each column of the schema adds to the sum of the trees for a row, and last their base.

        Shape (1, n_columns + 1), or (n_classes, n_columns + 1) for several classes. Exact (TreeSHAP), in 32-bit floats.
        """
        from xgboost import DMatrix

        matrix = DMatrix(encode_rows([row], self._codes)[:, self._columns], nthread=1)
        told = self.booster.predict(matrix, pred_contribs=True, validate_features=False)
        return spread_columns(told, self._columns, row)

    def _answer(self, matrix: NDArray[np.float64]) -> NDArray[Any]:
        answers = np.asarray(self.booster.inplace_predict(matrix, validate_features=False), dtype=np.float64)
        if self.signature.task is Task.BINARY and answers.ndim == 1:
            return np.column_stack((1.0 - answers, answers))
        return answers


def dump_xgboost(model: Any, task: Task) -> bytes:
    """Return a Booster, XGBClassifier or XGBRegressor as UBJSON.

    Raises:
        TrainingFailed: it is not fitted, or its objective does not answer the task.
        FormatRefused: it is another kind of XGBoost object, or no plain forest.
    """
    data = bytes(_booster_of(model).save_raw("ubj"))
    _check_objective(read_xgboost(data)["objective"]["name"], task)
    return data


def load_xgboost(data: bytes, signature: Signature) -> Scorer:
    """Return the scorer of an XGBoost model; its structure is judged before native code sees it."""
    _check_objective(read_xgboost(data)["objective"]["name"], signature.task)
    from xgboost import Booster
    from xgboost.core import XGBoostError

    booster = Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(data))
        return XgboostScorer(booster, signature)
    except (XGBoostError, ValueError, TypeError) as error:
        raise FormatRefused(f"the XGBoost model cannot be read ({error})", expected="an intact model file") from error


def score_booster(model: Any, signature: Signature, frame: "pl.DataFrame") -> NDArray[np.float64]:
    """Return the answers of the model as train returned it, for comparison with what was stored."""
    return XgboostScorer(_booster_of(model), signature).score(frame)


def _match_columns(names: Sequence[str], n_features: int, signature: Signature) -> list[int]:
    schema = signature.schema
    if names and not set(names) <= set(schema.names):
        unknown = [name for name in names if name not in schema.names]
        raise FormatRefused(
            f"the XGBoost model takes columns that the schema does not have: {', '.join(unknown[:5])}",
            expected=f"some of {list(schema.names)}",
            remedy="compute those features in the table",
        )
    if not names and n_features != len(schema.columns):
        raise FormatRefused(
            f"the XGBoost model was trained on {n_features} columns without names, the schema has "
            f"{len(schema.columns)}",
            expected="training on a frame with the schema's column names",
        )
    taken = [schema.names.index(name) for name in names] if names else list(range(n_features))
    text = [schema.names[place] for place in taken if schema.columns[place].kind is Kind.TEXT]
    if text:
        raise FormatRefused(
            f"the XGBoost model takes the text columns {', '.join(text[:5])}",
            expected="numbers only",
            remedy="compute codes or shares of these texts in the table",
        )
    return taken


def _booster_of(model: Any) -> Any:
    from xgboost import Booster, XGBClassifier, XGBRegressor
    from xgboost.core import XGBoostError

    if isinstance(model, Booster):
        return model
    if not isinstance(model, XGBClassifier | XGBRegressor):
        raise FormatRefused(
            f"an XGBoost {type(model).__name__} cannot be stored", expected="a Booster, XGBClassifier or XGBRegressor"
        )
    try:
        return model.get_booster()
    except (XGBoostError, ValueError, AttributeError) as error:
        raise TrainingFailed(
            f"train returned a {type(model).__name__} that is not fitted", expected="call .fit(...) in train"
        ) from error


def _check_objective(objective: object, task: Task) -> None:
    name = str(objective)
    is_right = _PROBABILITIES.get(name) is task if task.has_classes else name.startswith(_NUMBERS)
    if not is_right:
        wanted = [each for each, kind in _PROBABILITIES.items() if kind is task] or [f"{each}..." for each in _NUMBERS]
        raise TrainingFailed(
            f"the XGBoost model has the objective {name}", expected=f"for the task {task.value}: {', '.join(wanted)}"
        )
