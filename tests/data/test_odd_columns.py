"""Columns that nobody meant: each is inferred, written, read back and checked with a clear result."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from holdtrue.data import check_frame, draft_schema, infer_schema, parse_schema, read_frame, read_history, write_schema
from holdtrue.domain import Column, Kind, Schema, column, table
from holdtrue.errors import SchemaMismatch

N = 50
START = datetime(2024, 1, 1, tzinfo=UTC)
ODD: dict[str, tuple[list[Any], Column]] = {
    "constant": ([3.5] * N, column("x", "number", nullable=False, seen=[3.5, 3.5])),
    "all unique": ([f"u{i:03}" for i in range(N)], Column(
        name="x", kind=Kind.TEXT, nullable=False, levels=tuple(f"u{i:03}" for i in range(N)))),
    "single level": (["a"] * N, column("x", "text", nullable=False, levels=["a"])),
    "empty texts": (["", " "] * (N // 2), column("x", "text", nullable=False, levels=["", " "])),
    "moments as numbers": ([1_700_000_000 + i for i in range(N)], column(
        "x", "integer", nullable=False, seen=[1_700_000_000, 1_700_000_000 + N - 1])),
    "boolean": ([True, None] * (N // 2), column("x", "boolean")),
    "huge whole numbers": ([2**63 - 1, -(2**63)] * (N // 2), column(
        "x", "integer", nullable=False, seen=[-(2.0**63), 2.0**63])),
    "huge numbers": ([1.7e308, -1.7e308] * (N // 2), column("x", "number", nullable=False, seen=[-1.7e308, 1.7e308])),
    "tiny numbers": ([5e-324, 0.0] * (N // 2), column("x", "number", nullable=False, seen=[0.0, 5e-324])),
    "NaN and null": ([float("nan"), None, 1.0, 2.0, 0.0] * (N // 5), column("x", "number", seen=[0.0, 2.0])),
    "one value": ([None] * (N - 1) + [7], column("x", "integer", seen=[7, 7])),
}  # fmt: skip


def read(folder: Path, values: list[Any], *, schema: Schema | None = None, dtype: Any = None) -> Any:
    n = len(values)
    frame = pl.DataFrame(
        {
            "id": range(n),
            "at": [START + timedelta(hours=i) for i in range(n)],
            "late": [i % 3 == 0 for i in range(n)],
            "y": [1.0] * n,
        }
    ).with_columns(pl.Series("x", values, dtype=dtype))
    frame.write_parquet(folder / "rows.parquet")
    return read_history(
        table("rows.parquet", key="id", time="at", label="late", label_delay="1h"), folder=folder, schema=schema
    )


@pytest.mark.parametrize("name", ODD)
def test_an_odd_column_is_inferred_written_and_kept(tmp_path: Path, name: str) -> None:
    values, expected = ODD[name]
    history = read(tmp_path, values)
    assert history.schema.column("x") == expected
    draft = draft_schema(history.schema, None)
    assert parse_schema(write_schema(draft)) == draft
    again = read(tmp_path, values, schema=draft)
    assert again.frame.equals(history.frame)
    assert again.schema == history.schema


def test_a_column_without_any_value_is_no_feature_and_a_declared_one_may_be_refused(tmp_path: Path) -> None:
    history = read(tmp_path, [None] * N, dtype=pl.Float64)
    assert history.feature_names == ("y",)
    assert any("'x' has no value" in note for note in history.notes)
    assert read(tmp_path, [None] * N, schema=Schema((column("x", "number"),))).feature_names == ("y",)
    for declared, word in [
        (column("x", "number", nullable=False), "50 of 50 rows have a null 'x'"),
        (column("x", "text", max_null_share=0.5), "50 of 50 values of 'x' are null \\(100 %\\)"),
    ]:
        with pytest.raises(SchemaMismatch, match=word):
            read(tmp_path, [None] * N, schema=Schema((declared,)))


def test_infinite_numbers_are_counted_with_the_other_breaches(tmp_path: Path) -> None:
    values = [1.0, float("inf"), float("-inf"), float("nan")]
    assert infer_schema(pl.DataFrame({"x": values}), ["x"]).columns[0] == column(
        "x", "number", nullable=False, seen=[1, 1]
    )
    with pytest.raises(SchemaMismatch, match=r"in 2 ways:\n- 2 of 4 rows have an infinite 'x'.*row 1 .*\n.*above 5"):
        read(tmp_path, values, schema=Schema((column("x", "number", high=5),)))
    with pytest.raises(SchemaMismatch, match="infinite"):
        read(tmp_path, values)


def test_a_column_of_mixed_kinds_is_text_and_its_first_stranger_is_shown(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(
        "id,at,x,late\n1,2024-01-01T00:00:00Z,5,true\n2,2024-01-02T00:00:00Z,n/a,false\n"
    )
    data = table("rows.csv", key="id", time="at", label="late", label_delay="1h")
    assert read_history(data, folder=tmp_path).schema.column("x").levels == ("5", "n/a")
    with pytest.raises(SchemaMismatch, match=r"'x' holds String, expected values of kind integer.*'n/a' in row 1"):
        read_history(data, folder=tmp_path, schema=Schema((column("x", "integer"),)))


def test_objects_lists_and_times_are_told_as_what_they_are() -> None:
    frame = pl.DataFrame({"o": pl.Series([{1}, "a"], dtype=pl.Object), "l": [[1], [2]], "t": [START, START]})
    found = check_frame(frame, Schema(tuple(column(name, "number") for name in frame.columns)))
    assert [breach.split(" holds ")[1].split(",")[0].split("(")[0] for breach in found] == [
        "Object",
        "List",
        "Datetime",
    ]


def test_whole_numbers_beyond_the_floats_keep_their_limits_exactly() -> None:
    frame = pl.DataFrame({"x": [2**53, 2**53 + 1]})
    assert check_frame(frame, Schema((column("x", "integer", high=2**53 + 1, unique=True),))) == []
    (found,) = check_frame(frame, Schema((column("x", "integer", high=2**53),)))
    assert found.startswith("1 of 2 rows")


def test_a_column_of_a_million_levels_is_inferred_and_its_list_left_out_of_the_file() -> None:
    frame = pl.DataFrame({"x": pl.int_range(1_000_000, eager=True).cast(pl.String)})
    schema = infer_schema(frame, ["x"])
    assert len(schema.columns[0].levels) == 1_000_000
    draft = draft_schema(schema, None)
    assert draft.columns == (column("x", "text", nullable=False),)
    assert len(write_schema(draft)) < 3000
    unique = Schema((column("x", "text", unique=True, nullable=False),))
    assert check_frame(frame, unique) == []
    (found,) = check_frame(frame.with_columns(x=pl.when(pl.col("x") == "9").then(pl.lit("3")).otherwise("x")), unique)
    assert "the first is row 9: x = '3'" in found


@pytest.mark.parametrize(("dtype", "value"), [(pl.UInt64, 2**64 - 1), (pl.Int128, -(2**100))])
def test_whole_numbers_beyond_64_bits_are_refused_by_name(dtype: Any, value: int) -> None:
    frame = pl.DataFrame(
        {"id": [1, 2], "at": [START, START], "late": [True, False], "x": pl.Series([value, 1], dtype=dtype)}
    )
    declared = table("rows", key="id", time="at", label="late", label_delay="1h")
    with pytest.raises(SchemaMismatch, match="1 value of 'x' beyond"):
        read_frame(frame, declared)
    assert read_frame(frame.with_columns(x=pl.Series([7, 1], dtype=dtype)), declared).frame["x"].to_list() == [7, 1]
