"""Declaration: the schema that a loop declares, from a file, in Python, or as pandera has it."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from holdtrue.data.rules import check_rules
from holdtrue.data.schema_file import read_schema
from holdtrue.domain import Column, Rule, Schema, SchemaFile, parse_span
from holdtrue.errors import DeclarationError

# A longer list of levels that refuses nothing is not read by anyone.
MOST_LISTED = 50


def schema(
    source: Any = None,
    *,
    columns: Sequence[Column] = (),
    rules: Mapping[str, str] | None = None,
    min_rows: int | None = None,
    fresh_within: str | timedelta | None = None,
    time_ordered: bool = False,
) -> Schema | SchemaFile:
    """Declare what the rows of a loop must keep, in its table and in each request.

    Args:
        source: the path of a schema file, relative to the folder of the declaring file, or a pandera schema for polars
            (`DataFrameSchema` or `DataFrameModel`); None to declare it here. A file says all; beside a pandera schema
            the other arguments may be given.
        columns: what `holdtrue.column` returned. Columns of the table that are not named are taken as they are seen.
        rules: what each row must keep, by name: SQL expressions over columns.
        min_rows: fewer rows in the table are refused.
        fresh_within: the newest row must not be older than this, such as "2d".
        time_ordered: whether rows must come in order of time.

    Raises:
        DeclarationError: a rule cannot be read, a column is named twice, or pandera's schema cannot be taken over.

    >>> import holdtrue as ht
    >>> ht.schema(columns=[ht.column("distance", "number", low=0)], rules={"moves": "distance > 0 OR stops > 0"}).names
    ('distance',)
    """
    own = Schema(
        tuple(columns),
        rules=tuple(Rule(name=name, text=text) for name, text in (rules or {}).items()),
        min_rows=min_rows,
        fresh_within=None if fresh_within is None else parse_span(fresh_within),
        is_ordered=time_ordered,
    )
    if isinstance(source, str | Path):
        if own != Schema(()):
            raise DeclarationError(f"a schema file {source} and other arguments", expected="all of it in the file")
        return SchemaFile(str(source))
    if source is not None:
        own = _join(_take_over(source), own)
    _check(own)
    return own


def find_schema(declared: Schema | SchemaFile | None, *, folder: Path) -> Schema | None:
    """Return the declared schema, read where it stands in a file; see `read_schema` for what may be wrong."""
    return read_schema(folder / declared.path) if isinstance(declared, SchemaFile) else declared


def print_schema_file(declared: Schema | SchemaFile | None, *, folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, time of change and size of the file that a schema stands in, as `print_files` does; none if none."""
    if not isinstance(declared, SchemaFile) or not (folder / declared.path).is_file():
        return ()
    stat = (folder / declared.path).stat()
    return ((declared.path, stat.st_mtime_ns, stat.st_size),)


def draft_schema(seen: Schema, declared: Schema | None) -> Schema:
    """Return the schema that a team would begin with, or go on with: what was declared, and what was seen by now.

    Args:
        seen: the schema of all rows, with what was declared laid over it.
        declared: the declared schema; its columns that are no features are kept as they are.
    """
    columns = [_shorten(column) for column in seen.columns]
    others = () if declared is None else (c for c in declared.columns if c.name not in seen.names)
    return replace(seen, columns=(*columns, *others))


def _shorten(column: Column) -> Column:
    if column.limits.levels is not None:
        return replace(column, levels=column.limits.levels)
    return replace(column, levels=()) if len(column.levels) > MOST_LISTED else column


def _take_over(source: Any) -> Schema:
    # Nobody has a pandera schema without having imported pandera.
    if "pandera" in sys.modules:
        from holdtrue.data.pandera_schema import read_pandera

        return read_pandera(source)
    raise DeclarationError(
        f"schema({source!r})", expected="the path of a schema file, a pandera schema, or columns=[...] and rules={...}"
    )


def _join(taken: Schema, own: Schema) -> Schema:
    return replace(own, columns=(*taken.columns, *own.columns), rules=(*taken.rules, *own.rules))


def _check(declared: Schema) -> None:
    for column in declared.columns:
        if not isinstance(column, Column):
            raise DeclarationError(f"the column {column!r}", expected='what holdtrue.column("name", "kind") returns')
        if declared.names.count(column.name) > 1:
            raise DeclarationError(f"the column {column.name!r} is declared twice", expected="each column once")
    if declared.min_rows is not None and declared.min_rows < 0:
        raise DeclarationError(f"min_rows={declared.min_rows}", expected="zero or more")
    check_rules(declared.rules)
