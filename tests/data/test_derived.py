"""Computed columns are the same by polars and by a server's plain functions, and know nothing of what came later."""

import json
import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import holdtrue as ht
import holdtrue.data.past as past_module
import holdtrue.domain.formula as formula_module
from holdtrue.data import History, derive_columns, derive_history, find_refresh, gather_lookup
from holdtrue.data.expression import read_expression
from holdtrue.data.table import read_frame
from holdtrue.domain import Feature, Kind, Past, make_formula, name_past_key, settle_value
from holdtrue.errors import DeclarationError

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
    places = {name: place for place, name in enumerate(plain.columns)}
    for feature in features:
        ask, column = make_formula(feature.formula), plain[feature.name]
        kinds = {pl.Float64(): Kind.NUMBER, pl.Int64(): Kind.INTEGER, pl.Boolean(): Kind.BOOLEAN}
        kind = kinds.get(column.dtype, Kind.TEXT)
        ask_list = make_formula(feature.formula, places=places, kind=kind)
        for row, wanted in zip(plain.iter_rows(named=True), column.to_list(), strict=True):
            got = settle_value(ask(row), kind)
            assert ask_list([*row.values()]) == got
            if isinstance(wanted, float) and got is not None:
                assert math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-12), (feature.name, row)
            else:
                assert got == wanted, (feature.name, row)


