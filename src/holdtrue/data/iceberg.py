"""Iceberg: a table in a catalog, read at one snapshot; only the catalog knows which one is current."""

from collections.abc import Collection
from typing import Any

import polars as pl

from holdtrue.errors import ColumnMissing, DeclarationError, HoldtrueError, SourceError, SourceMissing
from holdtrue.store import hide_secrets

SCHEME = "iceberg://"
_FORM = f"{SCHEME}CATALOG/NAMESPACE.TABLE, such as {SCHEME}lake/sales.trips"


def is_iceberg_url(path: str) -> bool:
    """Say whether a path names a table of Iceberg in a catalog.

    >>> is_iceberg_url("iceberg://lake/sales.trips"), is_iceberg_url("trips.parquet")
    (True, False)
    """
    return path.startswith(SCHEME)


def read_iceberg(
    url: str, *, columns: Collection[str] | None = None, ignore: Collection[str] = (), snapshot: int | None = None
) -> tuple[pl.DataFrame, tuple[str, ...], int]:
    """Return the rows of a snapshot, the names of all its columns, and its number.

    Args:
        url: `iceberg://CATALOG/NAMESPACE.TABLE`; the catalog is one that pyiceberg is configured for.
        columns: the columns to read; None for all.
        ignore: columns that need not be read.
        snapshot: the number of the snapshot; None for the current one.

    Raises:
        DeclarationError: `pyiceberg` is not installed, or the URL cannot be meant.
        SourceMissing: the table is not there, has no rows yet, or its snapshot is no longer kept.
        SourceError: the table cannot be read.
        ColumnMissing: `columns` names one that is not there.
    """
    try:
        table = _open_table(url)
        number = _find_current(table, url) if snapshot is None else snapshot
        if table.snapshot_by_id(number) is None:
            raise _tell_expired(url, number, "the table does not name it")
        scan = table.scan(snapshot_id=number)
        names = tuple(field.name for field in scan.projection().fields)
        missing = next((name for name in columns or () if name not in names), None)
        if missing is not None:
            raise ColumnMissing(f"the column {missing!r} is not in {url}", expected=f"one of {list(names)}")
        wanted = [name for name in names if name not in ignore] if columns is None else list(columns)
        return pl.DataFrame(scan.select(*wanted).to_arrow()).select(wanted), names, number
    except HoldtrueError:
        raise
    except Exception as error:  # each catalog and file system raises errors of its own
        raise _tell_failure(url, error, snapshot) from error


def find_snapshot(url: str) -> int:
    """Return the number of the current snapshot; raises as `read_iceberg` does."""
    try:
        return _find_current(_open_table(url), url)
    except HoldtrueError:
        raise
    except Exception as error:
        raise _tell_failure(url, error, None) from error


def _open_table(url: str) -> Any:
    catalog, _, name = url.removeprefix(SCHEME).partition("/")
    if not catalog or "." not in name:
        raise DeclarationError(f"{url} names no table of Iceberg", expected=_FORM)
    try:
        from pyiceberg.catalog import load_catalog
    except ImportError as error:
        raise DeclarationError(
            f"{url} is a table of Iceberg, and pyiceberg is not installed", remedy="pip install 'holdtrue[iceberg]'"
        ) from error
    opened = load_catalog(catalog)
    try:
        return opened.load_table(name)
    finally:
        opened.close()


def _find_current(table: Any, url: str) -> int:
    found = table.current_snapshot()
    if found is None:
        raise SourceMissing(f"{url} has no snapshot yet", expected="a table that rows were written to")
    return int(found.snapshot_id)


def _tell_expired(url: str, snapshot: int, reason: str) -> SourceMissing:
    return SourceMissing(
        f"the snapshot {snapshot} of {url} is not there, or has expired: {reason}",
        expected="the files of that snapshot",
        remedy="bring them back from a backup; history.expire.max-snapshot-age-ms says how long snapshots are kept",
    )


def _tell_failure(url: str, error: Exception, snapshot: int | None) -> SourceError:
    lines = str(error).strip().splitlines()
    reason = hide_secrets(lines[0], "") if lines else type(error).__name__
    if snapshot is not None:
        return _tell_expired(url, snapshot, reason)
    return SourceMissing(f"{url} cannot be read: {reason}", expected=f"a catalog that answers; {_FORM}")
