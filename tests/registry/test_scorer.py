import numpy as np
import polars as pl
import pytest

from holdtrue.domain import Task
from holdtrue.errors import ColumnMissing, SchemaMismatch, TrainingFailed
from holdtrue.registry.scorer import Scorer, code_levels, conform_frame, encode_rows, frame_of_rows, settle_answers

from .conftest import LEVELS, SCHEMA, make_signature

ROWS = [[41.5, 3, "x", True], [None, None, None, None], [20, 0, "unheard of", False]]


class Constant(Scorer):
    """Answers the same to everyone."""

    def _score_frame(self, frame):
        return np.full((frame.height, 2), 0.5)

    def _score_values(self, rows):
        return np.full((len(rows), 2), 0.5)


def test_plain_rows_become_a_frame_in_the_dtypes_of_training():
    frame = frame_of_rows(ROWS, SCHEMA)
    assert frame.dtypes == [pl.Float64, pl.Int64, pl.Enum(LEVELS), pl.Boolean]
    assert frame["place"].to_list() == ["x", None, None]
    assert frame["age"].to_list() == [41.5, None, 20.0]


def test_rows_by_name_may_leave_out_what_is_missing():
    frame = conform_frame([{"place": "z", "age": 3}, {}], SCHEMA)
    assert frame.rows() == [(3.0, None, "z", None), (None, None, None, None)]


def test_a_frame_is_brought_to_the_order_and_the_levels_of_the_schema():
    wide = pl.DataFrame({"extra": [1], "is_new": [True], "place": ["nowhere"], "visits": [3], "age": [41]})
    frame = conform_frame(wide, SCHEMA)
    assert frame.columns == list(SCHEMA.names)
    assert frame.rows() == [(41, 3, None, True)]
    assert frame["place"].dtype == pl.Enum(LEVELS)


def test_a_frame_without_a_column_is_refused():
    with pytest.raises(ColumnMissing, match="'visits'"):
        conform_frame(pl.DataFrame({"age": [1.0]}), SCHEMA)


def test_text_where_numbers_were_is_refused():
    frame = pl.DataFrame({"age": ["old"], "visits": [1], "place": ["x"], "is_new": [True]})
    with pytest.raises(SchemaMismatch, match="'age' is String"):
        conform_frame(frame, SCHEMA)


def test_rows_become_a_matrix_with_text_as_its_place_among_the_levels():
    matrix = encode_rows(ROWS, code_levels(SCHEMA))
    nan = float("nan")
    assert np.array_equal(matrix, [[41.5, 3, 0, 1], [nan, nan, nan, nan], [20, 0, nan, 0]], equal_nan=True)


def test_no_rows_become_an_empty_matrix():
    assert encode_rows([], code_levels(SCHEMA)).shape == (0, 4)


def test_unseen_levels_are_counted_row_by_row():
    scored = Constant(make_signature()).score_rows(ROWS)
    assert scored.n_unseen == [0, 0, 1]
    assert scored.answers.shape == (3, 2)


def test_a_scorer_takes_frames_and_rows_by_name():
    scorer = Constant(make_signature())
    assert scorer.score([{"age": 3}]).shape == scorer.score(frame_of_rows(ROWS[:1], SCHEMA)).shape == (1, 2)


@pytest.mark.parametrize("answers", [np.zeros(3), np.zeros((3, 3)), np.zeros((2, 2)), np.zeros((3, 1))])
def test_answers_of_another_shape_are_refused(answers):
    with pytest.raises(TrainingFailed, match="shape"):
        settle_answers(answers, make_signature(), 3)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_refused(wrong):
    with pytest.raises(TrainingFailed, match="NaN or infinity"):
        settle_answers(np.array([1.0, wrong]), make_signature(Task.REGRESSION), 2)


def test_a_column_of_numbers_is_flattened():
    assert settle_answers(np.ones((2, 1), dtype=np.float32), make_signature(Task.REGRESSION), 2).tolist() == [1.0, 1.0]
