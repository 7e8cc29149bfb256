from datetime import date

import numpy as np
import polars as pl
import pytest

from holdtrue.data import encode_labels
from holdtrue.data.task import read_labels
from holdtrue.domain import Task
from holdtrue.errors import LabelError


def column(values: list[object]) -> pl.Series:
    return pl.Series("outcome", values)


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([True, False] * 5, Task.BINARY, (False, True)),
        ([1, 0] * 5, Task.BINARY, (0, 1)),
        ([0.0, 1.0, float("nan")] * 5, Task.BINARY, (0, 1)),
        (["yes", "no"] * 5, Task.BINARY, ("no", "yes")),
        (["c", "a", "b"] * 5, Task.MULTICLASS, ("a", "b", "c")),
        ([1, 2, 3, 4] * 5, Task.MULTICLASS, (1, 2, 3, 4)),
        ([0.5, 1.5, 2.0] * 5, Task.REGRESSION, ()),
        ([1.5, 2.5] * 5, Task.REGRESSION, ()),
        ([3, 4, 5] * 5, Task.REGRESSION, ()),
        ([0, 1, 2, 7] * 5, Task.REGRESSION, ()),
        (list(range(15)) * 5, Task.REGRESSION, ()),
        ([0] * 300 + [1] * 90 + [2] * 20 + [3], Task.REGRESSION, ()),
    ],
)
def test_the_label_tells_the_task(values: list[object], task: Task, classes: tuple[object, ...]) -> None:
    read = read_labels(column(values))
    assert (read.task, read.classes) == (task, classes)


def test_a_guess_about_whole_numbers_is_said() -> None:
    assert 'say task="regression" if not' in read_labels(column([1, 2, 3] * 5)).notes[0]
    assert 'say task="multiclass"' in read_labels(column([3, 4, 5] * 5)).notes[0]
    assert read_labels(column([1, 2, 3] * 5), task=Task.REGRESSION).notes == ()


def test_a_task_that_is_said_goes_before_the_rule() -> None:
    assert read_labels(column([3, 4, 5] * 5), task=Task.MULTICLASS).classes == (3, 4, 5)
    assert read_labels(column([True, False] * 5), task=Task.REGRESSION).values.dtype == pl.Float64
    assert read_labels(column([2.0, 4.0, 6.0]), task=Task.MULTICLASS).classes == (2, 4, 6)


@pytest.mark.parametrize(
    ("values", "task", "found"),
    [
        ([None, None], None, "none of 2 rows has a label in 'outcome'"),
        ([True, True, None], None, "has one value only: True"),
        ([date(2024, 1, 1), date(2024, 1, 2)], None, "is Date"),
        ([[1], [2]], None, r"is List\(Int64\)"),
        ([1.0, float("inf")], None, "infinite"),
        ([1.0, 2.5, -1e300], None, "reach 1e\\+300"),
        ([f"case {n}" for n in range(50)], None, "50 different texts"),
        (["a", "b", "c"], Task.BINARY, "3 different values"),
        (["a", "b", "c"], Task.REGRESSION, "holds texts"),
        ([0.5, 1.5, 2.5], Task.MULTICLASS, "holds fractions"),
    ],
)
def test_a_label_that_cannot_be_learned_is_refused(values: list[object], task: Task | None, found: str) -> None:
    with pytest.raises(LabelError, match=found):
        read_labels(pl.Series("outcome", values), task=task)


def test_some_missing_labels_are_said() -> None:
    assert read_labels(column([True, False, None])).notes == ("1 of 3 labels are missing",)


def test_labels_are_numbered_by_their_place_among_the_classes() -> None:
    labels = pl.Series(["b", None, "a", "stranger"])
    assert encode_labels(labels, task=Task.MULTICLASS, classes=("a", "b")).tolist() == [1, -1, 0, -1]
    assert encode_labels(pl.Series([1, 0]), task=Task.BINARY, classes=(False, True)).tolist() == [1, 0]
    assert encode_labels(pl.Series([1.0, 0.0]), task=Task.BINARY, classes=(False, True)).tolist() == [1, 0]


def test_numbers_stay_numbers() -> None:
    coded = encode_labels(pl.Series([1, None]), task=Task.REGRESSION, classes=())
    assert coded.dtype == np.float64
    assert np.isnan(coded[1])


@pytest.mark.parametrize("values", [[], [None, None]])
def test_no_label_at_all_is_numbered_too(values: list[None]) -> None:
    coded = encode_labels(pl.Series(values, dtype=pl.Null), task=Task.BINARY, classes=(False, True))
    assert coded.tolist() == [-1] * len(values)


@pytest.mark.parametrize(
    ("dtype", "classes"), [(pl.String, ("a", "b")), (pl.Int64, (1, 2)), (pl.Boolean, (False, True))]
)
def test_labels_of_no_rows_are_positions_all_the_same(dtype, classes) -> None:
    encoded = encode_labels(pl.Series([], dtype=dtype), task=Task.BINARY, classes=classes)
    assert encoded.dtype == np.int64
    assert encoded.shape == (0,)
