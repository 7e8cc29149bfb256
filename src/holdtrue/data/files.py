"""Files: one Parquet or CSV file, or a glob of them with the same columns, read into one frame."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from holdtrue.data.lake import find_version, is_lake, read_lake
from holdtrue.data.origin import SourceVersion
from holdtrue.data.partitions import list_folder, read_partitions
from holdtrue.errors import ColumnMissing, SchemaMismatch, SourceError, SourceMissing

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz")
# A file that is cut while polars decodes it makes it panic, and a panic is no Exception.
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
CSV_NULLS = ["", "NA", "NaN", "nan", "NULL", "null"]  # what R, pandas and databases write for a missing value


@dataclass(frozen=True, kw_only=True)
class FileRead:
    """What files gave: a frame, its source, the names of all columns there, and sentences on what was done to it.

    `version` is that of a source whose versions never change; None of any other.
    """

    frame: pl.DataFrame
    source: str
    names: tuple[str, ...]
    notes: tuple[str, ...]
    version: SourceVersion | None = None


@dataclass(frozen=True)
class _Part:
    path: Path
    schema: dict[str, pl.DataType]
    frame: pl.DataFrame | None  # a CSV file has to be read to know its types, so its rows are kept
    written: tuple[int, int, int]  # which file it was, when it was written and its size, before it was opened
    partitions: dict[str, pl.Series] = field(default_factory=dict)  # columns in the names of its folders


def read_files(
    path: str,
    *,
    folder: Path,
    columns: Collection[str] | None = None,
    ignore: Collection[str] = (),
    texts: Collection[str] = (),
    version: int | None = None,
) -> FileRead:
    """Read one file, all files of a folder, or a glob of them (in order of their names) into one frame.

    A folder of Delta Lake is read at its newest version. Folders with names such as `day=2024-01-01` give their files a
    column; a file's own column of that name wins.

    Args:
        path: file, folder or glob, absolute or relative to `folder`; Parquet (.parquet, .pq) or CSV (.csv, .csv.gz).
        folder: where a relative path starts.
        columns: the columns to read; None for all.
        ignore: columns that need not be read nor agree between files.
        texts: columns of CSV files that are text whatever they look like, so that a key 007 keeps its zeros.
        version: of a folder of Delta Lake; None for its newest.

    Raises:
        SourceMissing: there is no such file, or the glob matches none.
        SourceError: a file is of another format, or cannot be read.
        ColumnMissing: `columns` names one that is not there, or the files do not have the same columns.
        SchemaMismatch: a column is of another type in another file.
    """
    if is_lake(folder / path):
        frame, names, number = read_lake(folder / path, columns=columns, ignore=ignore, version=version)
        return name_version(frame, names, path, SourceVersion(place=str((folder / path).resolve()), number=number))
    paths = find_files(path, folder=folder)
    told = read_partitions(paths, folder=folder, texts=texts)
    parts = [_add_partitions(_open_part(each, texts), found) for each, found in zip(paths, told, strict=True)]
    wanted = [name for name in parts[0].schema if name not in ignore] if columns is None else list(columns)
    for part in parts:
        _check_part(part, wanted, parts[0], is_declared=columns is not None)
    types, notes = _agree_on_types(parts, wanted)
    frames = [_read_part(part, wanted, types) for part in parts]
    frame = frames[0] if len(frames) == 1 else pl.concat(frames)
    names = tuple(dict.fromkeys(name for part in parts for name in part.schema))
    if columns is None:
        extra = [name for name in names if name not in parts[0].schema and name not in ignore]
        notes += tuple(f"{name!r} is not in {paths[0].name}, the first file: it was left out" for name in extra)
    return FileRead(frame=frame, source=str(path), names=names, notes=notes)


def name_version(frame: pl.DataFrame, names: tuple[str, ...], path: str, version: SourceVersion) -> FileRead:
    """Return the rows of one version of a table as files give theirs."""
    source = f"{path} at version {version.number}"
    return FileRead(frame=frame, source=source, names=names, notes=(), version=version)


def read_types(path: Path) -> dict[str, pl.DataType]:
    """Return the columns of one file with their types; of a Parquet file no row is read."""
    return _open_part(path, ()).schema


def count_values(path: Path, column: str) -> pl.DataFrame:
    """Return the distinct values of a column of one Parquet file as `value`, and the rows of each as `n`.

    The file streams by, so that memory is that of the distinct values.
    """
    try:
        rows = pl.scan_parquet(path, glob=False).select(value=column)
        return rows.group_by("value").agg(n=pl.len()).collect(engine="streaming")
    except UNREADABLE as error:
        raise _unreadable(path, error) from error


def find_files(path: str, *, folder: Path) -> list[Path]:
    """Return the files that a path or glob names, sorted; see `read_files` for what may be wrong."""
    place = folder / path  # an absolute path stands for itself
    if place.is_file():
        found = [place]
    elif place.is_dir():
        found = list_folder(place, PARQUET + CSV)
    elif any(sign in path for sign in "*?["):
        pattern = Path(path)
        start = Path(pattern.anchor) if pattern.is_absolute() else folder
        found = sorted(each for each in start.glob(path.removeprefix(pattern.anchor)) if each.is_file())
        if not found:
            raise SourceMissing(
                f"no file matches {path!r} in {folder}",
                expected="at least one Parquet or CSV file",
                remedy="check the pattern; it is relative to the folder of loop.py",
            )
    else:
        raise _missing_file(place, folder)
    for each in found:
        if not each.name.lower().endswith(PARQUET + CSV):
            raise SourceError(f"{each.name} has an ending that is not known", expected=f"{', '.join(PARQUET + CSV)}")
    return found


def print_files(path: str, *, folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, time of change and size of each file that a path or glob names: equal while nobody wrote to them."""
    if is_lake(folder / path):
        return ((path, find_version(folder / path), 0),)
    found = [(each, each.stat()) for each in find_files(path, folder=folder)]
    return tuple((str(each), stat.st_mtime_ns, stat.st_size) for each, stat in found)


