"""LightgbmFormat: LightGBM models as their own text, scored from a matrix without polars.

LightGBM 4.7 ends the process when a polars text column reaches it, so text always goes in as codes: in the order of
`pandas_categorical` when the model was fitted on pandas categories, else in the order of the schema's levels (what
`pl.col(...).to_physical()` of the training frame gives). Null goes in as NaN.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Kind, Signature, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry.forest import ScoreMatrix
from holdtrue.registry.lightgbm_text import LightgbmText, find_fault, make_link, read_lightgbm_text
from holdtrue.registry.scorer import Row, Scorer, code_levels, encode_rows, number_levels

if TYPE_CHECKING:
    import polars as pl

_ANSWERS_CLASSES = ("binary", "cross_entropy", "xentropy", "multiclass", "multiclassova")
_UNNAMED = re.compile(r"^Column_\d+$")
_UNSAID = re.compile(r"[^A-Za-z0-9_]")


class ForestScorer(Scorer):
    """Scores the trees of a LightGBM text in ONNX Runtime, with the booster's own answers and without LightGBM.

    `source` is the text itself, from which LightGBM tells contributions.
    """

    def __init__(self, text: LightgbmText, score: ScoreMatrix, signature: Signature, *, source: str) -> None:
        super().__init__(signature)
        columns, self._codes = match_columns(text, signature)
        self._columns = None if columns == list(range(len(signature.schema.columns))) else columns
        self._source = source
        self._score = score
        self._link = make_link(text)

    @cached_property
    def _spreader(self) -> "BoosterScorer":
        from lightgbm import Booster  # only here: what only answers does without LightGBM

        return BoosterScorer(Booster(model_str=self._source), self.signature)

    def spread_row(self, row: Row) -> NDArray[np.float64]:
        """Return what `BoosterScorer.spread_row` does; `ImportError` where LightGBM is not installed."""
        return self._spreader.spread_row(row)

    def _score_frame(self, frame: "pl.DataFrame") -> NDArray[Any]:
        return self._answer(encode_frame(frame, self._codes))

    def _score_values(self, rows: Sequence[Row]) -> NDArray[Any]:
        return self._answer(encode_rows(rows, self._codes))

    def _answer(self, matrix: NDArray[np.float64]) -> NDArray[Any]:
        return self._link(self._score(matrix if self._columns is None else matrix[:, self._columns]))


class BoosterScorer(Scorer):
    """Scores with a LightGBM booster."""

    def __init__(self, booster: Any, signature: Signature) -> None:
        super().__init__(signature)
        self.booster = booster
        self._columns, self._codes = match_columns(booster, signature)

    def _score_frame(self, frame: "pl.DataFrame") -> NDArray[Any]:
        return self._answer(encode_frame(frame, self._codes)[:, self._columns], n_threads=0)

    def _score_values(self, rows: Sequence[Row]) -> NDArray[Any]:
        return self._answer(encode_rows(rows, self._codes)[:, self._columns], n_threads=1)

    def spread_row(self, row: Row) -> NDArray[np.float64]:
        """Return what each column of the schema adds to the sum of the trees for a row, and last their base.

        Shape (1, n_columns + 1), or (n_classes, n_columns + 1) for several classes. Exact (TreeSHAP).
        """
        matrix = encode_rows([row], self._codes)[:, self._columns]
        return spread_columns(self.booster.predict(matrix, pred_contrib=True, num_threads=1), self._columns, row)

    def _answer(self, matrix: NDArray[np.float64], *, n_threads: int) -> NDArray[Any]:
        answers = np.asarray(self.booster.predict(matrix, num_threads=n_threads))
        if self.signature.task is Task.BINARY and answers.ndim == 1:
            return np.column_stack((1.0 - answers, answers))
        return answers


def dump_lightgbm(model: Any, task: Task) -> bytes:
    """Return a Booster, LGBMClassifier or LGBMRegressor as the text of its booster.

    Raises:
        TrainingFailed: it is not fitted, or its objective does not answer the task.
        FormatRefused: it is another kind of LightGBM object.
    """
    text: str = _booster_of(model).model_to_string()
    _check_objective(text, task)
    return text.encode()


def load_lightgbm(data: bytes, signature: Signature) -> Scorer:
    """Return the scorer of a LightGBM text. Mutated text can end the process: verify digest and signature before."""
    text = _read_text(data)
    _check_objective(text, signature.task)
    _check_whole(data, signature)
    planted = _plant(text, signature)
    if planted is not None:
        return planted
    from lightgbm import Booster
    from lightgbm.basic import LightGBMError

    try:
        booster = Booster(model_str=text)
    except (LightGBMError, ValueError, TypeError, KeyError) as error:
        raise FormatRefused(f"the LightGBM text cannot be read ({error})", expected="an intact model text") from error
    return BoosterScorer(booster, signature)


def _plant(text: str, signature: Signature) -> Scorer | None:
    """Return the scorer that needs no LightGBM; None for a model of more than plain trees, or without ONNX Runtime."""
    found = read_lightgbm_text(text)
    forest = None if found is None else found.plant()
    if found is None or forest is None:
        return None
    columns, _ = match_columns(found, signature)
    asked = {signature.schema.columns[columns[forest.features[place]]].kind for place in forest.members}
    if Kind.NUMBER in asked:  # LightGBM cuts 2.7 down to category 2; a forest does not find it in a set
        return None
    try:
        return ForestScorer(found, forest.open(), signature, source=text)
    except ImportError:
        return None


def score_in_memory(model: Any, signature: Signature, frame: "pl.DataFrame") -> NDArray[np.float64]:
    """Return the answers of the model as train returned it, for comparison with what was stored."""
    _check_classes(model, signature)
    booster = _booster_of(model)
    if booster.pandas_categorical and _has_pandas():
        given = _to_categories(booster, frame)
        if hasattr(model, "booster_"):
            answers = model.predict_proba(given) if signature.task.has_classes else model.predict(given)
        else:
            answers = booster.predict(given)
        if signature.task is Task.BINARY and np.ndim(answers) == 1:
            answers = np.column_stack((1.0 - answers, answers))
        return np.asarray(answers, dtype=np.float64)
    return BoosterScorer(booster, signature).score(frame)


def match_columns(booster: Any, signature: Signature) -> tuple[list[int], list[dict[Any, float] | None]]:
    """Return which columns of the schema the booster takes, in its order, and the codes of each schema column's levels.

    Raises:
        FormatRefused: the booster's columns cannot be told, or its categories are not those of the schema.
    """
    schema = signature.schema
    wanted = booster.feature_name()
    codes = code_levels(schema)
    text = [column.name for column in schema.columns if column.kind is Kind.TEXT]
    if all(_UNNAMED.match(name) for name in wanted):
        if text or len(wanted) != len(schema.columns):
            raise FormatRefused(
                f"the LightGBM model was trained on {len(wanted)} columns without names, the schema has "
                f"{len(schema.columns)}" + (f" with text in {', '.join(text[:5])}" if text else ""),
                expected="training on a frame with the schema's column names",
                remedy="pass a frame: text columns as pandas categories, or as codes by pl.col(...).to_physical()",
            )
        return list(range(len(wanted))), codes
    plain = {_UNSAID.sub("_", name): position for position, name in enumerate(schema.names)}
    exact = {name: position for position, name in enumerate(schema.names)}
    unknown = [name for name in wanted if name not in exact and _UNSAID.sub("_", name) not in plain]
    if unknown:
        raise FormatRefused(
            f"the LightGBM model takes columns that the schema does not have: {', '.join(unknown[:5])}",
            expected=f"some of {list(schema.names)}",
            remedy="compute those features in the table",
        )
    columns = [exact.get(name, plain.get(_UNSAID.sub("_", name), -1)) for name in wanted]
    if booster.pandas_categorical:
        _take_pandas_codes(booster.pandas_categorical, columns, codes, signature)
    return columns, codes


def spread_columns(told: Any, columns: Sequence[int], row: Row) -> NDArray[np.float64]:
    """Return a booster's contributions of one row in the order of the schema; a column that it does not take adds 0."""
    table = np.asarray(told, dtype=np.float64).reshape(-1, len(columns) + 1)
    spread = np.zeros((len(table), len(row) + 1))
    spread[:, columns] = table[:, :-1]
    spread[:, -1] = table[:, -1]
    return spread


