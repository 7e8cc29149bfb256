import pandera.polars as pa
import polars as pl
import pytest

import holdtrue as ht
from holdtrue.data import check_frame
from holdtrue.domain import Rule, Schema, column
from holdtrue.errors import DeclarationError


class Flight(pa.DataFrameModel):
    distance: float = pa.Field(ge=0, le=5000, nullable=True)
    stops: int = pa.Field(in_range={"min_value": 0, "max_value": 9})
    origin: str = pa.Field(isin=["EWR", "JFK"], unique=True)
    is_late: bool
    size: pl.Float32 = pa.Field(eq=3)


def test_a_model_is_taken_over_whole() -> None:
    assert ht.schema(Flight) == ht.schema(Flight.to_schema())
    assert ht.schema(Flight, rules={"r": "stops > 0"}, min_rows=3) == Schema(
        (
            column("distance", "number", low=0, high=5000),
            column("stops", "integer", low=0, high=9, nullable=False),
            column("origin", "text", levels=["EWR", "JFK"], closed=True, unique=True, nullable=False),
            column("is_late", "boolean", nullable=False),
            column("size", "number", low=3, high=3, nullable=False),
        ),
        rules=(Rule(name="r", text="stops > 0"),),
        min_rows=3,
    )


def test_two_checks_of_a_column_narrow_each_other() -> None:
    both = [pa.Check.ge(1), pa.Check.in_range(0, 7), pa.Check.le(9)]
    texts = [pa.Check.isin(["a", "b"]), pa.Check.isin(["b", "c"])]
    schema = ht.schema(pa.DataFrameSchema({"x": pa.Column(int, both), "c": pa.Column(pl.Categorical, texts)}))
    assert schema == Schema(
        (
            column("x", "integer", low=1, high=7, nullable=False),
            column("c", "text", levels=["b"], closed=True, nullable=False),
        )
    )


@pytest.mark.parametrize(
    ("declared", "word"),
    [
        (pa.DataFrameSchema({"x": pa.Column(float, pa.Check.gt(0))}), r"greater_than\(0\).*'x'"),
        (pa.DataFrameSchema({"x": pa.Column(float, pa.Check(lambda data: data.lazyframe, name="odd"))}), "odd.*'x'"),
        (pa.DataFrameSchema({"x": pa.Column(float, pa.Check.in_range(0, 1, include_max=False))}), "in_range.*'x'"),
        (pa.DataFrameSchema({"x": pa.Column(float, pa.Check.isin([1.0]))}), "isin.*'x'"),
        (pa.DataFrameSchema({"x": pa.Column(float, pa.Check.ge(0, raise_warning=True))}), "greater_than_or_equal.*'x'"),
        (pa.DataFrameSchema({"x": pa.Column(str, [pa.Check.isin(["a"]), pa.Check.isin(["b"])])}), "no value.*'x'"),
        (pa.DataFrameSchema({"x": pa.Column(str, pa.Check.str_startswith("a"))}), "str_startswith.*'x'"),
        (pa.DataFrameSchema({"x": pa.Column()}), "dtype=none.*'x'"),
        (pa.DataFrameSchema({"x": pa.Column(pl.Datetime)}), "dtype=Datetime.*'x'"),
        (pa.DataFrameSchema({"x": pa.Column(float, coerce=True)}), "coerce=True.*'x'"),
        (pa.DataFrameSchema({"x": pa.Column(float, required=False)}), "required=False.*'x'"),
        (pa.DataFrameSchema({"^x": pa.Column(float, regex=True)}), "regex=True"),
        (pa.DataFrameSchema({"x": pa.Column(float)}, strict=True), "strict=True"),
        (pa.DataFrameSchema({"x": pa.Column(float)}, unique=["x"]), r"unique=\['x'\]"),
        (pa.DataFrameSchema({"x": pa.Column(float)}, checks=pa.Check(lambda data: data.lazyframe)), "checks="),
        (pl.DataFrame, "DataFrameModel"),
    ],
)
def test_what_cannot_be_taken_over_is_named(declared: object, word: str) -> None:
    with pytest.raises(DeclarationError, match=word):
        ht.schema(declared)


def test_all_that_cannot_be_taken_over_is_listed_at_once() -> None:
    declared = pa.DataFrameSchema({"x": pa.Column(float, pa.Check.gt(0)), "y": pa.Column()}, strict=True)
    with pytest.raises(DeclarationError, match=r"strict=True; .*'x'; .*'y'"):
        ht.schema(declared)


def test_both_refuse_the_same_rows() -> None:
    declared = pa.DataFrameSchema({"x": pa.Column(float, pa.Check.in_range(0, 1), nullable=True, unique=True)})
    schema = ht.schema(declared)
    assert isinstance(schema, Schema)
    for values, is_sound in [([0.0, None, 1.0], True), ([0.0, 1.5], False), ([0.5, 0.5], False), ([-0.1], False)]:
        frame = pl.DataFrame({"x": values}, schema={"x": pl.Float64})
        assert (check_frame(frame, schema) == []) is is_sound
        if is_sound:
            declared.validate(frame)
        else:
            with pytest.raises(pa.errors.SchemaError):
                declared.validate(frame)