def name_nearest(name: str, names: Collection[str]) -> str:
    """Say which of `names` is nearest to `name`, and else what there is."""
    folded = {each.casefold(): each for each in names}
    close = get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    if close:
        return f"did you mean {folded[close[0]]!r}?"
    shown = ", ".join(list(names)[:12])
    return f"use one of: {shown}{', ...' if len(names) > 12 else ''}"


def _missing_file(place: Path, folder: Path) -> SourceMissing:
    there = sorted(each.name for each in place.parent.glob("*") if each.name.endswith(PARQUET + CSV))
    remedy = name_nearest(place.name, there) if there else f"put it there; a path is relative to {folder}"
    return SourceMissing(f"the file {place} is not there", expected="a Parquet or CSV file", remedy=remedy)


def _open_part(path: Path, texts: Collection[str]) -> _Part:
    try:
        written = _print_written(path)
        if path.name.lower().endswith(PARQUET):
            return _Part(path, dict(pl.read_parquet_schema(path)), None, written)
        frame = pl.read_csv(
            path.read_bytes(),  # of a path polars would map the file, and who cuts a mapped file ends this process
            try_parse_dates=True,
            infer_schema_length=None,
            null_values=CSV_NULLS,
            schema_overrides=dict.fromkeys(texts, pl.String),
        )
    except pl.exceptions.NoDataError as error:
        raise SourceError(f"the file {path} is empty", expected="a header and at least one row") from error
    except UNREADABLE as error:
        raise _unreadable(path, error) from error
    empty = [
        name for name, dtype in frame.schema.items() if dtype == pl.String and frame[name].null_count() == len(frame)
    ]
    frame = frame.with_columns(pl.lit(None).alias(name) for name in empty)  # no value, so no type: not text
    return _Part(path, dict(frame.schema), frame, written)


