"""Records: from frozen nouns of the domain to rows and back, and the compare-and-set that changes of state go by."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from holdtrue.errors import NotFound, StateConflict, StatisticsError

T = TypeVar("T")


def encode_record(noun: object) -> dict[str, Any]:
    """Return the column values of a noun: one for each field, nested nouns as what JSON can say.

    Raises:
        StatisticsError: a number is NaN or infinite. JSON would write it as null and the row could never be read back.
    """
    values: dict[str, Any] = msgspec.to_builtins(noun, builtin_types=(datetime,))
    refuse_endless_numbers(values, path=type(noun).__name__)
    return values


def decode_record(row: sa.Row[Any], kind: type[T]) -> T:
    """Return the noun of that kind which a row holds; columns that are no fields are left aside."""
    return msgspec.convert({str(name): value for name, value in row._mapping.items()}, kind)


def refuse_endless_numbers(value: object, *, path: str) -> None:
    """Raise `StatisticsError` when a NaN or an infinity is anywhere in `value`; `path` names the place."""
    if isinstance(value, float) and not math.isfinite(value):
        raise StatisticsError(
            f"{path} is {value}", expected="a finite number", remedy="keep None where there is no number"
        )
    if isinstance(value, Mapping):
        for key, part in value.items():
            refuse_endless_numbers(part, path=f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for place, part in enumerate(value):
            refuse_endless_numbers(part, path=f"{path}[{place}]")


def insert_row(connection: sa.Connection, table: sa.Table, values: Mapping[str, Any]) -> None:
    """Add a row; when it is refused, the transaction goes on as if it had not been tried."""
    with connection.begin_nested():  # PostgreSQL would break the whole transaction off
        connection.execute(sa.insert(table).values(values))


def compare_and_set(
    connection: sa.Connection,
    *,
    table: sa.Table,
    key: Mapping[str, Any],
    expected_revision: int,
    values: Mapping[str, Any],
) -> int:
    """Change the row named by `key` if its revision is still the expected one, and return the new revision.

    Raises:
        NotFound: there is no such row.
        StateConflict: someone else changed it first.
    """
    is_row = sa.and_(*(table.c[name] == value for name, value in key.items()))
    revision = expected_revision + 1
    statement = sa.update(table).where(is_row, table.c.revision == expected_revision)
    if connection.execute(statement.values({**values, "revision": revision})).rowcount == 1:
        return revision
    found = connection.execute(sa.select(table.c.revision).where(is_row)).scalar()
    name = f"{table.name} {', '.join(map(str, key.values()))}"
    if found is None:
        raise NotFound(f"there is no row {name}", expected="one that was written before")
    raise StateConflict(
        f"{name} is at revision {found}",
        expected=f"revision {expected_revision}, as it was read",
        remedy="read it again, decide again, and write with the new revision",
    )
