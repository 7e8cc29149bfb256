import string
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdtrue.data import infer_schema, parse_schema, read_schema, write_schema
from holdtrue.data.schema_file import HEAD
from holdtrue.domain import Column, Rule, Schema, column
from holdtrue.errors import DeclarationError, SourceMissing

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
SHARES = st.none() | st.floats(0, 1)


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    kind = draw(st.sampled_from(["number", "integer", "boolean", "text"]))
    nullable = draw(st.booleans())
    common = {"unit": draw(TEXTS), "nullable": nullable, "unique": draw(st.booleans())}
    common["max_null_share"] = draw(SHARES) if nullable else None
    if kind == "text":
        levels = draw(st.lists(TEXTS, max_size=9, unique=True))
        return column(name, kind, levels=levels, closed=bool(levels) and draw(st.booleans()), **common)
    if kind == "boolean":
        return column(name, kind, **common)
    low, high = sorted(draw(st.lists(NUMBERS, min_size=2, max_size=2)))
    seen = sorted(
        draw(st.lists(st.integers(-(2**53), 2**53) if kind == "integer" else NUMBERS, min_size=2, max_size=2))
    )
    ends = draw(st.sampled_from([(low, high), (low, None), (None, high), (None, None)]))
    return column(name, kind, low=ends[0], high=ends[1], seen=draw(st.sampled_from([seen, ()])), **common)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    names = draw(st.lists(NAMES, max_size=5, unique=True))
    rules = draw(st.lists(st.text(string.ascii_letters + " .'\"é", min_size=1, max_size=8), max_size=3, unique=True))
    return Schema(
        tuple(draw(columns(name)) for name in names),
        rules=tuple(
            Rule(name=rule, text=draw(st.sampled_from(["a > 0", '"dep delay" IN (1, 2)', "c = 'it''s'"])))
            for rule in rules
        ),
        min_rows=draw(st.none() | st.integers(0, 10**9)),
        fresh_within=draw(st.none() | st.integers(0, 10**8).map(lambda s: timedelta(seconds=s))),
        is_ordered=draw(st.booleans()),
    )


@settings(max_examples=300, deadline=None)
@given(schema=schemas())
def test_a_schema_comes_back_from_its_file_exactly_and_so_does_the_file(schema: Schema) -> None:
    text = write_schema(schema)
    assert parse_schema(text) == schema
    assert write_schema(parse_schema(text)) == text


def test_the_file_explains_every_key_that_it_may_hold() -> None:
    text = write_schema(infer_schema(pl.DataFrame({"a": [1.5], "c": ["x"]}), ["a", "c"]))
    for key in ("kind", "unit", "seen", "low", "high", "levels", "closed", "nullable", "max_null_share", "unique"):
        assert f"  {key} = " in HEAD or f", {key} = " in HEAD
    for key in ("min_rows", "fresh_within", "time_ordered", "[rules]", "[columns.NAME]", "[table]"):
        assert key in HEAD
    assert "seen = [1.5, 1.5]" in text
    assert 'levels = ["x"]' in text


FILE = """\
[table]
min_rows = 10

[columns.distance]
kind = "number"
unit = "mile"
low = 0

[columns."dep delay"]
kind = "text"
levels = ["a",
  "b"]

[rules]
fine = "distance > 0"
"""


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("[table]", "[tabel]", ["line 1,", "tabel", "table, columns, rules"]),
        ("min_rows", "min_row", ["line 2,", "table.min_row", "min_rows, fresh_within, time_ordered"]),
        ("= 10", "= 1.5", ["line 2,", "1.5", "a whole number"]),
        ("= 10", "= -1", ["line 2,", "-1", "zero or more"]),
        ("= 10", '= 10\nfresh_within = "2 moons"', ["line 3,", "2 moons", "7d"]),
        ("unit =", "unti =", ["line 6,", "columns.distance.unti", "kind, unit, seen"]),
        ('"mile"', "5", ["line 6,", "columns.distance.unit", "a text"]),
        ("low = 0", 'low = "0"', ["line 7,", "columns.distance.low", "a number"]),
        ("low = 0", "low = true", ["line 7,", "True", "a number"]),
        ("low = 0", "low = inf", ["line 4,", "finite"]),
        ("low = 0", "seen = [1]", ["line 7,", "[1]", "two numbers"]),
        ("low = 0", "nullable = 0", ["line 7,", "true or false"]),
        ("low = 0", "closed = true", ["line 4,", "texts only"]),
        ('kind = "number"\n', "", ["line 4,", "'kind' is missing", "number, integer, boolean, text"]),
        ('"number"', '"float"', ["line 4,", "'float'", "number, integer, boolean, text"]),
        ('"b"]', "3]", ["line 11,", "dep delay", "a list of texts"]),
        ('"distance > 0"', '"distance >"', ["line 15,", "rules.fine", "cannot be read", "SQL"]),
        ('"distance > 0"', '"distance > 1_000"', ["line 15,", "gives its result a name"]),
        ('"distance > 0"', '"1 < 2"', ["line 15,", "names no column"]),
        ('"distance > 0"', "7", ["line 15,", "SQL expression as text"]),
        ('[columns."dep delay"]', "[columns]\nx = 3\n[columns.y]", ["columns"]),
        ("low = 0", "low = 0\nlow = 1", ["no TOML", "line 8"]),
        ("[rules]", "[rules", ["no TOML", "line 14"]),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_named_with_its_line_and_what_is_allowed(
    tmp_path: Path, before: str, after: str, words: list[str]
) -> None:
    assert before in FILE
    (tmp_path / "schema.toml").write_text(FILE.replace(before, after, 1))
    with pytest.raises(DeclarationError) as caught:
        read_schema(tmp_path / "schema.toml")
    for word in ["schema.toml", *words]:
        assert word in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="--write-schema"):
        read_schema(tmp_path / "schema.toml")
    (tmp_path / "schema.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DeclarationError, match="UTF-8"):
        read_schema(tmp_path / "schema.toml")
