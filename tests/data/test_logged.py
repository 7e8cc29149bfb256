from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.data import read_logged
from holdtrue.domain import Predictions, Task, predictions
from holdtrue.errors import ColumnMissing, DeclarationError, LabelError, SchemaMismatch, SourceError

START = datetime(2024, 1, 1, tzinfo=UTC)


def make_log(n_rows: int = 8, **columns: object) -> pl.DataFrame:
    hours = pl.Series([START + timedelta(hours=i) for i in range(n_rows)], dtype=pl.Datetime("us", "UTC"))
    plain = {
        "event": [f"e{i}" for i in range(n_rows)],
        "at": hours,
        "p": [i / n_rows for i in range(n_rows)],
        "late": [i % 2 == 0 for i in range(n_rows)],
        "wind": [float(i) for i in range(n_rows)],
    }
    return pl.DataFrame(plain | columns)


def declare(**changes: object) -> Predictions:
    said = {"key": "event", "time": "at", "prediction": "p", "label": "late", "label_delay": "6h"} | changes
    return predictions("log.parquet", **said)


def read(folder: Path, frame: pl.DataFrame, *, task: Task | None = None, **changes: object):
    frame.write_parquet(folder / "log.parquet")
    return read_logged(declare(**changes), folder=folder, task=task)


def test_a_probability_stands_for_the_second_class_and_the_other_columns_are_inputs(tmp_path: Path) -> None:
    logged = read(tmp_path, make_log())
    assert (logged.history.task, logged.history.classes) == (Task.BINARY, (False, True))
    assert logged.answers[2].tolist() == [0.75, 0.25]
    assert logged.history.feature_names == ("wind",)
    assert logged.versions == ("the model",)


def test_rows_out_of_order_keep_their_own_answers_and_versions(tmp_path: Path) -> None:
    frame = make_log(version=["b", "b", "b", "b", "a", "a", "a", "a"])
    logged = read(tmp_path, frame.reverse(), version="version")
    assert logged.answers[:, 1].tolist() == frame["p"].to_list()
    assert logged.versions == ("b", "a")
    assert logged.numbers.tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert any("sorted" in note for note in logged.history.notes)


def test_labels_count_when_due_and_known(tmp_path: Path) -> None:
    joined = read(tmp_path, make_log()).join(START + timedelta(hours=8))
    assert joined["is_due"].to_list() == [True, True, True, False, False, False, False, False]
    assert joined["label"].null_count() == 5


def test_a_column_for_each_class_is_taken_in_the_declared_order(tmp_path: Path) -> None:
    kinds = ["cat", "dog", "emu", "cat", "dog", "emu", "cat", None]
    frame = make_log(late=kinds, a=[0.2] * 8, b=[0.3] * 8, c=[0.5] * 8)
    logged = read(tmp_path, frame, prediction={"emu": "a", "cat": "b", "dog": "c"})
    assert logged.history.classes == ("emu", "cat", "dog")
    assert logged.answers[0].tolist() == pytest.approx([0.2, 0.3, 0.5])
    assert logged.history.encoded_labels().tolist() == [1, 2, 0, 1, 2, 0, 1, -1]


def test_one_column_for_whole_numbers_is_a_number_and_never_a_class(tmp_path: Path) -> None:
    frame = make_log(late=[0, 1, 2, 3, 0, 1, 2, 3])
    assert read(tmp_path, frame).history.task is Task.REGRESSION


def test_missing_predictions_are_counted_and_said(tmp_path: Path) -> None:
    logged = read(tmp_path, make_log(p=[0.5, None, float("nan"), 0.1, 0.2, 0.3, 0.4, 0.5]))
    assert logged.history.n_rows == 8
    assert any("2 of 8 rows have no prediction" in note for note in logged.history.notes)


def test_a_log_without_any_input_can_be_read(tmp_path: Path) -> None:
    assert read(tmp_path, make_log().drop("wind")).history.feature_names == ()


def test_hard_decisions_are_said_to_be_less_than_probabilities(tmp_path: Path) -> None:
    logged = read(tmp_path, make_log(p=[0, 1, 0, 1, 0, 1, 0, 1]))
    assert any("0 or 1" in note for note in logged.history.notes)


@pytest.mark.parametrize(
    ("columns", "changes", "kind", "word"),
    [
        ({}, {"prediction": "q"}, ColumnMissing, "'q'"),
        ({}, {"features": ["winds"]}, ColumnMissing, "wind"),
        ({"p": [2.0] * 8}, {}, SchemaMismatch, "probabilities from 0 to 1"),
        ({"p": ["yes"] * 8}, {}, SchemaMismatch, "String"),
        ({"p": [float("inf")] * 8}, {}, SchemaMismatch, "infinite"),
        ({"event": ["same"] * 8}, {}, SourceError, "not unique"),
        ({"late": ["a", "b", "c", "d"] * 2}, {}, LabelError, "column for each class"),
        (
            {"late": [0.5] + [None] * 7, "q": [1 - i / 8 for i in range(8)]},
            {"prediction": {0: "p", 1: "q"}},
            LabelError,
            "fractions",
        ),
        ({"late": ["a", "b"] * 4, "q": [0.5] * 8}, {"prediction": {"a": "p", "c": "q"}}, SchemaMismatch, "sum to 1"),
        (
            {"late": ["a", "b"] * 4, "q": [1 - i / 8 for i in range(8)]},
            {"prediction": {"a": "p", "c": "q"}},
            LabelError,
            "'b'",
        ),
        ({"v": [f"v{i}" for i in range(8)]}, {"version": "w"}, ColumnMissing, "'w'"),
    ],
)
def test_a_log_that_cannot_be_meant_is_refused_with_the_reason(
    tmp_path: Path, columns: dict[str, object], changes: dict[str, object], kind: type[Exception], word: str
) -> None:
    with pytest.raises(kind, match=word):
        read(tmp_path, make_log(**columns), **changes)


