"""Schema file: a schema as TOML that a team reads, reviews and diffs."""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from holdtrue.data.rules import check_rules
from holdtrue.domain import Column, Kind, Rule, Schema, column, parse_span
from holdtrue.errors import DeclarationError, SourceMissing

DEFAULT_NAME = "schema.toml"
HEAD = """\
What the rows of this loop must keep, in its table and in each request. Review it like code.
`holdtrue check loop.py --write-schema` wrote it from the rows, and later shows what has changed since.
`schema=ht.schema("schema.toml")` in the loop makes it count: from a table that breaks it nothing is trained, and a
request that breaks it is refused. Every key but `kind` may be left out.

[table]
  min_rows = 1000          fewer rows are refused
  fresh_within = "2d"      the newest row must not be older (s, m, h, d, w)
  time_ordered = true      rows must come in order of time

[columns.NAME]
  kind = "number"          number, integer, boolean or text
  unit = "km"              free text; empty when unknown
  seen = [0.5, 120.0]      least and greatest number that were seen: for information, refuses nothing
  low = 0, high = 500      numbers below or above are refused
  levels = ["a", "b"]      texts that were seen (a long list is left out)
  closed = true            texts that are not among levels are refused; else they are taken as missing
  nullable = false         missing values are refused
  max_null_share = 0.1     more missing values in the table than this share (0 to 1) are refused
  unique = true            a value may occur once only in the table

[rules]                    what each row must keep, as SQL over columns; numbers are floats; unknown (a null) passes
  NAME = "arrives >= departs AND distance > 0"
"""
_PARTS = {"table": Mapping, "columns": Mapping, "rules": Mapping}
_OF_TABLE: dict[str, type | tuple[type, ...]] = {"min_rows": int, "fresh_within": str, "time_ordered": bool}
_OF_COLUMN: dict[str, type | tuple[type, ...]] = {
    "kind": str,
    "unit": str,
    "seen": list,
    "low": (int, float),
    "high": (int, float),
    "levels": list,
    "closed": bool,
    "nullable": bool,
    "max_null_share": (int, float),
    "unique": bool,
}
_WORDS = {str: "a text", bool: "true or false", int: "a whole number", list: "a list", Mapping: "a table of keys"}
_SIZES = (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
_SHORT_LIST = 6


def write_schema(schema: Schema) -> str:
    """Return a schema as TOML; the same schema gives the same text, and `read_schema` gives it back."""
    document = tomlkit.document()
    for line in HEAD.splitlines():
        document.add(tomlkit.comment(line) if line else tomlkit.nl())
    document.add(tomlkit.nl())
    table = tomlkit.table()
    if schema.min_rows is not None:
        table.add("min_rows", schema.min_rows)
    if schema.fresh_within is not None:
        table.add("fresh_within", _write_span(schema.fresh_within))
    table.add("time_ordered", schema.is_ordered)
    columns = tomlkit.table(is_super_table=True)
    for each in schema.columns:
        columns.add(each.name, _write_column(each))
    rules = tomlkit.table()
    for rule in schema.rules:
        rules.add(rule.name, rule.text)
    document.add("table", table)
    if schema.columns:
        document.add("columns", columns)
    document.add("rules", rules)
    return tomlkit.dumps(document)


def read_schema(path: Path) -> Schema:
    """Read a schema file.

    Raises:
        SourceMissing: there is no such file.
        DeclarationError: it is no TOML, or says what cannot be meant; the message names the key and its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SourceMissing(
            f"the schema file {path} is not there", remedy="holdtrue check loop.py --write-schema writes it"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"the schema file {path} cannot be read: {error}", expected="TOML in UTF-8") from error
    return parse_schema(text, name=path.name)


def parse_schema(text: str, *, name: str = DEFAULT_NAME) -> Schema:
    """Return the schema that a TOML text says; `name` stands for it in messages."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"{name} is no TOML: {error}", expected="a schema file") from error
    return _Reader(text, name).read(content)


class _Reader:
    """Reads the content of one file; it keeps the text to find the line of what is wrong."""

    def __init__(self, text: str, name: str) -> None:
        self.lines = text.splitlines()
        self.name = name

    def read(self, content: dict[str, Any]) -> Schema:
        self.check(content, _PARTS, ())
        table = content.get("table", {})
        self.check(table, _OF_TABLE, ("table",))
        columns = tuple(self.read_column(name, said) for name, said in content.get("columns", {}).items())
        rules = tuple(self.read_rule(name, text) for name, text in content.get("rules", {}).items())
        if table.get("min_rows", 0) < 0:
            raise self.refuse(("table", "min_rows"), f"it is {table['min_rows']}", "zero or more")
        try:
            fresh_within = None if "fresh_within" not in table else parse_span(table["fresh_within"])
        except DeclarationError as error:
            raise self.refuse(("table", "fresh_within"), error.found, error.expected) from error
        return Schema(
            columns,
            rules=rules,
            min_rows=table.get("min_rows"),
            fresh_within=fresh_within,
            is_ordered=table.get("time_ordered", False),
        )

    def read_column(self, name: str, said: Any) -> Column:
        path = ("columns", name)
        if not isinstance(said, dict):
            raise self.refuse(path, f"it is {said!r}", "a table of keys")
        self.check(said, _OF_COLUMN, path)
        if "kind" not in said:
            raise self.refuse(path, "the key 'kind' is missing", f"one of {', '.join(Kind)}")
        for key, kind, words in (("levels", str, "a list of texts"), ("seen", (int, float), "a list of two numbers")):
            if not all(isinstance(each, kind) and not isinstance(each, bool) for each in said.get(key, [])):
                raise self.refuse((*path, key), f"it is {said[key]!r}", words)
        if len(said.get("seen", [0, 0])) != 2:
            raise self.refuse((*path, "seen"), f"it is {said['seen']!r}", "a list of two numbers")
        try:
            return column(name, **said)
        except DeclarationError as error:
            raise self.refuse(path, error.found, error.expected) from error

    def read_rule(self, name: str, text: Any) -> Rule:
        if not isinstance(text, str):
            raise self.refuse(("rules", name), f"it is {text!r}", "an SQL expression as text")
        rule = Rule(name=name, text=text)
        try:
            check_rules((rule,))
        except DeclarationError as error:
            raise self.refuse(("rules", name), error.found, error.expected) from error
        return rule

    def check(self, content: dict[str, Any], allowed: Mapping[str, Any], path: tuple[str, ...]) -> None:
        for key, value in content.items():
            if key not in allowed:
                raise self.refuse((*path, key), "the key is not known", f"one of {', '.join(allowed)}")
            kinds = allowed[key] if isinstance(allowed[key], tuple) else (allowed[key],)
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                words = "a number" if float in kinds else _WORDS[kinds[0]]
                raise self.refuse((*path, key), f"it is {value!r}", words)

    def refuse(self, path: tuple[str, ...], found: str, expected: str) -> DeclarationError:
        line = find_line(self.lines, path)
        place = f"{self.name}, line {line}" if line else self.name
        return DeclarationError(f"{place}, {'.'.join(path)}: {found}", expected=expected, remedy="change the file")


def find_line(lines: list[str], path: tuple[str, ...]) -> int | None:
    """Return the line (from 1) at which a key or a table of a TOML text stands, or None when none is found."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(lines, start=1):
        if re.match(r"\s*\[[^\[]", line):
            table = _read_key(line)
            if table == path:
                return number
        elif "=" in line and (*table, *_read_key(line.split("=", 1)[0] + "= 0")) == path:
            return number
    return None


def _read_key(line: str) -> tuple[str, ...]:
    try:
        place: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    path = []
    while isinstance(place, dict) and place:
        name, place = next(iter(place.items()))
        path.append(name)
    return tuple(path)


def _write_column(said: Column) -> Table:
    limits, table = said.limits, tomlkit.table()
    table.add("kind", said.kind.value)
    table.add("unit", said.unit)
    if said.low is not None and said.high is not None:
        ends = (said.low, said.high)
        table.add("seen", [int(end) for end in ends] if said.kind is Kind.INTEGER else list(ends))
    for key, value in (("low", limits.low), ("high", limits.high)):
        if value is not None:
            table.add(key, value)
    if said.levels:
        levels = tomlkit.item(list(said.levels))
        table.add("levels", levels.multiline(len(said.levels) > _SHORT_LIST))
    if said.kind is Kind.TEXT:
        table.add("closed", said.is_closed)
    table.add("nullable", said.nullable)
    if limits.max_null_share is not None:
        table.add("max_null_share", limits.max_null_share)
    table.add("unique", limits.is_unique)
    return table


def _write_span(span: timedelta) -> str:
    seconds = span.total_seconds()
    unit, size = next(((unit, size) for unit, size in _SIZES if seconds % size == 0 and seconds), ("s", 1))
    return f"{seconds / size:f}".rstrip("0").rstrip(".") + unit