def _print_written(path: Path) -> tuple[int, int, int]:
    told = path.stat()
    return told.st_ino, told.st_mtime_ns, told.st_size


def _add_partitions(part: _Part, told: dict[str, pl.Series]) -> _Part:
    more = {name: value for name, value in told.items() if name not in part.schema}
    return replace(part, schema={**part.schema, **{name: value.dtype for name, value in more.items()}}, partitions=more)


def _unreadable(path: Path, error: BaseException) -> SourceError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return SourceError(f"the file {path} cannot be read: {reason}", expected="a whole Parquet or CSV file")


def _check_part(part: _Part, wanted: Sequence[str], first: _Part, *, is_declared: bool) -> None:
    for name in wanted:
        if name not in part.schema:
            where = (
                part.path.name if is_declared or part is first else f"{part.path.name}, though {first.path.name} has it"
            )
            raise ColumnMissing(f"the column {name!r} is not in {where}", remedy=name_nearest(name, list(part.schema)))


def _agree_on_types(parts: Sequence[_Part], wanted: Sequence[str]) -> tuple[dict[str, pl.DataType], tuple[str, ...]]:
    types: dict[str, pl.DataType] = {}
    notes = []
    for name in wanted:
        settled, settler = parts[0].schema[name], parts[0]
        for part in parts[1:]:
            dtype = part.schema[name]
            if dtype == settled:
                continue
            shared = find_shared_type(settled, dtype)
            if shared is None:
                raise SchemaMismatch(
                    f"the column {name!r} is {settled} in {settler.path.name} and {dtype} in {part.path.name}",
                    expected="one type in all files",
                    remedy="write the files with the same types, or leave the column out with drop=[...]",
                )
            if pl.Null not in (settled, dtype) and settled.is_integer() != dtype.is_integer():
                notes.append(
                    f"{name!r} is {settled} in {settler.path.name} and {dtype} in {part.path.name}: read as {shared}"
                )
            settled, settler = shared, part
        types[name] = settled
    return types, tuple(notes)


def find_shared_type(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    """Return the type that holds the values of both without changing their meaning, or None when there is none."""
    if pl.Null in (one, other):
        return other if one == pl.Null else one
    if one.is_numeric() and other.is_numeric():
        return pl.Int64() if one.is_integer() and other.is_integer() else pl.Float64()
    texts = (pl.String, pl.Categorical, pl.Enum)
    if isinstance(one, texts) and isinstance(other, texts):
        return pl.String()
    if isinstance(one, pl.Datetime) and isinstance(other, pl.Datetime):
        zones = {one.time_zone, other.time_zone}
        return None if None in zones and len(zones) > 1 else pl.Datetime("us", None if None in zones else "UTC")
    return one if one == other else None


def _read_own(part: _Part, names: Sequence[str]) -> pl.DataFrame:
    if part.frame is not None:
        return part.frame
    # Without a column a frame would have no rows to give its partitions to.
    return pl.read_parquet(part.path, columns=list(names or list(part.schema)[:1]), glob=False, hive_partitioning=False)


def _read_part(part: _Part, wanted: Sequence[str], types: dict[str, pl.DataType]) -> pl.DataFrame:
    try:
        own = [name for name in wanted if name not in part.partitions]
        frame = _read_own(part, own)
        if _print_written(part.path) != part.written:
            raise SourceError(
                f"the file {part.path} was written to while it was read",
                expected="a file that stays as it is until it has been read",
                remedy="read it again; who writes to another name and renames it then, disturbs no reader",
            )
        frame = frame.with_columns(
            pl.lit(part.partitions[name][0], part.schema[name]).alias(name)
            for name in wanted
            if name in part.partitions
        )
        return frame.select(pl.col(name).cast(types[name]) for name in wanted)
    except UNREADABLE as error:
        raise _unreadable(part.path, error) from error
