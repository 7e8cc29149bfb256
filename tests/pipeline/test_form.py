"""What steps hand on comes out as it went in, byte for byte the same wherever it is kept."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal, assert_series_equal

from holdtrue.errors import DeclarationError
from holdtrue.pipeline import MemoryCache, StepCache, run_steps
from holdtrue.store import Store

FRAME = pl.DataFrame(
    {
        "n": [1, 2, None],
        "text": ["a", None, "c"],
        "level": pl.Series(["u", "v", "u"], dtype=pl.Enum(["u", "v"])),
        "at": [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)],
        "list": [[1], [], None],
    }
)


def hand_on(value: object) -> Any:
    """Return what the next step gets of a value."""
    got: list[Any] = []

    def give() -> object:
        return value

    def take(give: object) -> None:
        got.append(give)

    run_steps([give, take], inputs={}, cache=MemoryCache())
    return got[0]


def test_frames_and_series_come_out_as_they_went_in() -> None:
    assert_frame_equal(hand_on(FRAME), FRAME)
    assert hand_on(FRAME).schema == FRAME.schema
    assert_series_equal(hand_on(FRAME["level"]), FRAME["level"])


@pytest.mark.parametrize("number", [np.float64(1.5), np.int32(-3), np.bool_(True), np.float32("nan")])
def test_numbers_of_numpy_come_out_with_their_type(number: np.generic) -> None:
    got = hand_on(number)
    assert type(got) is type(number)
    np.testing.assert_equal(got, number)


def test_frames_without_rows_or_with_nan_alone_come_out_as_they_went_in() -> None:
    for frame in (FRAME.head(0), pl.DataFrame(), pl.DataFrame({"x": [float("nan")] * 2})):
        assert_frame_equal(hand_on(frame), frame)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.array(3.5),
        np.array([], dtype="datetime64[us]"),
        np.array(["a", "bc"]),
        np.array([True, False]),
    ],
)
def test_arrays_come_out_as_they_went_in(array: np.ndarray[Any, Any]) -> None:
    got = hand_on(array)
    assert got.dtype == array.dtype
    assert got.shape == array.shape
    assert np.array_equal(got, array)


def test_what_lies_inside_of_lists_and_dicts_is_kept_too() -> None:
    got = hand_on({"parts": [FRAME, np.ones(2)], "n": 1})
    assert_frame_equal(got["parts"][0], FRAME)
    assert got["parts"][1].tolist() == [1.0, 1.0]
    assert got["n"] == 1


def test_a_frame_counts_by_its_rows_and_not_by_the_pieces_that_it_is_made_of(tmp_path: Path) -> None:
    calls: list[int] = []

    def whole(n: int) -> pl.DataFrame:
        return pl.concat([FRAME] * 2, rechunk=n == 1)

    def count(whole: pl.DataFrame) -> int:
        return whole.height

    with Store.open(tmp_path / ".holdtrue") as store:
        for n in (1, 2):
            outcome = run_steps([whole, count], inputs={}, parameters={"n": n}, cache=StepCache(store))
            calls.append(sum(not record.is_cached for record in outcome.records))
    assert calls == [2, 1]


def test_fitted_models_are_handed_on_in_a_safe_format() -> None:
    from sklearn.preprocessing import StandardScaler

    rows = np.arange(8.0).reshape(4, 2)
    scaler = StandardScaler().fit(rows)
    assert np.array_equal(hand_on(scaler).transform(rows), scaler.transform(rows))


def test_boosters_are_handed_on_in_the_form_of_their_library() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    xgboost = pytest.importorskip("xgboost")
    rows = np.random.default_rng(0).normal(size=(60, 2))
    label = (rows[:, 0] > 0).astype(float)
    told = {"objective": "binary", "verbose": -1, "num_threads": 1}
    forest = lightgbm.train(told, lightgbm.Dataset(rows, label), num_boost_round=2)
    assert np.allclose(hand_on(forest).predict(rows), forest.predict(rows))
    matrix = xgboost.DMatrix(rows, label)
    other = xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, num_boost_round=2)
    assert np.allclose(hand_on(other).predict(matrix), other.predict(matrix))
    with pytest.raises(DeclarationError, match=r"give: a lightgbm.sklearn.LGBMClassifier cannot be handed on"):
        hand_on(lightgbm.LGBMClassifier())


class Own:
    """A class that no format knows."""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Own(), r"give holds a .*test_form\.Own, which cannot be kept between steps"),
        ([1, {Own()}], r"give\[1\] holds a builtins\.set"),
        (pl.DataFrame({"x": pl.Series([Own()], dtype=pl.Object)}), "give holds a DataFrame that cannot be kept"),
        (np.array([Own()]), "give holds a ndarray that cannot be kept"),
        (FRAME.lazy(), "give holds a polars.*LazyFrame"),
        (np.ma.masked_array([1]), "give holds a numpy.*MaskedArray"),
        ({"$form": 1}, "the key '\\$form'"),
        (lambda: 1, "give holds a builtins.function"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_step_and_the_type(value: object, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        hand_on(value)


def test_equal_frames_are_the_same_bytes_whatever_threads_computed_them() -> None:
    rows = pl.DataFrame(
        {"group": [i % 500 for i in range(60_000)], "name": [f"a long name {i:09d}" for i in range(60_000)]}
    )

    def name_groups() -> pl.DataFrame:
        return rows.group_by("group").agg(pl.col("name").min(), names=pl.col("name").sort().head(2)).sort("group")

    digests = {run_steps([name_groups], inputs={}, cache=MemoryCache()).records[0].output for _ in range(6)}
    assert len(digests) == 1
