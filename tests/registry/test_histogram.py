import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from holdtrue.domain import Column, Kind, Schema, Task
from holdtrue.registry.estimator import EstimatorScorer
from holdtrue.registry.histogram import join_trees
from holdtrue.registry.probe import make_probe

from .conftest import LEVELS, NUMBERS, SCHEMA, make_signature


def _scorer(model, task=Task.BINARY, classes=(False, True), schema=SCHEMA):
    return EstimatorScorer(model, make_signature(task, classes, schema))


def _classifier(**settings):
    return HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0, **settings)


def _agrees(scorer, frame):
    fast, slow = scorer.score_rows(frame.rows()).answers, scorer.score(frame)
    return scorer.is_fast and np.array_equal(fast, slow)


@pytest.mark.parametrize("max_iter", [1, 2, 3, 40])
def test_the_fast_way_gives_the_very_same_answers(frame, late, max_iter):
    assert _agrees(_scorer(_classifier(max_iter=max_iter).fit(frame, late)), frame)


def test_the_fast_way_answers_several_classes(frame, minutes):
    words = np.array(["early", "late", "never"])[np.abs(minutes).astype(int) % 3]
    model = _classifier(max_iter=7).fit(frame, words)
    assert _agrees(_scorer(model, Task.MULTICLASS, ("early", "late", "never")), frame)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", "gamma"])
def test_the_fast_way_answers_numbers(frame, minutes, loss):
    model = HistGradientBoostingRegressor(categorical_features="from_dtype", loss=loss, max_iter=5)
    scorer = _scorer(model.fit(frame, np.abs(minutes) + 1), Task.REGRESSION)
    fast, slow = scorer.score_rows(frame.rows()).answers, scorer.score(frame)
    assert scorer.is_fast
    assert np.abs(fast - slow).max() <= 1e-12 * np.abs(slow).max()


def test_the_fast_way_takes_a_model_without_categories(numbers, late):
    assert _agrees(_scorer(HistGradientBoostingClassifier(max_iter=5).fit(numbers, late), schema=NUMBERS), numbers)


def test_the_fast_way_takes_some_of_the_columns_in_another_order(frame, late):
    model = _classifier(max_iter=9).fit(frame.select("is_new", "place", "visits"), late)
    assert _agrees(_scorer(model), frame)


def test_a_null_category_that_training_had_is_a_category_of_its_own(frame, late):
    """Found by the check at storing: scikit-learn takes None from polars as one more category, not as missing."""
    with_null = _classifier(max_iter=9, min_samples_leaf=2).fit(frame, frame["place"].is_null().to_numpy())
    without = _classifier(max_iter=9).fit(frame.with_columns(pl.col("place").fill_null("x")), late)
    assert _agrees(_scorer(with_null), frame)
    assert _agrees(_scorer(without), frame)


def test_a_level_that_this_training_had_none_of_is_missing_as_it_is_for_the_model(frame, late):
    model = _classifier(max_iter=9).fit(frame.with_columns(pl.col("place").replace({"z": "x"})), late)
    assert _agrees(_scorer(model), frame)


def test_an_unseen_level_is_taken_as_null_and_counted(frame, late):
    scorer = _scorer(_classifier(max_iter=9).fit(frame, late))
    scored = scorer.score_rows([[40.0, 3, "somewhere", True], [40.0, 3, None, True], [40.0, 3, "x", True]])
    assert scored.n_unseen == [1, 0, 0]
    assert np.array_equal(scored.answers[0], scored.answers[1])


def test_one_row_is_answered_as_it_is_among_many(frame, late):
    scorer = _scorer(_classifier(max_iter=50).fit(frame, late))
    rows = frame.rows()[:70]
    together = scorer.score_rows(rows).answers
    alone = [scorer.score_rows([row]).answers[0] for row in rows]
    assert np.array_equal(alone, together)


def test_no_rows_get_no_answers(frame, late):
    scorer = _scorer(_classifier(max_iter=5).fit(frame, late))
    assert scorer.score_rows([]).answers.shape == scorer.score(frame.head(0)).shape == (0, 2)


def test_many_rows_are_laid_out_in_parts(frame, late, monkeypatch):
    monkeypatch.setattr("holdtrue.registry.histogram.MAX_CELLS", 1000)
    assert join_trees(_classifier(max_iter=5).fit(frame, late)).n_rows_at_once < 50
    assert _agrees(_scorer(_classifier(max_iter=5).fit(frame, late)), frame)


def test_a_way_that_does_not_agree_is_not_taken(frame, late, monkeypatch):
    monkeypatch.setattr("holdtrue.registry.histogram.HistogramPath.answer", lambda *_, **__: np.zeros((513, 2)))
    scorer = _scorer(_classifier(max_iter=5).fit(frame, late))
    assert not scorer.is_fast
    assert np.array_equal(scorer.score_rows(frame.rows()).answers, scorer.score(frame))


def test_a_way_that_breaks_is_not_taken(frame, late, monkeypatch):
    def break_down(*_):
        raise AttributeError("scikit-learn renamed it")

    monkeypatch.setattr("holdtrue.registry.estimator.find_path", break_down)
    scorer = _scorer(_classifier(max_iter=5).fit(frame, late))
    assert not scorer.is_fast
    assert np.array_equal(scorer.score_rows(frame.rows()).answers, scorer.score(frame))


def test_made_up_rows_hold_nulls_unseen_levels_and_every_level():
    schema = Schema((*SCHEMA.columns, Column(name="sure", kind=Kind.NUMBER, nullable=False, low=0.0, high=1.0)))
    rows = make_probe(schema)
    places = {row[2] for row in rows}
    assert set(LEVELS) | {None} < places
    assert len(places) == len(LEVELS) + 2
    assert all(row[4] is not None and -0.2 <= row[4] <= 1.2 for row in rows)
    assert rows == make_probe(schema)
