from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from holdtrue.domain import Column, Kind, ModelFormat, Schema, Signature, Task
from holdtrue.registry import load_model
from holdtrue.registry.lightgbm_format import BoosterScorer, ForestScorer
from holdtrue.registry.lightgbm_text import read_lightgbm_text

N_ROWS = 600


def _draw(seed, *, missing=0.0, zeros=0.0):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(N_ROWS, 5))
    label = matrix[:, 0] + matrix[:, 1] * matrix[:, 2] + rng.normal(size=N_ROWS) * 0.3
    matrix[rng.random(matrix.shape) < missing] = np.nan
    matrix[rng.random(matrix.shape) < zeros] = 0.0
    return matrix, label


def _train(matrix, label, n_rounds=12, categorical=(), **options):
    settings = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, **options}
    data = lightgbm.Dataset(matrix, label=label, categorical_feature=list(categorical), free_raw_data=False)
    return lightgbm.train(settings, data, num_boost_round=n_rounds)


def _hard_rows(matrix):
    """Rows as they come, rows with holes, and the ends of every feature."""
    rng = np.random.default_rng(9)
    holes = np.where(rng.random(matrix.shape) < 0.4, np.nan, matrix)
    ends = np.array([np.full(matrix.shape[1], value) for value in (0.0, -0.0, np.nan, 1e300, -1e300, 1.7e9, 5e-324)])
    return np.vstack([matrix, holes, ends, matrix * 1e9])


@pytest.mark.parametrize(
    "options",
    [
        {"objective": "regression"},
        {"objective": "binary"},
        {"objective": "binary", "use_missing": False},
        {"objective": "multiclass", "num_class": 3},
        {"objective": "poisson"},
        {"objective": "binary", "boosting": "dart"},
        {"objective": "quantile", "alpha": 0.9},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_a_forest_sums_as_the_booster_does_to_the_last_bit(options, missing):
    matrix, number = _draw(1, missing=missing)
    label = {"binary": number > 0, "multiclass": np.digitize(number, [-0.5, 0.5]), "poisson": np.exp(number / 4)}
    booster = _train(matrix, label.get(options["objective"], number), **options)
    score = read_lightgbm_text(booster.model_to_string()).plant().open()
    rows = _hard_rows(matrix)
    assert np.array_equal(score(rows), booster.predict(rows, raw_score=True).reshape(len(rows), -1))


@pytest.mark.parametrize("n_categories", [3, 31, 32, 33, 70, 300])
def test_sets_of_categories_go_the_way_of_the_booster(n_categories):
    matrix, number = _draw(2)
    codes = np.random.default_rng(3).integers(0, n_categories, N_ROWS)
    matrix[:, 0] = codes
    options = {"objective": "regression", "max_cat_to_onehot": 1, "cat_smooth": 1, "min_data_per_group": 5}
    booster = _train(matrix, number + 2.0 * (codes % 3 == 1), categorical=[0], **options)
    forest = read_lightgbm_text(booster.model_to_string()).plant()
    assert forest.members
    matrix[::7, 0] = np.nan
    matrix[1::7, 0] = n_categories + 5
    assert np.array_equal(forest.open()(matrix)[:, 0], booster.predict(matrix, raw_score=True))


@pytest.mark.parametrize(
    "options",
    [
        {"objective": "regression", "linear_tree": True},
        {"objective": "regression", "reg_sqrt": True},
        {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
        {"objective": "binary", "zero_as_missing": True},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_more_than_plain_trees_is_left_to_the_booster(options):
    matrix, number = _draw(4, zeros=0.3)
    booster = _train(matrix, number > 0 if options["objective"] == "binary" else number, **options)
    assert read_lightgbm_text(booster.model_to_string()).plant() is None


def test_a_tree_that_never_asks_answers_all_rows_alike():
    matrix, _ = _draw(5)
    booster = _train(matrix, np.zeros(N_ROWS), n_rounds=3, objective="regression")
    score = read_lightgbm_text(booster.model_to_string()).plant().open()
    assert np.array_equal(score(matrix)[:, 0], booster.predict(matrix, raw_score=True))


def test_trees_that_point_outside_themselves_are_not_sound():
    matrix, number = _draw(6)
    forest = read_lightgbm_text(_train(matrix, number, objective="regression").model_to_string()).plant()
    assert forest.is_sound()
    for changes in (
        {"lefts": forest.lefts + 1},
        {"features": forest.features + 5},
        {"rights": forest.lefts},
        {"leaf_outputs": forest.leaf_outputs - 1},
        {"leaf_values": forest.leaf_values[:-1]},
        {"thresholds": np.full_like(forest.thresholds, np.nan)},
    ):
        assert not replace(forest, **changes).is_sound(), changes


def test_a_mutated_text_is_never_planted_unsound():
    matrix, number = _draw(7)
    text = _train(matrix, number, n_rounds=3, objective="regression").model_to_string()
    rng = np.random.default_rng(8)
    n_planted = 0
    for _ in range(300):
        letters = list(text)
        for place in rng.integers(0, len(letters), 3):
            letters[place] = str(rng.choice(list("0123456789-=. \n")))
        found = read_lightgbm_text("".join(letters))
        forest = None if found is None else found.plant()
        if forest is not None:
            n_planted += 1
            assert forest.open()(matrix[:3]).shape == (3, forest.n_outputs)
    assert n_planted > 30


def _signature(kinds):
    columns = tuple(Column(name=f"Column_{i}", kind=kind) for i, kind in enumerate(kinds))
    return Signature(schema=Schema(columns), task=Task.REGRESSION, label="y")


def test_a_plain_model_is_loaded_as_a_forest_and_answers_both_ways_alike():
    matrix, number = _draw(10, missing=0.1)
    booster = _train(matrix, number, objective="regression")
    scorer = load_model(booster.model_to_string().encode(), ModelFormat.LIGHTGBM, _signature([Kind.NUMBER] * 5))
    assert isinstance(scorer, ForestScorer)
    rows = [[None if np.isnan(value) else value for value in row] for row in matrix.tolist()]
    assert np.array_equal(scorer.score_rows(rows).answers, booster.predict(matrix))


def test_numbers_that_are_taken_as_categories_are_left_to_the_booster():
    matrix, number = _draw(11)
    matrix[:, 0] = np.random.default_rng(3).integers(0, 4, N_ROWS)
    booster = _train(matrix, number + 2.0 * matrix[:, 0], categorical=[0], objective="regression")
    data = booster.model_to_string().encode()
    numbers, whole = _signature([Kind.NUMBER] * 5), _signature([Kind.INTEGER, *[Kind.NUMBER] * 4])
    assert isinstance(load_model(data, ModelFormat.LIGHTGBM, numbers), BoosterScorer)
    assert isinstance(load_model(data, ModelFormat.LIGHTGBM, whole), ForestScorer)
