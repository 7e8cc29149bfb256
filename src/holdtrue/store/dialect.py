"""Dialect: what SQLite and PostgreSQL say differently, and how the tables ask for it in one way."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles

COUNTED: Mapping[str, Any] = {"preserve_rowcount": True}  # else an INSERT does not tell how many rows it made
Insert = sqlite.Insert | postgresql.Insert


def make_insert(connection: sa.Connection, table: sa.Table) -> Insert:
    """Return an INSERT that knows ON CONFLICT, in the words of the connection's database."""
    return postgresql.insert(table) if is_postgres(connection) else sqlite.insert(table)


def is_postgres(connection: sa.Connection) -> bool:
    """Say whether the connection is one to PostgreSQL."""
    return connection.dialect.name == "postgresql"


def is_one_of(connection: sa.Connection, column: sa.Column[Any], values: Sequence[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a column's text is one of these, however many: a statement takes only so many values.

    PostgreSQL is given an array, SQLite the values as one JSON text.
    """
    if is_postgres(connection):
        return column == sa.any_(sa.literal(list(values), sa.ARRAY(column.type)))
    each = sa.func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(sa.select(each.c.value))


class UnixNow(sa.ColumnElement[float]):
    """The database's clock, in Unix seconds: the one clock that all who hold leases share."""

    type = sa.Float()
    inherit_cache = True


@compiles(UnixNow, "sqlite")
def _say_sqlite(_element: UnixNow, _compiler: object, **_: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(UnixNow, "postgresql")
def _say_postgres(_element: UnixNow, _compiler: object, **_: object) -> str:
    # Not now(): that is when the transaction began, before it waited for its turn.
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


def as_bytes(connection: sa.Connection, column: sa.Column[Any]) -> sa.ColumnElement[bytes]:
    """Return a text column as the bytes that are kept."""
    if is_postgres(connection):
        return sa.func.convert_to(sa.type_coerce(column, sa.Text), "UTF8", type_=sa.LargeBinary)
    return sa.cast(column, sa.LargeBinary)


class Words(sa.TypeDecorator[str]):
    """A text that others chose. PostgreSQL keeps no NUL in a text: that stands escaped there."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Escape on the way in."""
        if value is None or dialect.name != "postgresql":
            return value
        return value.replace("\x01", "\x01\x01").replace("\x00", "\x01\x02")

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Read on the way out."""
        return value if value is None or dialect.name != "postgresql" else read_words(value)


def read_words(text: str) -> str:
    """Return the text that `Words` keeps so in PostgreSQL."""
    if "\x01" not in text:
        return text
    return "\x01".join(part.replace("\x01\x02", "\x00") for part in text.split("\x01\x01"))
