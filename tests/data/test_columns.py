import polars as pl
import pytest

from holdtrue.data import check_frame, conform, count_unseen, infer_schema
from holdtrue.domain import Column, Kind, Limits, Schema, column
from holdtrue.errors import ColumnMissing, SchemaMismatch

FRAME = pl.DataFrame(
    {"size": [1.5, None], "n": [1, 2], "ok": [True, False], "colour": pl.Series(["red", "blue"], dtype=pl.Categorical)}
)
SCHEMA = infer_schema(FRAME, FRAME.columns)


def test_a_schema_tells_what_was_seen() -> None:
    assert SCHEMA.columns == (
        Column(name="size", kind=Kind.NUMBER, nullable=True, low=1.5, high=1.5),
        Column(name="n", kind=Kind.INTEGER, nullable=False, low=1.0, high=2.0),
        Column(name="ok", kind=Kind.BOOLEAN, nullable=False),
        Column(name="colour", kind=Kind.TEXT, nullable=False, levels=("blue", "red")),
    )


def test_an_integer_column_with_nulls_stays_integer_and_may_be_null() -> None:
    column = infer_schema(pl.DataFrame({"n": [1, None]}), ["n"]).columns[0]
    assert (column.kind, column.nullable) == (Kind.INTEGER, True)


def test_the_same_rows_give_the_same_schema_digest() -> None:
    assert infer_schema(FRAME.reverse(), FRAME.columns).digest == SCHEMA.digest


def test_a_frame_takes_the_order_and_types_of_the_schema() -> None:
    wild = pl.DataFrame(
        {"colour": ["red", "green"], "extra": [0, 0], "ok": [True, None], "n": [1.0, None], "size": [1, 2]}
    )
    taken = conform(wild, SCHEMA)
    assert taken.schema == {"size": pl.Float64, "n": pl.Int64, "ok": pl.Boolean, "colour": pl.Enum(["blue", "red"])}
    assert taken["colour"].to_list() == ["red", None]
    assert count_unseen(wild, SCHEMA) == {"colour": 1}


def test_rows_of_a_request_take_the_types_of_the_schema() -> None:
    rows = [
        {"size": 1, "n": 3, "ok": True, "colour": "red"},
        {"size": 2.5, "n": None, "ok": False, "colour": "mauve"},
    ]
    taken = conform(rows, SCHEMA)
    assert taken.rows() == [(1.0, 3, True, "red"), (2.5, None, False, None)]
    assert count_unseen(rows, SCHEMA) == {"colour": 1}


def test_no_rows_conform_to_no_rows() -> None:
    assert conform([], SCHEMA).schema == conform(FRAME, SCHEMA).schema


def test_nan_is_taken_as_missing() -> None:
    assert conform(FRAME.with_columns(size=pl.lit(float("nan"))), SCHEMA)["size"].null_count() == 2


def test_a_missing_column_names_the_nearest() -> None:
    with pytest.raises(ColumnMissing, match=r"'colour' is missing.*did you mean 'color'"):
        conform(FRAME.rename({"colour": "color"}), SCHEMA)
    with pytest.raises(ColumnMissing, match="no row has 'colour'"):
        conform([{"size": 1, "n": 1, "ok": True}], SCHEMA)


@pytest.mark.parametrize(
    ("name", "value"), [("size", "big"), ("n", 1.5), ("ok", 1), ("colour", 7), ("n", True), ("size", [1.0])]
)
def test_a_value_of_another_kind_is_refused(name: str, value: object) -> None:
    row = {"size": 1.0, "n": 1, "ok": True, "colour": "red", name: value}
    with pytest.raises(SchemaMismatch, match=f"'{name}' holds"):
        conform([row], SCHEMA)
    with pytest.raises(SchemaMismatch, match=f"'{name}' holds"):
        conform(pl.DataFrame([row]), SCHEMA)


def test_values_of_mixed_kinds_are_refused_by_name() -> None:
    row = {"size": 1.0, "n": 1, "ok": True, "colour": "red"}
    with pytest.raises(SchemaMismatch, match="'size' holds 'big'"):
        conform([row, {**row, "size": "big"}], SCHEMA)


def test_a_closed_column_takes_no_other_level() -> None:
    closed = Schema((column("colour", "text", levels=("blue", "red"), closed=True),))
    assert conform([{"colour": None}], closed)["colour"].to_list() == [None]
    with pytest.raises(SchemaMismatch, match=r"'mauve' in 'colour' is outside its closed set.*blue, red"):
        conform([{"colour": "mauve"}], closed)


def test_every_breach_of_a_frame_is_told() -> None:
    bad = pl.DataFrame({"size": [float("inf"), 1.0], "n": [1, None], "colour": [1, 2]})
    breaches = check_frame(bad, SCHEMA)
    assert len(breaches) == 4
    for word in ("infinite", "null", "'ok' is missing", "'colour' holds"):
        assert any(word in breach for breach in breaches)
    assert check_frame(FRAME, SCHEMA) == []


def test_what_is_allowed_but_was_not_seen_is_taken_as_missing() -> None:
    wide = Column(name="c", kind=Kind.TEXT, levels=("a",), limits=Limits(levels=("a", "b")))
    assert conform([{"c": "b"}, {"c": "a"}], Schema((wide,)))["c"].to_list() == [None, "a"]
    with pytest.raises(SchemaMismatch, match=r"'c' in 'c' is outside its closed set.*a, b"):
        conform([{"c": "b"}, {"c": "c"}], Schema((wide,)))
