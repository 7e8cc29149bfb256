from pathlib import Path
from typing import Any

import pytest

import holdtrue as ht
from holdtrue.data import draft_schema, find_schema, find_table_rules, write_schema
from holdtrue.domain import Column, Kind, Rule, Schema, SchemaFile, column
from holdtrue.errors import DeclarationError


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"rules": {"r": "x >"}}, "cannot be read"),
        ({"rules": {"r": "1 < 2"}}, "names no column"),
        ({"rules": {"r": "user = 1"}}, "double quotes"),
        ({"columns": [column("x", "number"), column("x", "text")]}, "declared twice"),
        ({"columns": [{"name": "x"}]}, "holdtrue.column"),
        ({"columns": ["x"]}, "holdtrue.column"),
        ({"min_rows": -1}, "zero or more"),
        ({"fresh_within": "soon"}, "7d"),
        ({"source": 7}, "pandera"),
        ({"source": "schema.toml", "min_rows": 3}, "all of it in the file"),
    ],
)
def test_a_schema_that_cannot_be_meant_is_refused(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(DeclarationError, match=word):
        ht.schema(**arguments)


def test_a_schema_file_is_read_beside_the_loop(tmp_path: Path) -> None:
    schema = Schema((column("x", "number", low=0),))
    (tmp_path / "schema.toml").write_text(write_schema(schema))
    declared = ht.schema("schema.toml")
    assert declared == SchemaFile("schema.toml")
    assert find_schema(declared, folder=tmp_path) == schema
    assert find_schema(schema, folder=tmp_path) is schema
    assert find_schema(None, folder=tmp_path) is None


def test_a_draft_keeps_what_was_declared_and_leaves_long_lists_out() -> None:
    many = tuple(str(i) for i in range(51))
    seen = Schema(
        (Column(name="c", kind=Kind.TEXT, levels=many), Column(name="d", kind=Kind.TEXT, levels=many[:50])),
        rules=(Rule(name="r", text="y > 0"),),
    )
    declared = Schema((column("y", "number", low=0),), rules=seen.rules)
    draft = draft_schema(seen, declared)
    assert draft.columns == (column("c", "text"), seen.columns[1], declared.columns[0])
    assert draft.rules == seen.rules


def test_rules_beyond_a_predicate_or_over_other_columns_are_of_tables_alone() -> None:
    rules = {"a": "x > 0 AND c IN ('q')", "b": "ABS(x) > 0", "c": "x > label", "d": "c LIKE 'q%'"}
    schema = ht.schema(columns=[column("x", "number"), column("c", "text")], rules=rules)
    assert isinstance(schema, Schema)
    assert [rule.name for rule in find_table_rules(schema)] == ["b", "c", "d"]
