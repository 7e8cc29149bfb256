from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import holdtrue as ht
from holdtrue.data import check_frame, check_freshness, check_rows, refuse_breaches
from holdtrue.data.breaches import check_order, select_sound
from holdtrue.domain import Column, Rule, Schema, column
from holdtrue.errors import SchemaMismatch

FRAME = pl.DataFrame(
    {
        "id": ["a", "b", "c", "b", None],
        "size": [1.0, float("nan"), -3.0, 50.0, 7.0],
        "n": pl.Series([1, 2, 3, 4, 5], dtype=pl.UInt8),
        "colour": ["red", "blue", "mauve", None, "red"],
        "ok": [True, False, None, True, True],
    }
)


def check(*columns: Column, **rules: str) -> list[str]:
    return check_frame(FRAME, Schema(columns, rules=tuple(Rule(name=n, text=t) for n, t in rules.items())), key="id")


@pytest.mark.parametrize(
    ("declared", "breach"),
    [
        (
            column("size", "number", low=0),
            "1 of 5 rows has 'size' below 0; the first is row 2 (id 'c'): size = -3.0",
        ),
        (
            column("size", "number", high=6.5),
            "2 of 5 rows have 'size' above 6.5; the first is row 3 (id 'b'): size = 50.0",
        ),
        (
            column("size", "number", nullable=False),
            "1 of 5 rows has a null 'size', which is not nullable; the first is row 1 (id 'b'): size = nan",
        ),
        (
            column("size", "number", max_null_share=0.1),
            "1 of 5 values of 'size' is null (20 %), and at most 10 % are allowed",
        ),
        (
            column("id", "text", unique=True),
            "1 of 5 rows repeats a value of 'id', which is unique; the first is row 3 (id 'b'): id = 'b'",
        ),
        (
            column("colour", "text", levels=["red", "blue"], closed=True),
            "1 of 5 rows has 'colour' outside its closed set (red, blue); "
            "the first is row 2 (id 'c'): colour = 'mauve'",
        ),
        (column("n", "integer", high=4), "1 of 5 rows has 'n' above 4; the first is row 4 (id null): n = 5"),
        (
            column("ok", "boolean", nullable=False),
            "1 of 5 rows has a null 'ok', which is not nullable; the first is row 2 (id 'c'): ok = null",
        ),
        (column("size", "integer"), None),
        (column("n", "number", low=1, high=5), None),
        (column("size", "number", max_null_share=0.2), None),
        (column("colour", "text", levels=["red"]), None),
        (column("seize", "number"), "the column 'seize' is missing; did you mean 'size'?"),
        (
            column("colour", "number"),
            "'colour' holds String, expected values of kind number; "
            "the first that is no number is 'red' in row 0",
        ),
        (column("n", "text"), "'n' holds UInt8, expected values of kind text"),
        (column("n", "boolean"), "'n' holds UInt8, expected values of kind boolean"),
    ],
)  # fmt: skip
def test_a_breach_says_how_many_rows_and_shows_the_first(declared: Column, breach: str | None) -> None:
    assert check(declared) == ([] if breach is None else [breach])


def test_all_breaches_of_columns_and_rules_are_told_at_once() -> None:
    found = check(
        column("size", "number", low=0, high=10),
        column("id", "text", unique=True),
        cheap="size < n * 2 AND n > 0",
    )
    assert len(found) == 4
    assert found[-1] == (
        "1 of 5 rows breaks the rule 'cheap' (size < n * 2 AND n > 0); the first is row 3 (id 'b'): size = 50.0, n = 4"
    )


@pytest.mark.parametrize(
    ("rule", "n"),
    [
        ("size >= 0", 1),
        ("size / 0 > 1", 1),
        ("n - 10 < 0", 0),
        ("n / 2 <> 1.5", 1),
        ("LENGTH(colour) < 5", 1),
        ("ok", 1),
    ],
)
def test_a_rule_sees_floats_whatever_the_columns_are_and_unknown_keeps_it(rule: str, n: int) -> None:
    found = check(r=rule)
    assert [int(each.split()[0]) for each in found] == ([n] if n else [])


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("sise > 0", "did you mean 'size'"),
        ("colour > 1", "cannot be asked"),
        ("size + 1", "not true or false"),
        ("SUM(size) > 1", "all rows together"),
        ("colour", "not true or false"),
    ],
)
def test_a_rule_that_cannot_be_asked_of_these_rows_is_a_breach_that_says_why(rule: str, word: str) -> None:
    (found,) = check(r=rule)
    assert f"the rule 'r' ({rule}) cannot be asked" in found
    assert word in found


def test_the_first_offending_row_is_the_first_of_many_rows_too() -> None:
    rows = pl.DataFrame({"x": [0] * 250_000}).with_row_index("i").with_columns(x=pl.col("i") % 100_001)
    (found,) = check_frame(rows, Schema((column("x", "integer", high=99_998),)))
    assert found.startswith("4 of 250,000 rows have 'x' above 99998; the first is row 99,999: x = 99999")


def test_a_table_is_asked_for_its_rows_and_rows_of_a_request_are_not() -> None:
    schema = Schema(
        (column("id", "text", unique=True), column("size", "number", max_null_share=0.0, low=-9)), min_rows=6
    )
    assert len(check_frame(FRAME, schema)) == 3
    assert "there are 5 rows, and at least 6 are expected" in check_frame(FRAME, schema)
    assert check_frame(FRAME, schema, is_table=False) == []