def encode_frame(frame: "pl.DataFrame", codes: Sequence[Mapping[Any, float] | None]) -> NDArray[np.float64]:
    """Return a frame as a matrix (n_rows, n_columns) of float64: null as NaN, text as its code."""
    import polars as pl

    matrix = np.empty((frame.height, frame.width), dtype=np.float64)
    for position, (series, code) in enumerate(zip(frame.iter_columns(), codes, strict=True)):
        numbers = series
        if code is not None:
            known = {level: number for level, number in code.items() if level is not None}
            text = series.cast(pl.String)
            numbers = text.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Float64)
        matrix[:, position] = numbers.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return matrix


def _take_pandas_codes(
    categories: list[list[Any]], columns: list[int], codes: list[dict[Any, float] | None], signature: Signature
) -> None:
    """Replace the level order of the schema by that of the pandas categories (they come in order of columns)."""
    schema = signature.schema.columns
    text = [position for position in columns if schema[position].kind is Kind.TEXT]
    if len(text) != len(categories):
        raise FormatRefused(
            f"the LightGBM model knows {len(categories)} columns of pandas categories, "
            f"the schema {len(text)} of text among its columns",
            expected="the text columns as categories, and no others",
        )
    for position, levels in zip(text, categories, strict=True):
        strange = [level for level in levels if level not in schema[position].levels]
        if strange:
            raise FormatRefused(
                f"the LightGBM model knows the level {strange[0]!r} of {schema[position].name!r}",
                expected=f"some of {list(schema[position].levels)[:10]}",
            )
        codes[position] = number_levels(levels)


