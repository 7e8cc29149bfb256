"""Schema: how `check` shows a schema, and writes it as a file that a team reviews."""

from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path

from holdtrue.data import find_table_rules, write_schema
from holdtrue.domain import Column, Kind, Schema
from holdtrue.errors import DeclarationError
from holdtrue.report import write_text

from .console import print_json, print_table, say

DEFAULT_NAME = "schema.toml"
# A column whose numbers all lie in here looks like Unix seconds: 2001 to 2033.
_SECONDS = (1e9, 2e9)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A schema file as written: where, whether it is new or as it was, and how it differs from what was there."""

    path: Path
    is_new: bool
    diff: str


def save_draft(schema: Schema, path: Path, *, is_forced: bool) -> Draft:
    """Write a schema as a file; a file that is there and differs is left alone unless `is_forced`.

    Raises:
        DeclarationError: another text stands there (the message shows the difference), or the path is no file.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise DeclarationError(f"{path} is a folder, or in none that is there", expected="the path of a file")
    text = write_schema(schema)
    before = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    diff = "" if before is None else _tell_difference(before, text, path.name)
    if diff and not is_forced:
        raise DeclarationError(
            f"{path} is there and says otherwise than the rows:\n{diff}",
            expected="no file, or the same text",
            remedy="change the file by hand, or say --force to overwrite it",
        )
    if before != text:
        write_text(path, text)
    return Draft(path=path, is_new=before is None, diff=diff)


def report_draft(draft: Draft, *, json: bool) -> None:
    """Say what became of a schema file."""
    if json:
        print_json({"path": str(draft.path), "is_new": draft.is_new, "diff": draft.diff})
    elif draft.is_new:
        say(f'Wrote {draft.path}. Review it; schema=ht.schema("{draft.path.name}") in the loop makes it count.')
    else:
        say(f"Overwrote {draft.path}:\n{draft.diff}" if draft.diff else f"{draft.path} is as it was.")


def print_schema(schema: Schema, *, is_declared: bool) -> None:
    """Print the columns of a schema, and its rules."""
    rows = [
        (c.name, c.kind.value, "yes" if c.nullable else "no", _tell_seen(c), _tell_limits(c)) for c in schema.columns
    ]
    if is_declared:
        print_table("Schema (declared, and kept)", ["column", "kind", "null", "values", "limits"], rows)
    else:
        print_table("Schema", ["column", "kind", "null", "values"], [row[:4] for row in rows])
    for rule in describe_rules(schema):
        say(f"Rule {rule['name']}: {rule['text']}" + ("" if rule["on_requests"] else " (on tables only)"))


def describe_rules(schema: Schema) -> list[dict[str, object]]:
    """Return the rules, each with whether requests are held to it too."""
    on_tables = find_table_rules(schema)
    return [{"name": each.name, "text": each.text, "on_requests": each not in on_tables} for each in schema.rules]


def tell_oddities(schema: Schema) -> list[str]:
    """Return a sentence for each column that may not be what it seems: one value only, or moments as numbers."""
    told = []
    for column in schema.columns:
        if len(column.levels) == 1 or (column.low is not None and column.low == column.high):
            told.append(f"{column.name!r} has one value only")
        elif column.low is not None and column.high is not None and _is_in_seconds(column.low, column.high):
            first, last = (datetime.fromtimestamp(end, tz=UTC) for end in (column.low, column.high))
            seconds = f"{first:%Y-%m-%d} to {last:%Y-%m-%d} as Unix seconds"
            told.append(f"{column.name!r} looks like a time ({seconds}): as a feature it will leave its range")
    return told


def _is_in_seconds(low: float, high: float) -> bool:
    return _SECONDS[0] <= low and high <= _SECONDS[1]


def _tell_seen(column: Column) -> str:
    if column.kind is Kind.TEXT:
        return f"{len(column.levels):,} {'level' if len(column.levels) == 1 else 'levels'}"
    if column.low is None or column.high is None:
        return ""
    return f"{_tell_number(column.low)} .. {_tell_number(column.high)}" + (f" {column.unit}" if column.unit else "")


def _tell_limits(column: Column) -> str:
    limits = column.limits
    told = [f"from {_tell_number(limits.low)}"] if limits.low is not None else []
    told += [f"to {_tell_number(limits.high)}"] if limits.high is not None else []
    told += [f"{len(limits.levels):,} levels, closed"] if limits.levels is not None else []
    told += [f"null share up to {limits.max_null_share:g}"] if limits.max_null_share is not None else []
    return ", ".join([*told, *(["unique"] if limits.is_unique else [])])


def _tell_number(number: float) -> str:
    """Say a number with no more digits than it has: whole ones whole, so that a time does not become 1.7e+09."""
    return f"{number:.0f}" if float(number).is_integer() and abs(number) < 1e15 else f"{number:.6g}"


def _tell_difference(before: str, after: str, name: str) -> str:
    lines = unified_diff(
        before.splitlines(), after.splitlines(), f"{name} (as it is)", f"{name} (from the rows)", lineterm=""
    )
    return "\n".join(lines)