def make_history(rows: list[tuple[str, int, bool]]) -> History:
    """Return rows of a plant, an hour since START, and a label that is known six hours later."""
    frame = pl.DataFrame(
        {
            "at": [START + timedelta(hours=hour) for _, hour, _ in rows],
            "plant": [plant for plant, _, _ in rows],
            "heat": [float(hour) for _, hour, _ in rows],
            "failed": [label for _, _, label in rows],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    return read_frame(frame, ht.table("rows", time="at", label="failed", label_delay="6h"))


def gather(history: History, **features: object) -> pl.DataFrame:
    loop = make_loop(features)
    return derive_history(history, loop).frame


def make_loop(features: dict[str, object]) -> ht.Loop:
    return ht.Loop("machines", data=ht.table("rows", time="at", label="failed", label_delay="6h"), features=features)


ROWS = [("n", 1, True), ("n", 12, False), ("s", 13, True), ("n", 19, True), ("n", 25, False), ("s", 49, False)]


def test_only_labels_that_were_known_at_the_last_refresh_count() -> None:
    made = gather(make_history(ROWS), rate=ht.history("7d", by="plant", of="failed").mean())
    # At the refresh before hour 25 the label of hour 19 was not known, nor at hour 49's own that of hour 49.
    assert made["rate"].to_list() == [None, None, None, None, 0.5, 1.0]


def test_a_label_counts_from_the_refresh_at_which_it_is_known_until_the_window_has_passed() -> None:
    rows = [("n", 18, True), ("n", 24, False), ("n", 47, False), ("n", 48, False), ("n", 72, False)]
    seen = gather(make_history(rows), n=ht.history("1d", by="plant", of="failed").count())["n"].to_list()
    # The first label is known at hour 24, the refresh itself; at hour 48 its day has passed, and one of hour 30 counts.
    assert seen == [None, 1, 1, 1, 2]


def test_what_a_row_gathers_does_not_change_when_later_labels_come() -> None:
    whole = make_history(ROWS)
    rate = {"rate": ht.history("2d", of="failed", every="6h").sum()}
    all_known = gather(whole, **rate)["rate"]
    for row, at in enumerate(whole.frame["__time"]):
        then = gather(whole.known_at(at), **rate)["rate"]
        assert then.to_list() == all_known.head(row + 1).to_list()


def test_a_lookup_holds_what_training_gathers_for_a_row_after_its_refresh() -> None:
    whole = make_history(ROWS)
    for gathered in ("mean", "sum", "count", "min", "max"):
        past: Past = getattr(ht.history("3d", by=["plant"], of="heat"), gathered)()
        made = gather(whole, x=past)
        for row in made.iter_rows(named=True):
            refresh = find_refresh(row["__time"], past.every)
            lookup = gather_lookup(past, whole.known_at(refresh), refresh=refresh)
            assert lookup.get(name_past_key([row[name] for name in past.by])) == row["x"]


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"x": pl.col("heat") - pl.col("heat").mean()}, "looks at other rows (mean)"),
        ({"x": pl.col("heat").shift(1)}, "looks at other rows (Shift)"),
        ({"x": pl.col("heat").sum().over("plant")}, "looks at other rows (over)"),
        ({"x": pl.col("heat").rank()}, "looks at other rows (Rank)"),
        ({"x": pl.col("failed")}, "reads the column 'failed', which a request does not carry"),
        ({"x": pl.col("heatt")}, "'heatt'"),
        ({"x": pl.col("heat").map_elements(abs, return_dtype=pl.Float64)}, "calls a Python function"),
        ({"x": pl.col("heat").sin()}, "uses Trigonometry"),
        ({"x": pl.col("plant") > 3}, "gives > a text and a whole number"),
        ({"x": pl.col("at")}, "is a time"),
        ({"x": pl.lit(None)}, "is null"),
        ({"x": pl.col("at").dt.hour() * 60}, "by polars itself"),
        ({"heat": pl.col("heat") + 1}, "has the name of a column"),
        ({"failed": pl.col("heat") + 1}, "has the name of a column"),
        ({"x": ht.history("7d", by="plant", of="wind").mean()}, "gathers 'wind'"),
        ({"x": ht.history("7d", by="failed", of="heat").mean()}, "gathers by 'failed'"),
        ({"x": ht.history("7d", by="heat", of="failed").mean()}, "gathers by 'heat', a number"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:20],
)
def test_a_feature_that_cannot_be_the_same_everywhere_is_refused_by_name(
    features: dict[str, object], said: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        derive_history(make_history(ROWS), make_loop(features))
    assert said in str(caught.value)
    assert repr(next(iter(features))) in str(caught.value)


@pytest.mark.parametrize("by", ["group", ("group", "g2"), ("code", "group"), ("key", "0")])
def test_a_column_of_any_name_may_be_gathered_by(by: str | tuple[str, ...]) -> None:
    whole = make_history(ROWS).frame
    frame = whole.select(at="__time", failed="__label", heat="heat").with_columns(
        pl.Series("group", [7, 7, 8, 7, 7, 8]),
        pl.Series("g2", ["x", "x", "x", "y", "x", "x"]),
        pl.Series("code", ["n", "n", "s", "n", "n", "s"]),
        pl.Series("key", ["x", "x", "x", "y", "x", "x"]),
        pl.Series("0", [True, True, False, False, True, False]),
    )
    history = read_frame(frame, ht.table("rows", time="at", label="failed", label_delay="6h"))
    past = ht.history("7d", by=by, of="failed").count()
    made = gather(history, n=past).to_dicts()
    refresh = find_refresh(made[4]["__time"], past.every)
    lookup = gather_lookup(past, history, refresh=refresh)
    assert made[4]["n"] == lookup.get(name_past_key([made[4][name] for name in past.by]))
    assert made[4]["n"] == 2


def test_what_a_server_would_not_find_in_a_lookup_is_refused_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = past_module._name_groups
    monkeypatch.setattr(past_module, "_name_groups", lambda frame, by: honest(frame, by) + " ")
    with pytest.raises(DeclarationError, match=r"'n' of the row .* by the lookup of a server"):
        gather(make_history(ROWS), n=ht.history("7d", by="plant", of="failed").count())


@pytest.mark.parametrize(
    "said",
    [
        A.log(10).floor(),
        A.log(2) >= 3,
        A.log(7).ceil(),
        N.log(10).floor(),
        (A / 49).floor(),
        (N / 49).floor(),
        (A / (pl.lit(7) * 7)) >= 1,
        pl.when(A > 3).then(N).otherwise(0.5) * N.cast(pl.Float64).fill_null(0.0),
        pl.when(A > 3).then(N).otherwise(0.5) * pl.when(A > 3).then(N).otherwise(0.5),
        pl.coalesce(N, A) * pl.coalesce(N, A),
        N.fill_null(0.5) * N.fill_null(0.5),
        N.clip(0.5, None) * N.clip(0.5, None),
        pl.lit(float(2**53)) == N,
        N.is_in([2**53]),
    ],
    ids=range(14),
)
def test_a_server_computes_the_last_bit_that_polars_does(said: pl.Expr) -> None:
    numbers = [base**power for base in (2, 7, 10) for power in range(1, 16)] + [49 * each for each in range(1, 200)]
    numbers += [5_000_000_000, 2**53 + 1, 2**62]
    frame = pl.DataFrame(
        {
            "at": [START + timedelta(hours=hour) for hour in range(len(numbers))],
            "a": [float(number) for number in numbers],
            "n": numbers,
            "failed": [number % 2 == 0 for number in numbers],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    history = read_frame(frame, ht.table("rows", time="at", label="failed", label_delay="6h"))
    derived = derive_history(history, make_loop({"x": said}))
    (feature,) = derived.features
    ask, made = make_formula(feature.formula), derived.frame
    assert made["x"].to_list() == frame.select(x=said)["x"].to_list()
    assert [ask(row) for row in made.iter_rows(named=True)] == made["x"].to_list()
    alone = [derive_columns(history.frame[i], derived.features).item(0, "x") for i in range(0, len(numbers), 7)]
    assert alone == made["x"].to_list()[::7]


def test_the_rows_of_the_proof_hold_the_powers_of_a_base(monkeypatch: pytest.MonkeyPatch) -> None:
    one_off = lambda value, base: math.log(value) * (1 / math.log(base)) if value > 0 else math.nan  # noqa: E731
    monkeypatch.setitem(formula_module._PLAIN, "log", one_off)
    with pytest.raises(DeclarationError, match="by a server"):
        gather(make_history(ROWS), x=pl.col("heat").log(10).floor())


def test_a_column_that_is_gathered_by_twice_is_refused() -> None:
    with pytest.raises(DeclarationError, match="names a column twice"):
        ht.history("7d", by=("plant", "plant"), of="failed")


@pytest.mark.parametrize("said", [5, "heat", ht.history("7d", of="failed"), None])
def test_a_declaration_of_something_else_is_refused_at_once(said: object) -> None:
    with pytest.raises(DeclarationError, match="'x'"):
        make_loop({"x": said})
