"""Computed columns are the same by polars and by a server's plain functions, and know nothing of what came later."""

import json
import math
from datetime import UTC, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from holdtrue.data.derived import derive_columns
from holdtrue.data.expression import read_expression
from holdtrue.domain import Feature, Kind, make_formula, settle_value

START = datetime(2024, 1, 1, tzinfo=UTC)
A, B, N, S, AT = (pl.col(name) for name in ("a", "b", "n", "s", "at"))
FORMULAS = {
    "arithmetic": (A + 2) * B - N / 3 - A,
    "whole": N * N + 7 - (-N),
    "power": A.abs().sqrt() + N**2,
    "logs": A.log() + B.log1p() + B.log(10) + (A / 100).exp(),
    "compare": (A > B) & (N <= 3) | ~(B == A) | (A != 1.5),
    "choice": pl.when(A > 1).then(B).when(N.is_null()).then(-1).otherwise(N),
    "nulls": A.fill_null(0) + N.is_null() + B.is_not_null().cast(pl.Int64),
    "nan": (A.log() * 0).fill_nan(5.0).is_nan() | A.log().is_nan(),
    "clip": A.clip(-2, 3.5) + N.clip(0, 4) + B.clip(lower_bound=0),
    "floor": A.floor() + B.ceil() + N.floor(),
    "cast": A.cast(pl.Int64, strict=False) + N.cast(pl.Float64) + (N > 2),
    "texts": (S == "zz") | S.str.contains("a", literal=True) | S.str.starts_with("b") | S.str.ends_with("c"),
    "length": S.str.len_chars() + pl.coalesce(N, 0),
    "member": S.is_in(["ab", "b"]) | N.is_in([1, 2, 3]) | A.is_between(0, 1, closed="left"),
    "label of text": pl.when(A > 0).then(pl.lit("up")).otherwise(S),
    "hour": AT.dt.convert_time_zone("America/New_York").dt.hour(),
    "day": AT.dt.weekday() + AT.dt.ordinal_day().cast(pl.Int64) * 10 + AT.dt.quarter() + AT.dt.week(),
    "constant": pl.lit(2) * 3,
}
floats = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=64)
rows_of = st.lists(
    st.fixed_dictionaries(
        {
            "a": floats | st.floats(-5, 5),
            "b": floats | st.sampled_from([0.0, -0.0, 1.0, -1.0]),
            "n": st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-4, 4),
            "s": st.none() | st.text("abcéz", max_size=3),
            "__time": st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),
        }
    ),
    min_size=1,
    max_size=20,
)


def make_frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    times = pl.Datetime("us", "UTC")
    frame = pl.DataFrame(
        rows, schema={"a": pl.Float64, "b": pl.Float64, "n": pl.Int64, "s": pl.String, "__time": pl.Datetime("us")}
    )
    return frame.with_columns(pl.col("__time").dt.replace_time_zone("UTC").cast(times))


@settings(max_examples=60, deadline=None)
@given(rows=rows_of)
def test_a_server_computes_what_polars_does_on_any_row(rows: list[dict[str, object]]) -> None:
    frame = make_frame(rows)
    features = [
        Feature(name=name, formula=json.dumps(read_expression(name, said, columns=frame.columns, time="at")))
        for name, said in FORMULAS.items()
    ]
    derived = derive_columns(frame, features, known=None)
    plain = derived.with_columns(pl.col(pl.Enum).cast(pl.String))
    for feature in features:
        ask, column = make_formula(feature.formula), plain[feature.name]
        kinds = {pl.Float64(): Kind.NUMBER, pl.Int64(): Kind.INTEGER, pl.Boolean(): Kind.BOOLEAN}
        for row, wanted in zip(plain.iter_rows(named=True), column.to_list(), strict=True):
            got = settle_value(ask(row), kinds.get(column.dtype, Kind.TEXT))
            if isinstance(wanted, float) and got is not None:
                assert math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-12), (feature.name, row)
            else:
                assert got == wanted, (feature.name, row)
