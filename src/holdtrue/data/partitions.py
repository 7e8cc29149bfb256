"""Partitions: columns that stand in the names of folders, such as `day=2024-01-01/part.parquet`."""

import re
from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from holdtrue.errors import SourceError, SourceMissing

_SEGMENT = re.compile(r"^([A-Za-z_]\w*)=(.*)$")
_MISSING = "__HIVE_DEFAULT_PARTITION__"


def list_folder(place: Path, endings: tuple[str, ...]) -> list[Path]:
    """Return the files under a folder, sorted; names that begin with a dot or an underscore are not rows.

    Raises:
        SourceError: the folder is a table of a format whose files alone do not say what is in it.
        SourceMissing: no file of a known ending is there.
    """
    if any((place / "metadata").glob("*.metadata.json")):
        raise SourceError(
            f"the folder {place} is a table of Iceberg: its files alone do not say which rows count",
            expected="plain Parquet or CSV files, or a table of Delta Lake",
            remedy="name the table in its catalog: iceberg://CATALOG/NAMESPACE.TABLE",
        )
    parts = [each for each in place.rglob("*") if each.is_file() and not _is_hidden(each.relative_to(place))]
    if not any(each.name.lower().endswith(endings) for each in parts):
        raise SourceMissing(f"the folder {place} holds no {', '.join(endings)}", expected="at least one such file")
    return sorted(parts)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def read_partitions(paths: Sequence[Path], *, folder: Path, texts: Collection[str] = ()) -> list[dict[str, pl.Series]]:
    """Return for each file the columns in the names of its folders, each of one value.

    A column is of whole numbers or dates where every value is written as one, else of texts.

    Args:
        paths: the files.
        folder: what is above it says nothing of the rows.
        texts: columns that are text whatever they look like.
    """
    told = [_split_names(path, folder) for path in paths]
    names = dict.fromkeys(name for each in told for name in each)
    kinds = {
        name: pl.String() if name in texts else _choose_type([each[name] for each in told if name in each])
        for name in names
    }
    return [{name: _make_value(name, value, kinds[name]) for name, value in each.items()} for each in told]


def _split_names(path: Path, folder: Path) -> dict[str, str | None]:
    below = path.relative_to(folder) if path.is_relative_to(folder) else path
    found: dict[str, str | None] = {}
    for part in below.parent.parts:
        match = _SEGMENT.match(part)
        if match is not None:
            found[match[1]] = None if match[2] == _MISSING else unquote(match[2])
    return found


def _choose_type(values: Sequence[str | None]) -> pl.DataType:
    known = [value for value in values if value is not None]
    # 01 is no whole number: it would not be written so.
    if known and all(re.fullmatch(r"0|-?[1-9]\d{0,17}", value) for value in known):
        return pl.Int64()
    return pl.Date() if known and all(_is_date(value) for value in known) else pl.String()


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _make_value(name: str, value: str | None, dtype: pl.DataType) -> pl.Series:
    if value is None or dtype == pl.String:
        return pl.Series(name, [value], dtype=dtype)
    return pl.Series(name, [int(value) if dtype == pl.Int64 else date.fromisoformat(value)], dtype=dtype)