@pytest.mark.parametrize(
    ("label", "answers", "changes", "task", "classes"),
    [
        ([None] * 8, None, {}, Task.BINARY, (False, True)),
        ([True] + [None] * 7, None, {}, Task.BINARY, (False, True)),
        ([0.0] * 8, None, {}, Task.BINARY, (0, 1)),
        ([1] * 8, None, {}, Task.BINARY, (0, 1)),
        ([1] * 8, [5.0] * 8, {}, Task.REGRESSION, ()),
        ([3.5] + [None] * 7, None, {}, Task.REGRESSION, ()),
        ([None] * 8, [5.0] * 8, {}, Task.REGRESSION, ()),
        (["b"] * 8, None, {"prediction": {"a": "p", "b": "q"}}, Task.BINARY, ("a", "b")),
        ([None] * 8, None, {"prediction": {"a": "p", "b": "q"}}, Task.BINARY, ("a", "b")),
        ([True] * 8, None, {"prediction": {0: "p", 1: "q"}}, Task.BINARY, (False, True)),
    ],
)
def test_a_log_whose_labels_are_still_to_come_is_read(
    tmp_path: Path,
    label: list[object],
    answers: list[float] | None,
    changes: dict[str, object],
    task: Task,
    classes: tuple[object, ...],
) -> None:
    frame = make_log(late=label, q=[1 - i / 8 for i in range(8)])
    frame = frame if answers is None else frame.with_columns(p=pl.Series(answers))
    logged = read(tmp_path, frame, **changes)
    assert (logged.history.task, logged.history.classes) == (task, classes)
    labelled = sum(value is not None for value in label)
    assert logged.join(START + timedelta(days=9))["is_labelled"].sum() == labelled


def test_a_lone_text_does_not_count_until_it_is_known_which_class_the_probability_is_of(tmp_path: Path) -> None:
    logged = read(tmp_path, make_log(late=["no"] * 8))
    assert logged.history.task is Task.BINARY
    assert logged.join(START + timedelta(days=9))["is_labelled"].sum() == 0
    assert any("'late' has said 'no' alone" in note for note in logged.history.notes)


def test_of_labels_that_come_again_the_last_one_counts(tmp_path: Path) -> None:
    first = make_log(late=[None, None, True, True, False, False, True, True])
    again = first.head(4).with_columns(late=pl.Series([True, None, False, True]))
    logged = read(tmp_path, pl.concat([first, again]))
    assert logged.join(START + timedelta(days=9))["label"].to_list() == [
        True,
        None,
        False,
        True,
        False,
        False,
        True,
        True,
    ]
    assert logged.history.notes[0] == "4 rows repeat an answer: the last label of each answer counts"


def test_the_last_label_is_the_one_that_was_known_last_from_the_first_that_said_so(tmp_path: Path) -> None:
    def at(*hours: int) -> pl.Series:
        return pl.Series([START + timedelta(hours=hour) for hour in hours], dtype=pl.Datetime("us", "UTC"))

    first = make_log(2, late=[True, True], known=at(30, 10))
    again = make_log(2, late=[False, True], known=at(20, 40))
    logged = read(tmp_path, pl.concat([first, again]), label_delay=None, label_time="known")
    joined = logged.join(START + timedelta(days=9))
    assert joined["label"].to_list() == [True, True]
    assert joined["known_at"].to_list() == [START + timedelta(hours=30), START + timedelta(hours=10)]


def test_another_answer_to_the_same_key_is_refused_as_ever(tmp_path: Path) -> None:
    frame = make_log()
    with pytest.raises(SourceError, match="not unique: 1 value"):
        read(tmp_path, pl.concat([frame, frame.head(1).with_columns(p=pl.lit(0.9))]))


def test_an_empty_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no rows"):
        read(tmp_path, make_log().head(0))


@pytest.mark.parametrize(
    "changes",
    [
        {"label_time": "known"},
        {"label_delay": None},
        {"prediction": {"one": "p"}},
        {"version": "at"},
        {"features": ["late"]},
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(DeclarationError):
        declare(**changes)


@pytest.mark.parametrize("by", ["the time", "the time of the label"])
def test_times_without_a_zone_are_told_in_the_words_of_the_log_s_own_declaration(tmp_path: Path, by: str) -> None:
    naive = pl.col("at").dt.replace_time_zone(None)
    frame = make_log().with_columns(naive if by == "the time" else naive.alias("known"))
    changes = {} if by == "the time" else {"label_delay": None, "label_time": "known"}
    with pytest.raises(SchemaMismatch, match=r"say the zone they are in: predictions\("):
        read(tmp_path, frame, **changes)
