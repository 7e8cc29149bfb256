import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from holdtrue.domain import ModelFormat, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry import dump_model, load_model

from .conftest import NUMBERS, make_signature

lightgbm = pytest.importorskip("lightgbm")

SETTINGS = {"n_estimators": 10, "verbose": -1, "num_threads": 1, "min_child_samples": 5}
WORDS = ("early", "late", "never")


def _words(minutes):
    return np.array(WORDS)[np.abs(minutes).astype(int) % 3]


def _store(model, frame, task=Task.BINARY, classes=(False, True), schema=None):
    signature = make_signature(task, classes, *([schema] if schema else []))
    stored = dump_model(model, task=task, n_features=len(signature.schema.columns), signature=signature, sample=frame)
    assert stored.format is ModelFormat.LIGHTGBM
    return load_model(stored.data, stored.format, signature)


def test_a_classifier_of_pandas_categories_answers_the_same_after_storing(frame, late):
    model = lightgbm.LGBMClassifier(**SETTINGS).fit(frame.to_pandas(), late)
    scorer = _store(model, frame)
    expected = model.predict_proba(frame.to_pandas())
    assert np.abs(scorer.score(frame) - expected).max() <= 1e-6
    assert np.abs(scorer.score_rows(frame.rows()).answers - expected).max() <= 1e-6


def test_pandas_categories_in_another_order_than_the_schema_keep_their_codes(frame, late):
    pandas = frame.to_pandas()
    pandas["place"] = pandas["place"].cat.reorder_categories(["z", "y", "x"])
    model = lightgbm.LGBMClassifier(**SETTINGS).fit(pandas, frame["place"].eq("z").fill_null(False).to_numpy())
    assert np.abs(_store(model, frame).score(frame) - model.predict_proba(pandas)).max() <= 1e-6


def test_a_regressor_and_several_classes_answer_the_same_after_storing(frame, minutes):
    pandas = frame.to_pandas()
    regressor = lightgbm.LGBMRegressor(**SETTINGS).fit(pandas, minutes)
    scorer = _store(regressor, frame, Task.REGRESSION)
    assert np.abs(scorer.score(frame) - regressor.predict(pandas)).max() <= 1e-6
    classifier = lightgbm.LGBMClassifier(**SETTINGS).fit(pandas, _words(minutes))
    scorer = _store(classifier, frame, Task.MULTICLASS, WORDS)
    assert np.abs(scorer.score(frame) - classifier.predict_proba(pandas)).max() <= 1e-6


def test_a_plain_booster_is_stored(frame, late):
    data = lightgbm.Dataset(frame.to_pandas(), late.astype(int))
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, data, num_boost_round=5)
    scorer = _store(booster, frame)
    assert np.abs(scorer.score(frame)[:, 1] - booster.predict(frame.to_pandas())).max() <= 1e-6


