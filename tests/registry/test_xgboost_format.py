"""XGBoost models are judged tree by tree before native code reads them."""

import json

import numpy as np
import polars as pl
import pytest
import xgboost

from holdtrue.domain import ModelFormat, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry import check_model, dump_model, load_model, name_format
from registry.conftest import NUMBERS, make_signature
from registry.mutants import N_MUTANTS, mutate, mutate_numbers, try_mutants

BINARY = make_signature(schema=NUMBERS)


@pytest.fixture(scope="module")
def model(numbers, late):
    return xgboost.XGBClassifier(n_estimators=12, max_depth=3).fit(numbers.to_pandas(), late)


@pytest.fixture(scope="module")
def stored(model) -> bytes:
    return dump_model(model, task=Task.BINARY, n_features=3).data


def test_a_classifier_answers_as_it_did_in_memory(model, numbers: pl.DataFrame) -> None:
    kept = dump_model(model, task=Task.BINARY, n_features=3, signature=BINARY, sample=numbers.head(50))
    assert kept.format is ModelFormat.XGBOOST
    answers = load_model(kept.data, kept.format, BINARY).score(numbers)
    assert np.abs(answers - model.predict_proba(numbers.to_pandas())).max() < 1e-6


def test_rows_and_frame_answer_alike_with_nulls(stored: bytes, numbers: pl.DataFrame) -> None:
    scorer = load_model(stored, ModelFormat.XGBOOST, BINARY)
    holed = numbers.head(8).with_columns(age=pl.lit(None, dtype=pl.Float64))
    assert (scorer.score(holed) == scorer.score_rows(holed.rows()).answers).all()


@pytest.mark.parametrize("form", ["json", "ubj"])
def test_both_forms_of_the_file_are_known_by_their_first_bytes(model, form: str) -> None:
    data = bytes(model.get_booster().save_raw(form))
    assert name_format(data) is check_model(data) is ModelFormat.XGBOOST


def test_numbers_and_several_classes_are_answered(numbers: pl.DataFrame, minutes: np.ndarray) -> None:
    regressor = xgboost.XGBRegressor(n_estimators=5).fit(numbers.to_pandas(), minutes)
    signature = make_signature(task=Task.REGRESSION, schema=NUMBERS)
    kept = dump_model(regressor, task=Task.REGRESSION, n_features=3, signature=signature, sample=numbers.head(9))
    assert load_model(kept.data, kept.format, signature).score(numbers).shape == (numbers.height,)
    thirds = (minutes > 5).astype(int) + (minutes > 15)
    classifier = xgboost.XGBClassifier(n_estimators=5).fit(numbers.to_pandas(), thirds)
    signature = make_signature(task=Task.MULTICLASS, classes=(0, 1, 2), schema=NUMBERS)
    kept = dump_model(classifier, task=Task.MULTICLASS, n_features=3, signature=signature, sample=numbers.head(9))
    answers = load_model(kept.data, kept.format, signature).score(numbers)
    assert np.abs(answers.sum(axis=1) - 1).max() < 1e-5


def test_another_task_and_other_columns_are_refused(model, stored: bytes, numbers: pl.DataFrame, late: object) -> None:
    with pytest.raises(TrainingFailed, match="objective"):
        dump_model(model, task=Task.REGRESSION, n_features=3)
    with pytest.raises(FormatRefused, match="age"):
        load_model(stored, ModelFormat.XGBOOST, make_signature(schema=type(NUMBERS)(NUMBERS.columns[1:])))
    texts = xgboost.XGBClassifier(n_estimators=3, enable_categorical=True).fit(
        numbers.to_pandas().assign(place=np.where(numbers["visits"] > 4, "x", "y")).astype({"place": "category"}), late
    )
    with pytest.raises(FormatRefused, match="categor"):
        dump_model(texts, task=Task.BINARY, n_features=4)


@pytest.mark.parametrize(
    ("part", "value", "word"),
    [
        ("left_children", [1, 1], "two parents"),
        ("left_children", [0, 99], "child"),
        ("split_indices", [0, 77], "feature"),
        ("split_indices", [0, -3], "feature"),
        ("split_type", [0, 1], "categories"),
        ("right_children", [0, -1], "one child"),
        ("base_weights", None, "length"),
    ],
)
def test_a_tree_that_points_outside_itself_is_refused(model, part: str, value: list[int] | None, word: str) -> None:
    found = json.loads(bytes(model.get_booster().save_raw("json")))
    tree = found["learner"]["gradient_booster"]["model"]["trees"][0]
    if value is None:
        tree[part] = tree[part][:-1]
    else:
        tree[part][value[0]] = value[1]
    with pytest.raises(FormatRefused, match=word):
        check_model(json.dumps(found).encode())


def test_changed_files_never_end_this_process(stored: bytes, numbers: pl.DataFrame) -> None:
    counts = try_mutants(mutate(stored, seed=1), BINARY, numbers.head(4).to_dicts())
    assert sum(counts.values()) == N_MUTANTS
    assert counts["refused_by_structure"] > N_MUTANTS / 2
    assert counts["killed_the_child"] == 0


def test_changed_numbers_never_end_this_process(model, numbers: pl.DataFrame) -> None:
    whole = json.loads(bytes(model.get_booster().save_raw("json")))
    mutants = (json.dumps(changed).encode() for changed in mutate_numbers(whole, seed=3))
    counts = try_mutants(mutants, BINARY, numbers.head(4).to_dicts())
    assert sum(counts.values()) == N_MUTANTS
    assert counts["killed_the_child"] == 0
    assert counts["admitted"] > 0