def _booster_of(model: Any) -> Any:
    from lightgbm import Booster, LGBMClassifier, LGBMRegressor

    if isinstance(model, Booster):
        return model
    if not isinstance(model, LGBMClassifier | LGBMRegressor):
        raise FormatRefused(
            f"a LightGBM {type(model).__name__} cannot be stored", expected="a Booster, LGBMClassifier or LGBMRegressor"
        )
    if not model.__sklearn_is_fitted__():
        raise TrainingFailed(
            f"train returned a {type(model).__name__} that is not fitted", expected="call .fit(...) in train"
        )
    return model.booster_


def _check_classes(model: Any, signature: Signature) -> None:
    if not signature.task.has_classes or not hasattr(model, "classes_"):
        return
    classes = [value.item() if hasattr(value, "item") else value for value in model.classes_]
    if classes != list(signature.classes):
        raise TrainingFailed(
            f"the model was fitted on the classes {classes}",
            expected=f"the label's values in the order {list(signature.classes)}",
            remedy="fit on data.label as it is",
        )


def _check_objective(text: str, task: Task) -> None:
    line = next((line for line in text.splitlines()[:20] if line.startswith("objective=")), "objective=none")
    objective = line.removeprefix("objective=").split(" ")[0]
    if task.has_classes and objective not in _ANSWERS_CLASSES:
        raise TrainingFailed(
            f"the LightGBM model has the objective {objective}",
            expected=f"one that gives probabilities ({', '.join(_ANSWERS_CLASSES)}) for the task {task.value}",
        )
    if not task.has_classes and objective in _ANSWERS_CLASSES:
        raise TrainingFailed(
            f"the LightGBM model has the objective {objective}", expected="one that gives a number for a regression"
        )


def _read_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FormatRefused("the LightGBM text is not UTF-8", expected="an intact model text") from error


def _check_whole(data: bytes, signature: Signature) -> None:
    fault = find_fault(data)
    if (
        fault is None
        and b"\npandas_categorical:" not in data
        and any(column.kind is Kind.TEXT for column in signature.schema.columns)
    ):
        fault = "the order of its categories, which stands last, is missing"
    if fault is not None:
        raise FormatRefused(
            f"the LightGBM text is not whole: {fault}",
            expected="the text as LightGBM saved it, to its last line",
            remedy="copy or save the model once more",
        )


def _has_pandas() -> bool:
    import importlib.util

    return importlib.util.find_spec("pandas") is not None and importlib.util.find_spec("pyarrow") is not None


def _to_categories(booster: Any, frame: "pl.DataFrame") -> Any:
    """Return the frame as pandas, text as categories of the model's own lists."""
    import pandas as pd

    columns: dict[str, Any] = {}
    lists = iter(booster.pandas_categorical)
    by_name = {_UNSAID.sub("_", name): name for name in frame.columns}
    for wanted in booster.feature_name():
        name = wanted if wanted in frame.columns else by_name[_UNSAID.sub("_", wanted)]
        series = frame[name]
        is_text = not series.dtype.is_numeric() and str(series.dtype) != "Boolean"
        values = series.to_list()
        columns[name] = (
            pd.Categorical(values, categories=next(lists))
            if is_text
            else np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        )
    return pd.DataFrame(columns)
