"""Query: rows of a user's database as a frame, in the types of a file."""

import decimal
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from holdtrue.data.files import FileRead, name_nearest
from holdtrue.domain import Query
from holdtrue.errors import ColumnMissing, SchemaMismatch
from holdtrue.store import hide_password, read_query


def read_query_frame(
    query: Query, *, folder: Path, columns: Collection[str] | None = None, texts: Collection[str] = ()
) -> FileRead:
    """Run a query and return its rows as `read_files` returns those of files.

    Args:
        query: what `holdtrue.sql` declared.
        folder: where a relative path of a database starts.
        columns: the columns to keep; None for all.
        texts: columns that are text whatever they look like.

    Raises:
        SourceError: see `holdtrue.store.read_query`; or a column mixes values of several types.
        ColumnMissing: `columns` names one that the query does not give.
    """
    found = read_query(query.text, query.url, folder=folder)
    place = hide_password(query.url)
    for name in columns or ():
        if name not in found.names:
            raise ColumnMissing(
                f"the column {name!r} is not in the query of {place}", remedy=name_nearest(name, found.names)
            )
    kept = [(i, name) for i, name in enumerate(found.names) if columns is None or name in columns]
    frame = pl.DataFrame(
        [_make_column(name, [row[i] for row in found.rows], is_text=name in texts) for i, name in kept]
    )
    return FileRead(frame=frame, source=f"query of {place}", names=found.names, notes=())


def _make_column(name: str, values: Sequence[Any], *, is_text: bool) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if is_text or kinds == {uuid.UUID}:
        return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
    if decimal.Decimal in kinds or kinds == {int, float}:
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    if len(kinds) > 1:
        said = sorted(kind.__name__ for kind in kinds)
        raise SchemaMismatch(
            f"the column {name!r} of the query mixes {' and '.join(said)}",
            expected="values of one type",
            remedy=f"cast it in the query, such as CAST({name} AS TEXT)",
        )
    return pl.Series(name, list(values))
