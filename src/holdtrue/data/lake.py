"""Lake: a folder of Delta Lake, read at one version; its files alone do not say which rows count."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import polars as pl

from holdtrue.errors import ColumnMissing, DeclarationError, SourceError, SourceMissing

LEDGER = "_delta_log"


def is_lake(place: Path) -> bool:
    """Say whether a folder is a table of Delta Lake."""
    return (place / LEDGER).is_dir()


def read_lake(
    place: Path, *, columns: Collection[str] | None = None, ignore: Collection[str] = (), version: int | None = None
) -> tuple[pl.DataFrame, tuple[str, ...], int]:
    """Return the rows of a version, the names of all its columns, and its number.

    Args:
        place: the folder.
        columns: the columns to read; None for all.
        ignore: columns that need not be read.
        version: the number of the version; None for the newest.

    Raises:
        DeclarationError: `deltalake` is not installed.
        SourceMissing: the version is no longer kept.
        SourceError: the table cannot be read, or vanished while it was.
        ColumnMissing: `columns` names one that is not there.
    """
    table = _open_lake(place, version)
    try:
        names = tuple(field.name for field in table.schema().fields)
        missing = next((name for name in columns or () if name not in names), None)
        if missing is not None:
            raise ColumnMissing(f"the column {missing!r} is not in {place}", expected=f"one of {list(names)}")
        wanted = [name for name in names if name not in ignore] if columns is None else list(columns)
        return pl.read_delta(table, columns=wanted), names, int(table.version())
    except (pl.exceptions.PolarsError, OSError, _find_error()) as error:
        raise _tell_failure(place, error, version) from error


def find_version(place: Path) -> int:
    """Return the number of the newest version; raises as `read_lake` does."""
    return int(_open_lake(place, None).version())


def _open_lake(place: Path, version: int | None) -> Any:
    try:
        from deltalake import DeltaTable
    except ImportError as error:
        raise DeclarationError(
            f"the folder {place} is a table of Delta Lake, and deltalake is not installed",
            remedy="pip install 'holdtrue[delta]'",
        ) from error
    try:
        return DeltaTable(str(place), version=version)
    except (OSError, ValueError, _find_error()) as error:
        raise _tell_failure(place, error, version) from error


def _find_error() -> type[Exception]:
    from deltalake.exceptions import DeltaError

    return DeltaError


def _tell_failure(place: Path, error: Exception, version: int | None) -> SourceError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if version is not None:
        return SourceMissing(
            f"version {version} of the Delta table {place} is not there, or was vacuumed: {reason}",
            expected="the files of that version",
            remedy="bring them back from a backup; delta.deletedFileRetentionDuration says how long versions are kept",
        )
    return SourceError(f"the Delta table {place} cannot be read: {reason}", expected="a whole table of Delta Lake")