def test_rows_to_be_answered_are_held_to_limits_and_to_the_rules_of_requests() -> None:
    schema = Schema(
        (
            column("size", "number", low=0, nullable=False),
            column("n", "integer", nullable=False),
            column("colour", "text"),
        ),
        rules=(
            Rule(name="r", text="n < 5"),
            Rule(name="t", text="LENGTH(colour) < 1"),
            Rule(name="y", text="label > 0"),
        ),
    )  # fmt: skip
    found = check_rows(FRAME, schema)
    assert [each.split(";")[0] for each in found] == [
        "1 of 5 rows has 'size' below 0", "1 of 5 rows breaks the rule 'r' (n < 5)",
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "size": st.none() | st.floats(-5, 5),
                "n": st.none() | st.integers(-3, 3),
                "colour": st.none() | st.sampled_from(["red", "blue", "mauve"]),
            }
        ),
        min_size=1,
        max_size=30,
    )
)
def test_the_sound_rows_are_those_that_break_nothing_one_by_one(rows: list[dict[str, object]]) -> None:
    frame = pl.DataFrame(rows, schema={"size": pl.Float64, "n": pl.Int64, "colour": pl.String})
    schema = Schema(
        (column("size", "number", low=-4), column("colour", "text", levels=["red", "blue"], closed=True),
         column("n", "integer", nullable=False), column("elsewhere", "number")),
        rules=(Rule(name="r", text="size < n + 3"), Rule(name="gone", text="elsewhere > 0")),
    )  # fmt: skip
    alone = Schema(schema.columns[:3], rules=schema.rules[:1])
    expected = [row for row in frame.to_dicts() if not check_frame(pl.DataFrame([row], schema=frame.schema), alone)]
    assert select_sound(frame, schema).to_dicts() == expected


def test_an_empty_frame_breaks_only_what_it_lacks() -> None:
    schema = Schema(
        (column("size", "number", low=0, nullable=False, unique=True),), rules=(Rule(name="r", text="size > 1"),)
    )
    assert check_frame(FRAME.clear(), schema) == []
    assert len(check_frame(FRAME.clear().drop("size"), schema)) == 2


def test_rows_out_of_order_are_counted() -> None:
    times = pl.Series("t", [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 3, 2, 4, 1)])
    (found,) = check_order(times, Schema((), is_ordered=True))
    assert found.startswith("2 rows are earlier than the row before; the first is row 2: t = 2024-01-02")
    assert check_order(times, Schema(())) == check_order(times.sort(), Schema((), is_ordered=True)) == []


def test_the_age_of_the_newest_row_is_told() -> None:
    newest, schema = datetime(2024, 1, 1, tzinfo=UTC), Schema((), fresh_within=timedelta(days=2))
    assert check_freshness(newest, schema, newest + timedelta(days=2)) == ""
    assert check_freshness(newest, None, newest + timedelta(days=99)) == ""
    told = check_freshness(newest, schema, newest + timedelta(days=3))
    assert told == "the newest row is of 2024-01-01 00:00 UTC, 3 days ago, and at most 2 days are allowed"


def test_one_error_lists_all_breaches() -> None:
    refuse_breaches([], "rows.csv")
    with pytest.raises(SchemaMismatch) as caught:
        refuse_breaches(["a is wrong", "b is wrong"], "rows.csv")
    assert "rows.csv breaks its schema in 2 ways:\n- a is wrong;\n- b is wrong. Expected" in str(caught.value)


def test_a_declaration_is_checked_when_it_is_made() -> None:
    assert ht.schema(columns=[ht.column("x", "number")], rules={"r": "x > 0"}, fresh_within="2d", min_rows=1) == Schema(
        (column("x", "number"),), rules=(Rule(name="r", text="x > 0"),), fresh_within=timedelta(days=2), min_rows=1
    )


def test_a_rule_that_fails_on_the_values_is_told_and_the_others_are_asked_all_the_same() -> None:
    found = check(column("size", "number", low=0), cast="CAST(colour AS INT) > 0", n="n < 5")
    assert len(found) == 3
    assert "break the rule 'cast' (CAST(colour AS INT) > 0) cannot be asked: " in found[0]
    assert "'size' below 0" in found[1]
    assert "rule 'n'" in found[2]
    rules = (Rule(name="cast", text="CAST(colour AS INT) > 0"), Rule(name="n", text="n < 5"))
    assert select_sound(FRAME, Schema((), rules=rules))["n"].to_list() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([{1}, "a"], dtype=pl.Object),
        pl.Series([{"a": 1}, {"a": 2}]),
        pl.Series([timedelta(1), None]),
        pl.Series([[1], []]),
        pl.Series([b"a", b"b"]),
    ],
)
def test_rules_over_columns_of_any_other_kind_end_in_sentences(values: pl.Series) -> None:
    frame = pl.DataFrame([values.alias("x"), pl.Series("y", [1, -1])])
    rules = (Rule(name="a", text="x > 0"), Rule(name="b", text="x > 'a'"), Rule(name="y", text="y > 0"))
    found = check_frame(frame, Schema((column("x", "number"),), rules=rules))
    assert any("rule 'y'" in breach for breach in found)
    assert any(breach.startswith("'x' holds") for breach in found)
