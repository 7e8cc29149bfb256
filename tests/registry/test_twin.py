import numpy as np
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVR

from holdtrue.domain import Column, Kind, ModelFormat, Schema, Task
from holdtrue.errors import FormatRefused
from holdtrue.registry import dump_model, load_model, make_twin
from holdtrue.registry.onnx_structure import check_onnx
from holdtrue.registry.probe import make_probe

from .conftest import SCHEMA, make_signature


def _twin(model, frame, task=Task.BINARY, classes=(False, True), schema=SCHEMA):
    """Return the loaded model, its twin's bytes and the loaded twin."""
    signature = make_signature(task, classes, schema)
    stored = dump_model(model, task=task, n_features=len(schema.columns), signature=signature)
    scorer = load_model(stored.data, stored.format, signature)
    twin = make_twin(scorer, stored, frame)
    return scorer, twin, None if twin is None else load_model(twin.data, ModelFormat.ONNX, signature)


def _pipeline(estimator):
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    prepare = make_column_transformer(
        (numbers, ["age", "visits"]), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["place"])
    )
    return make_pipeline(prepare, estimator)


@pytest.mark.parametrize(
    "settings", [{"max_iter": 30}, {"max_iter": 1, "max_leaf_nodes": 2}, {"min_samples_leaf": 400}]
)
def test_the_twin_of_a_histogram_boosting_has_its_trees_to_the_last_bit(frame, late, settings):
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0, **settings)
    scorer, _, twin = _twin(model.fit(frame, late), frame)
    rows = [*frame.rows(), *make_probe(SCHEMA)]
    assert np.abs(twin.score_rows(rows).answers - scorer.score_rows(rows).answers).max() < 1e-14


def test_several_classes_and_numbers_have_twins(frame, minutes):
    words = np.array(["early", "late", "never"])[np.abs(minutes).astype(int) % 3]
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=7).fit(frame, words)
    scorer, _, twin = _twin(model, frame, Task.MULTICLASS, ("early", "late", "never"))
    assert np.allclose(twin.score(frame), scorer.score(frame), rtol=0, atol=1e-14)
    for loss in ("squared_error", "poisson"):
        boosting = HistGradientBoostingRegressor(categorical_features="from_dtype", loss=loss, max_iter=5)
        scorer, _, twin = _twin(boosting.fit(frame, np.abs(minutes) + 1), frame, Task.REGRESSION, ())
        assert np.allclose(twin.score(frame), scorer.score(frame), rtol=1e-13)


@pytest.mark.parametrize("estimator", [LogisticRegression(), RandomForestClassifier(10, max_depth=4, random_state=0)])
def test_a_pipeline_with_texts_has_a_twin(frame, late, estimator):
    pytest.importorskip("skl2onnx")
    frame = frame.with_columns(pl.col("place").fill_null("x"))
    scorer, _, twin = _twin(_pipeline(estimator).fit(frame, late), frame)
    rows = [*frame.rows(), *make_probe(SCHEMA)]
    assert np.abs(twin.score_rows(rows).answers - scorer.score_rows(rows).answers).max() < 1e-5


def test_a_null_text_that_training_had_is_answered_alike_or_there_is_no_twin(frame, late):
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", min_samples_leaf=2, max_iter=9)
    scorer, _, twin = _twin(model.fit(frame, frame["place"].is_null().to_numpy()), frame)
    assert twin is None or np.abs(twin.score(frame) - scorer.score(frame)).max() < 1e-14


def test_what_cannot_be_converted_has_no_twin(frame, late):
    """A null that the encoder has learned as a category, which no text of ONNX says."""
    assert frame["place"].null_count()
    assert _twin(_pipeline(LogisticRegression()).fit(frame, late), frame)[1] is None


def test_a_twin_that_disagrees_is_not_taken(frame, minutes):
    """A ratio of two near numbers of 32 bits; in 64 bits skl2onnx has no SVR."""
    pytest.importorskip("skl2onnx")
    moments = frame.select(age=pl.lit(1.7e9) + pl.int_range(frame.height) * 10.0)
    model = make_pipeline(StandardScaler(), SVR()).fit(moments.to_numpy(), np.arange(frame.height) % 7)
    schema = Schema((Column(name="age", kind=Kind.NUMBER, low=1.7e9, high=1.7e9 + frame.height * 10),))
    assert _twin(model, moments, Task.REGRESSION, (), schema)[1] is None


def test_a_lightgbm_model_needs_no_twin(frame, late):
    lightgbm = pytest.importorskip("lightgbm")
    coded = frame.with_columns(pl.col("place").to_physical())
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1, num_threads=1).fit(coded.to_pandas(), late)
    assert _twin(model, frame)[1] is None


def test_a_mutated_twin_is_refused_or_answers(frame, late):
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=3).fit(frame, late)
    _, twin, _ = _twin(model, frame)
    dice, signature = np.random.default_rng(0), make_signature(Task.BINARY, (False, True), SCHEMA)
    n_refused = 0
    for _ in range(200):
        data = bytearray(twin.data)
        for place in dice.integers(0, len(data), 4):
            data[place] = dice.integers(0, 256)
        try:
            check_onnx(bytes(data))
            load_model(bytes(data), ModelFormat.ONNX, signature)
        except FormatRefused:
            n_refused += 1
    assert n_refused > 20
