import numpy as np
import polars as pl

from holdtrue.validation.slice import cut_columns, find_unknown


def test_levels_of_a_hundredth_of_the_training_rows_are_slices_and_all_others_are_one() -> None:
    reference = pl.DataFrame({"a": ["x"] * 600 + ["y"] * 395 + ["rare"] * 5})
    cut = cut_columns(pl.DataFrame({"a": ["y", "rare", "new", None, "x"]}), ["a"], reference=reference)
    assert [cut.names[code] for code in cut.codes] == [
        "a = y",
        "a = other values",
        "a = other values",
        "a = missing",
        "a = x",
    ]


def test_numbers_are_cut_at_the_quarters_of_the_training_rows() -> None:
    reference = pl.DataFrame({"n": np.arange(1.0, 101.0)})
    cut = cut_columns(pl.DataFrame({"n": [1.0, 30.0, None, 1e9, float("nan")]}), ["n"], reference=reference)
    assert [cut.names[code] for code in cut.codes] == [
        "n up to 25.75", "n above 25.75, up to 50.5", "n = missing", "n above 75.25", "n = missing",
    ]  # fmt: skip


def test_two_columns_are_crossed_and_only_parts_with_rows_are_slices() -> None:
    frame = pl.DataFrame({"a": ["x", "y", "x"], "b": [True, True, False]})
    slices = cut_columns(frame, ["a", "b"], reference=frame).slices()
    assert {part.name: part.rows.tolist() for part in slices} == {
        "a = x and b = true": [True, False, False],
        "a = x and b = false": [False, False, True],
        "a = y and b = true": [False, True, False],
    }


def test_columns_without_any_value_or_level_are_cut_all_the_same() -> None:
    frame = pl.DataFrame(
        {"a": pl.Series([None, None], dtype=pl.String), "b": pl.Series([None, None], dtype=pl.Float64)}
    )
    assert [part.name for part in cut_columns(frame, ["a", "b"], reference=frame).slices()] == [
        "a = missing and b = missing"
    ]
    known = pl.DataFrame({"other": [1, 2]})
    assert len(cut_columns(pl.DataFrame({"a": ["x", "y"]}), ["a"], reference=known).slices()) == 2


def test_a_million_levels_are_one_slice_of_other_values() -> None:
    frame = pl.DataFrame({"id": [f"i{i}" for i in range(100_000)]})
    assert [part.name for part in cut_columns(frame, ["id"], reference=frame).slices()] == ["id = other values"]


def test_an_unknown_column_is_named_beside_those_that_are_there() -> None:
    assert find_unknown([("a", "c")], ["a", "b"]) == "There is no column 'c' to slice by; there are a, b."
    assert find_unknown([("a",)], ["a", "b"]) is None
