from typing import Any

import msgspec
import pytest

from holdtrue.domain import Column, Kind, Limits, Loop, Rule, Schema, column, parse_span, table
from holdtrue.errors import DeclarationError


def test_a_declared_column_keeps_what_informs_apart_from_what_refuses() -> None:
    declared = column("distance", "number", unit="mile", low=0, high=5000, seen=[17, 4983], nullable=False)
    assert declared == Column(
        name="distance", kind=Kind.NUMBER, nullable=False, low=17.0, high=4983.0, unit="mile",
        limits=Limits(low=0, high=5000),
    )  # fmt: skip
    assert not declared.is_closed
    assert column("colour", "text", levels=["red"], closed=True).limits.levels == ("red",)


@pytest.mark.parametrize(
    ("kind", "arguments", "word"),
    [
        ("float", {}, "number, integer, boolean, text"),
        ("text", {"low": 0}, "numbers only"),
        ("boolean", {"seen": [0, 1]}, "numbers only"),
        ("number", {"levels": ["a"]}, "texts only"),
        ("number", {"closed": True}, "texts only"),
        ("text", {"closed": True}, "without levels"),
        ("text", {"levels": ["a", "a"]}, "twice"),
        ("number", {"low": 2, "high": 1}, "the lower first"),
        ("number", {"high": float("inf")}, "finite"),
        ("number", {"low": float("nan")}, "finite"),
        ("number", {"seen": [1]}, "the least and the greatest"),
        ("number", {"max_null_share": 1.5}, "0 to 1"),
        ("number", {"max_null_share": 0.1, "nullable": False}, "nullable"),
    ],
)
def test_a_column_that_cannot_be_meant_is_refused_by_name(kind: str, arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(DeclarationError, match=f"'x'.*{word}"):
        column("x", kind, **arguments)


def test_a_schema_comes_back_from_json_with_all_that_was_declared() -> None:
    schema = Schema(
        (column("x", "number", low=0.5, high=2**60), column("c", "text", levels=["a"], closed=True)),
        rules=(Rule(name="r", text="x > 0"),), min_rows=3, fresh_within=parse_span("36h"), is_ordered=True,
    )  # fmt: skip
    again = msgspec.json.decode(msgspec.json.encode(schema), type=Schema)
    assert again == schema
    assert again.digest == schema.digest


def test_a_column_that_was_stored_before_there_were_limits_has_none() -> None:
    stored = (
        b'{"name": "x", "kind": "number", "nullable": false, "levels": [], "is_closed": false, "low": 1, "high": 2}'
    )
    assert msgspec.json.decode(stored, type=Column) == column("x", "number", nullable=False, seen=[1, 2])


def test_a_loop_takes_no_schema_but_one() -> None:
    data = table("rows.csv", time="t", label="y", label_delay="1d")
    with pytest.raises(DeclarationError, match=r"holdtrue\.schema"):
        Loop("x", data=data, train=len, schema={"x": "number"})  # type: ignore[arg-type]
