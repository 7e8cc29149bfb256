"""A predicate means exactly what polars' SQL means, nulls included, or it is none."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdtrue.domain import Kind, make_expression, make_predicate

KINDS = {
    "a": Kind.NUMBER,
    "b": Kind.NUMBER,
    "n": Kind.INTEGER,
    "c": Kind.TEXT,
    "d": Kind.TEXT,
    "t": Kind.BOOLEAN,
    "dep delay": Kind.NUMBER,
}
TYPES = {Kind.NUMBER: pl.Float64, Kind.INTEGER: pl.Float64, Kind.TEXT: pl.String, Kind.BOOLEAN: pl.Boolean}
EDGES = [0.0, -0.0, 1.0, -1.0, 0.1, 0.3, 0.5, 2.0, 3.0, 1e308, -1e308, 5e-324, 2.0**53, 1.7e9, 1e-3]
NUMBERS = st.sampled_from(EDGES) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.sampled_from(["", "x", "y", "X", "it's", "é", "z\U0001f600", "\uffff"])
SPELT_NUMBERS = "0 1 2 3 -1 0.1 0.3 .5 1. 2.50 1e3 1.5e-3 1e308 9007199254740991 0.123456789012345 123456789.123456"
CONSTANTS = st.sampled_from(SPELT_NUMBERS.split()) | st.decimals(-1000, 1000, places=3).map(lambda d: f"{d:f}")
TEXT_CONSTANTS = TEXTS.map(lambda text: "'" + text.replace("'", "''") + "'")
SPELT = st.sampled_from(["a", "b", "n", '"a"', '"dep delay"'])


def bracket(text: str) -> str:
    return f"({text})"


numeric = st.recursive(
    SPELT | CONSTANTS,
    lambda inner: (
        st.tuples(inner, st.sampled_from([" + ", " - ", "*", " / "]), inner).map("".join)
        | inner.map(bracket)
        | inner.map(lambda text: f"- {text}")
    ),
    max_leaves=5,
)
SIGNS = st.sampled_from([" = ", " == ", " <> ", " != ", "<", " <= ", " > ", ">="])
texts = st.sampled_from(["c", "d"])
comparisons = (
    st.tuples(numeric, SIGNS, numeric).map("".join)
    | st.tuples(texts, SIGNS, texts | TEXT_CONSTANTS).map("".join)
    | st.tuples(numeric, st.sampled_from([" BETWEEN ", " not between "]), numeric, st.just(" and "), numeric).map(
        "".join
    )
    | st.tuples(SPELT, st.sampled_from([" IN ", " NOT IN "]), st.lists(CONSTANTS, min_size=1, max_size=3)).map(
        lambda parts: f"{parts[0]}{parts[1]}({', '.join(parts[2])})"
    )
    | st.tuples(texts, st.sampled_from([" IN ", " NOT IN "]), st.lists(TEXT_CONSTANTS, min_size=1, max_size=3)).map(
        lambda parts: f"{parts[0]}{parts[1]}({', '.join(parts[2])})"
    )
    | st.tuples(SPELT | texts | st.just("t"), st.sampled_from([" IS NULL", " is not null"])).map("".join)
    | st.sampled_from(["t", "t = TRUE", "t <> false"])
)
rules = st.recursive(
    comparisons,
    lambda inner: (
        st.tuples(inner, st.sampled_from([" AND ", " or "]), inner).map("".join)
        | inner.map(lambda text: f"NOT {text}")
        | inner.map(bracket)
    ),
    max_leaves=5,
)
ROW = st.fixed_dictionaries(
    {
        "a": st.none() | NUMBERS,
        "b": st.none() | NUMBERS,
        "n": st.none() | st.integers(-(2**62), 2**62) | st.integers(-3, 3),
        "c": st.none() | TEXTS,
        "d": st.none() | TEXTS,
        "t": st.none() | st.booleans(),
        "dep delay": st.none() | NUMBERS,
    }
)


def ask_polars(text: str, rows: list[dict[str, object]]) -> list[bool | None]:
    columns = {}
    for name, kind in KINDS.items():
        values = [row[name] for row in rows]
        columns[name] = pl.Series(values, dtype=pl.Int64 if kind is Kind.INTEGER else TYPES[kind]).cast(TYPES[kind])
    return pl.DataFrame(columns).select(x=pl.sql_expr(text))["x"].to_list()


@settings(max_examples=1500, deadline=None)
@given(text=rules, rows=st.lists(ROW, min_size=2, max_size=6))
def test_a_predicate_answers_as_polars_does(text: str, rows: list[dict[str, object]]) -> None:
    predicate = make_predicate(text, KINDS)
    if predicate is not None:
        assert [predicate.ask(row) for row in rows] == ask_polars(text, rows), text


@pytest.mark.parametrize(
    "text",
    [
        "a < b < 1", "a = b IS NULL", "ABS(a) > 1", "c LIKE 'x%'", "COALESCE(a, 0) > 1", "a > NULL", "a IN (1, NULL)",
        "a", "a + 1", "a = 'x'", "t = 1", "c + 1 > 2", "1 < 2", "TRUE", "a > 0.1 + 0.2", "a > 1 --1", "a > 1 /* b */",
        "a > 1_000", "A > 1", "zz > 1", "a >", "(a > 1", "a > 1)", "", "a > 12345678901234567890", "SUM(a) > 1",
        "a % 2 = 0", "a > +1", "t IS TRUE", "a || c = 'x'", "a > 1e999", "NOT a", "(" * 5000 + "t" + ")" * 5000,
    ],
)  # fmt: skip
def test_what_a_predicate_could_say_otherwise_than_polars_is_none(text: str) -> None:
    assert make_predicate(text, KINDS) is None


@pytest.mark.parametrize("name", ["current_date", "Current_Time", "CURRENT_TIMESTAMP", "localtime", "localtimestamp"])
def test_the_clock_of_sql_is_no_column_unless_it_is_quoted(name: str) -> None:
    assert make_predicate(f"{name} > 1", {name: Kind.NUMBER}) is None
    quoted = make_predicate(f'"{name}" > 1', {name: Kind.NUMBER})
    assert quoted is not None
    assert quoted.ask({name: 2}) is True


@pytest.mark.parametrize("name", ["date", "year", "value", "order_id", "key", "left_", "timestamp", "hour"])
def test_columns_with_the_names_of_sql_words_mean_the_same(name: str) -> None:
    predicate = make_predicate(f"{name} - 1 > 0 AND {name} < 5", {name: Kind.NUMBER})
    assert predicate is not None
    frame = pl.DataFrame({name: [3.0, None, 0.0]})
    assert [predicate.ask(row) for row in frame.to_dicts()] == [True, None, False]
    assert frame.select(x=pl.sql_expr(f"{name} - 1 > 0 AND {name} < 5"))["x"].to_list() == [True, None, False]


def test_a_missing_value_leaves_a_rule_unknown_unless_the_other_side_settles_it() -> None:
    predicate = make_predicate("a >= 0 AND b > 0", KINDS)
    assert predicate is not None
    assert predicate.names == ("a", "b")
    assert [predicate.ask({"a": a, "b": b}) for a, b in [(None, 1), (None, 0), (1, 1), (-1, None)]] == [
        None, False, True, False,
    ]  # fmt: skip


branches = (
    st.tuples(rules, numeric).map(lambda way: f"WHEN {way[0]} THEN {way[1]}"),
    st.tuples(rules, TEXT_CONSTANTS | texts).map(lambda way: f"when {way[0]} then {way[1]}"),
    st.tuples(rules, rules).map(lambda way: f"WHEN {way[0]} THEN {way[1]}"),
)
choices = st.one_of(
    st.tuples(st.lists(branches[0], min_size=1, max_size=3), numeric),
    st.tuples(st.lists(branches[1], min_size=1, max_size=3), TEXT_CONSTANTS | texts),
    st.tuples(st.lists(branches[2], min_size=1, max_size=3), rules),
).map(lambda parts: f"CASE {' '.join(parts[0])} ELSE {parts[1]} END")


@settings(max_examples=300, deadline=None)
@given(text=choices, row=ROW)
def test_a_case_chooses_what_the_sql_engine_chooses(text, row):
    expression = make_expression(text, KINDS)
    if expression is None:
        return
    frame = pl.DataFrame({name: pl.Series([row[name]], dtype=TYPES[KINDS[name]]) for name in KINDS})
    expected = frame.select(pl.sql_expr(text).alias("x"))["x"][0]
    expected = float(expected) if isinstance(expected, Decimal) else expected  # what constants alone make
    found = expression.evaluate({name: frame[name][0] for name in KINDS})
    assert found == expected or (found is None and expected is None) or (found != found and expected != expected)


def test_a_case_is_an_expression_and_no_rule():
    text = "CASE WHEN a > 1 THEN .3 WHEN c = 'x' THEN .2 END"
    expression = make_expression(text, KINDS)
    assert (expression.names, expression.kind) == (("a", "c"), Kind.NUMBER)
    rows = [{"a": 2.0, "c": None}, {"a": None, "c": "x"}, {"a": 1.0, "c": "y"}]
    assert [expression.evaluate(row) for row in rows] == [0.3, 0.2, None]
    assert make_predicate("CASE WHEN a > 1 THEN t ELSE t END", KINDS) is None


@pytest.mark.parametrize(
    "text",
    ["CASE a WHEN 1 THEN 2 END", "CASE ELSE 1 END", "CASE WHEN a THEN 1 END", "CASE WHEN t THEN 1 ELSE 'x' END",
     "CASE WHEN t THEN 1", "CASE WHEN TRUE THEN 1 ELSE 0 END", "CASE WHEN zzz > 1 THEN 1 ELSE 0 END"],
)  # fmt: skip
def test_what_a_case_cannot_say_is_no_expression(text):
    assert make_expression(text, KINDS) is None