def test_codes_in_the_order_of_the_levels_are_taken_by_name(frame, late):
    coded = frame.with_columns(pl.col("place").to_physical())
    model = lightgbm.LGBMClassifier(**SETTINGS).fit(coded, late, categorical_feature=["place"])
    matrix = np.column_stack([coded[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in coded.columns])
    with pytest.warns(UserWarning, match="valid feature names"):
        expected = model.predict_proba(matrix)
    assert np.allclose(_store(model, frame).score(frame), expected, rtol=0, atol=1e-15)


def test_a_matrix_of_numbers_is_taken_in_the_order_of_the_schema(numbers, late):
    matrix = numbers.to_numpy().astype(float)
    model = lightgbm.LGBMClassifier(**SETTINGS).fit(matrix, late)
    assert np.allclose(
        _store(model, numbers, schema=NUMBERS).score(numbers), model.predict_proba(matrix), rtol=0, atol=1e-15
    )


def test_a_matrix_without_names_is_refused_when_the_schema_has_text(frame, late):
    coded = frame.with_columns(pl.col("place").to_physical()).cast(pl.Float64).to_numpy()
    with pytest.raises(FormatRefused, match=r"text in place.*to_physical"):
        _store(lightgbm.LGBMClassifier(**SETTINGS).fit(coded, late), frame)


def test_some_of_the_columns_in_another_order_are_taken_by_name(frame, late):
    model = lightgbm.LGBMClassifier(**SETTINGS).fit(frame.select("is_new", "visits").to_pandas(), late)
    expected = model.predict_proba(frame.select("is_new", "visits").to_pandas())
    assert np.abs(_store(model, frame).score(frame) - expected).max() <= 1e-6


def test_a_column_that_nobody_declared_is_refused(frame, late):
    pandas = frame.to_pandas().assign(twice=lambda rows: rows["visits"] * 2)
    with pytest.raises(FormatRefused, match="does not have: twice"):
        _store(lightgbm.LGBMClassifier(**SETTINGS).fit(pandas, late), frame)


def test_categories_of_a_column_that_is_no_text_are_refused(frame, late):
    pandas = frame.to_pandas().assign(visits=lambda rows: rows["visits"].astype("category"))
    with pytest.raises(FormatRefused, match="2 columns of pandas categories"):
        _store(lightgbm.LGBMClassifier(**SETTINGS).fit(pandas, late), frame)


def test_an_unseen_level_is_missing_and_counted(frame, late):
    scorer = _store(lightgbm.LGBMClassifier(**SETTINGS).fit(frame.to_pandas(), late), frame)
    scored = scorer.score_rows([[40.0, 3, "somewhere", True], [40.0, 3, None, True]])
    assert scored.n_unseen == [1, 0]
    assert np.array_equal(scored.answers[0], scored.answers[1])
    assert scorer.score_rows([]).answers.shape == (0, 2)


def test_labels_in_another_form_than_the_signature_are_a_failed_training(frame, late):
    model = lightgbm.LGBMClassifier(**SETTINGS).fit(frame.to_pandas(), np.where(late, "yes", "no"))
    with pytest.raises(TrainingFailed, match="fitted on the classes"):
        _store(model, frame)


@pytest.mark.parametrize(("task", "kind"), [(Task.BINARY, "LGBMRegressor"), (Task.REGRESSION, "LGBMClassifier")])
def test_a_model_of_another_task_is_a_failed_training(frame, late, task, kind):
    model = getattr(lightgbm, kind)(**SETTINGS).fit(frame.to_pandas(), late.astype(int))
    with pytest.raises(TrainingFailed, match="has the objective"):
        dump_model(model, task=task, n_features=4)


def test_an_unfitted_model_and_a_ranker_are_refused():
    with pytest.raises(TrainingFailed, match="not fitted"):
        dump_model(lightgbm.LGBMClassifier(), task=Task.BINARY, n_features=4)
    with pytest.raises(FormatRefused, match="LGBMRanker"):
        dump_model(lightgbm.LGBMRanker(), task=Task.REGRESSION, n_features=4)


@pytest.mark.parametrize("data", [b"tree\nversion=v4\nnum_class=1\n", b"tree\nversion=v4\nobjective=binary\n\xff"])
def test_a_torn_text_is_refused(data):
    with pytest.raises((FormatRefused, TrainingFailed)):
        load_model(data, ModelFormat.LIGHTGBM, make_signature())


@pytest.fixture(scope="module")
def whole(numbers, late):
    return lightgbm.LGBMClassifier(**SETTINGS).fit(numbers, late).booster_.model_to_string().encode()


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_half_a_text_is_refused_and_does_not_answer_with_the_trees_that_are_left(whole, share):
    cut = whole[: int(share * whole.index(b"end of trees"))]
    with pytest.raises(FormatRefused, match="not whole"):
        load_model(cut, ModelFormat.LIGHTGBM, make_signature(schema=NUMBERS))


def test_a_text_without_its_last_tree_or_with_one_that_was_changed_is_refused(whole):
    first, last = whole.index(b"Tree=4"), whole.index(b"Tree=9")
    shorter = whole[:last] + whole[whole.index(b"end of trees") :]
    changed = whole[:first] + whole[first:].replace(b"leaf_value=", b"leaf_value=0.125 ", 1)
    for text in (shorter, changed, whole[: whole.index(b"end of parameters")]):
        with pytest.raises(FormatRefused, match="not whole"):
            load_model(text, ModelFormat.LIGHTGBM, make_signature(schema=NUMBERS))
    assert load_model(whole, ModelFormat.LIGHTGBM, make_signature(schema=NUMBERS)).signature.schema == NUMBERS


def test_a_text_that_lost_the_order_of_its_categories_is_refused(frame, late):
    text = lightgbm.LGBMClassifier(**SETTINGS).fit(frame.to_pandas(), late).booster_.model_to_string()
    cut = text[: text.index("pandas_categorical:")].encode()
    with pytest.raises(FormatRefused, match="order of its categories"):
        load_model(cut, ModelFormat.LIGHTGBM, make_signature())


def test_serving_lightgbm_imports_neither_polars_nor_scikit_learn_estimators(frame, late, tmp_path):
    import msgspec

    model = lightgbm.LGBMClassifier(**SETTINGS).fit(frame.to_pandas(), late)
    stored = dump_model(model, task=Task.BINARY, n_features=4)
    (tmp_path / "model.txt").write_bytes(stored.data)
    (tmp_path / "signature.json").write_bytes(msgspec.json.encode(make_signature()))
    code = """
import sys, pathlib, msgspec
from holdtrue.domain import ModelFormat, Signature
from holdtrue.registry import load_model
folder = pathlib.Path(sys.argv[1])
signature = msgspec.json.decode((folder / "signature.json").read_bytes(), type=Signature)
scorer = load_model((folder / "model.txt").read_bytes(), ModelFormat.LIGHTGBM, signature)
scorer.score_rows([[40.0, 3, "x", True]])
print([name for name in ("polars", "skops", "sqlalchemy", "altair") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
