"""Table: the declared table, read and checked into a history."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl

from holdtrue.data.breaches import check_frame, check_order, refuse_breaches
from holdtrue.data.declaration import find_schema
from holdtrue.data.features import check_dropped, read_features, read_judged, read_late
from holdtrue.data.files import FileRead, name_nearest, name_version, print_files, read_files
from holdtrue.data.frames import print_given, read_given
from holdtrue.data.history import KEY, LABEL, LABEL_TIME, SOURCE, TIME, UNIT, History
from holdtrue.data.iceberg import find_snapshot, is_iceberg_url, read_iceberg
from holdtrue.data.moment import name_moments, read_moments
from holdtrue.data.origin import Origin, SourceVersion
from holdtrue.data.query import read_query_frame
from holdtrue.data.rules import name_rule_columns
from holdtrue.data.task import read_labels
from holdtrue.domain import LabelValue, Schema, SchemaFile, Table, Task, format_clause, format_count
from holdtrue.errors import ColumnMissing, LabelError, SchemaMismatch, SourceError
from holdtrue.store import is_object_url, mirror_objects, print_database, print_objects


def read_history(
    declared: Table, *, folder: Path, task: Task | None = None, schema: Schema | SchemaFile | None = None,
    version: int | None = None,
) -> History:  # fmt: skip
    """Read and check the declared table.

    Args:
        declared: what `holdtrue.table` returned.
        folder: the folder of the declaring file, where a relative path starts.
        task: the kind of question; None to tell it from the label.
        schema: what the rows must keep, as the loop declares it.
        version: of a table of Delta Lake or Iceberg; None for its newest.

    Raises:
        SourceError: the file, a column, a key or a value is not as declared (see its subclasses).
        DeclarationError: the schema's file says what cannot be meant.
        LabelError: the label cannot be learned.
    """
    asked = find_schema(schema, folder=folder)
    read = _read_rows(declared, folder, asked, version)
    check_dropped(read.names, declared)
    known = replace(declared, drop=tuple(name for name in declared.drop if name in read.frame.columns))
    history = read_frame(read.frame, known, task=task, source=read.source, notes=read.notes, schema=asked)
    if read.version is None:
        return history
    # Whoever reads the same version again may be given its files in another order.
    frame = history.frame.sort([TIME, KEY])
    return replace(history, frame=frame, origin=Origin(version=read.version, table=declared, frame=frame))


def _read_rows(declared: Table, folder: Path, schema: Schema | None, version: int | None) -> FileRead:
    columns, texts = _choose_columns(declared, schema), _name_columns(declared)
    if declared.query is not None:
        return read_query_frame(declared.query, folder=folder, columns=columns, texts=texts)
    if declared.function is not None:
        return read_given(declared.function, declared.path)
    # A column that is dropped need not agree between files; one that is declared is missed by name.
    asked = (*_name_asked(schema), *declared.judged)
    ignore = [name for name in _droppable(declared) if name not in asked]
    if is_iceberg_url(declared.path):
        frame, names, number = read_iceberg(declared.path, columns=columns, ignore=ignore, snapshot=version)
        return name_version(frame, names, declared.path, SourceVersion(place=declared.path, number=number))
    if not is_object_url(declared.path):
        return read_files(declared.path, folder=folder, columns=columns, ignore=ignore, texts=texts, version=version)
    place = mirror_objects(declared.path, folder=folder)
    # What is above the objects says nothing of their rows.
    home, path = (place, ".") if place.is_dir() else (place.parent, place.name)
    read = read_files(path, folder=home, columns=columns, ignore=ignore, texts=texts)
    return replace(read, source=declared.path)


def print_table(declared: Table, *, folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what is equal while a table need not be read again: name, time of change and size of its files."""
    if declared.query is not None:
        return print_database(declared.query.url, folder=folder)
    if declared.function is not None:
        return print_given(declared.path)
    if is_iceberg_url(declared.path):
        return ((declared.path, find_snapshot(declared.path), 0),)
    if is_object_url(declared.path):
        return print_objects(declared.path)
    return print_files(declared.path, folder=folder)


def read_frame(
    frame: pl.DataFrame, declared: Table, *, task: Task | None = None, source: str = "", notes: Sequence[str] = (),
    schema: Schema | None = None, needs_features: bool = True, classes: tuple[LabelValue, ...] | None = None,
) -> History:  # fmt: skip
    """Check a frame that is already in memory as `read_history` checks a file; `source` says where it came from.

    With `task` and `classes` (empty for a regression) labels may be missing as yet, also all of them.
    """
    _check_columns(frame, declared)
    check_dropped(frame.columns, declared)
    _refuse_empty(frame, source or declared.path)
    times, time_notes = read_moments(frame[declared.time], time_zone=declared.time_zone)
    if schema is not None:
        breaches = [*check_frame(frame, schema, key=declared.key), *check_order(times, schema)]
        refuse_breaches(breaches, source or declared.path)
    _refuse_nulls(times, declared.time, "time")
    key, unit, key_notes = _read_names(frame, declared, times)
    labels = read_labels(frame[declared.label], task=task, classes=classes)
    label, label_time, delay, label_notes = _date_labels(
        frame, declared, times, labels.values, may_lack=classes is not None
    )
    features, feature_notes = read_features(frame, declared, schema)
    if needs_features and not features:
        raise SchemaMismatch("no column is left as a feature", expected="at least one number, boolean or text column")
    parts = [key.alias(KEY), unit.alias(UNIT), times.alias(TIME), label_time.alias(LABEL_TIME), label.alias(LABEL)]
    beside = [*_name_sources(frame, declared), *read_late(frame, declared), *read_judged(frame, declared)]
    rows = pl.DataFrame([*parts, *beside, *features])
    is_sorted = times.is_sorted()
    order_notes = () if is_sorted else ("the rows were out of order and were sorted by time",)
    return History(
        frame=(rows if is_sorted else rows.sort(TIME, maintain_order=True)).rechunk(),
        label=declared.label,
        task=labels.task,
        classes=labels.classes,
        source=source or declared.path,
        label_delay=delay,
        notes=(*notes, *time_notes, *key_notes, *labels.notes, *label_notes, *feature_notes, *order_notes),
        declared=schema,
    )


def _refuse_empty(frame: pl.DataFrame, source: str) -> None:
    if frame.is_empty():
        raise SourceError(f"the table {source} has no rows", expected="at least one", remedy="check path= and the file")


def _name_sources(frame: pl.DataFrame, declared: Table) -> list[pl.Series]:
    return [] if declared.source is None else [frame[declared.source].cast(pl.String).alias(SOURCE)]


def _choose_columns(declared: Table, schema: Schema | None) -> list[str] | None:
    """Return the columns to read; None for all that are there."""
    if declared.features is None:
        return None
    asked = (*declared.features, *declared.judged, *_name_asked(schema))
    return list(dict.fromkeys((*_declared_columns(declared), *asked)))


def _name_asked(schema: Schema | None) -> tuple[str, ...]:
    return () if schema is None else (*schema.names, *name_rule_columns(schema))


def _declared_columns(declared: Table) -> tuple[str, ...]:
    parts = (declared.key, declared.unit, declared.time, declared.label, declared.label_time, declared.source)
    names = (*parts, *declared.late)
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _name_columns(declared: Table) -> tuple[str, ...]:
    return tuple(name for name in (declared.key, declared.unit, declared.source) if name is not None)


def _droppable(declared: Table) -> tuple[str, ...]:
    return tuple(name for name in declared.drop if name not in _declared_columns(declared))


def _check_columns(frame: pl.DataFrame, declared: Table) -> None:
    for name in (*_declared_columns(declared), *(declared.features or ()), *declared.judged):
        if name not in frame.columns:
            raise ColumnMissing(
                f"the column {name!r} is not in {declared.path}", remedy=name_nearest(name, frame.columns)
            )


def _refuse_nulls(column: pl.Series, name: str, part: str) -> None:
    if column.null_count():
        raise SourceError(
            f"{column.null_count():,} of {format_count(len(column), 'row')} "
            f"{'has' if column.null_count() == 1 else 'have'} no {part} (column {name!r})",
            expected=f"a {part} in every row",
            remedy="fill it or leave these rows out",
        )


def _read_names(frame: pl.DataFrame, declared: Table, times: pl.Series) -> tuple[pl.Series, pl.Series, list[str]]:
    notes = []
    if declared.key is None:
        key = name_moments(times)
        remedy = 'name the column that tells the events apart: key="..."'
    else:
        key = _name_values(frame[declared.key], "key")
        _refuse_nulls(key, declared.key, "key")
        remedy = "keep one row for each event, or choose a key that tells them apart"
    _refuse_duplicates(key, declared, remedy)
    unit = key if declared.unit is None else _name_values(frame[declared.unit], "unit")
    if unit.null_count():
        notes.append(
            f"{format_clause(unit.null_count(), 'row', one='has', many='have')} "
            f"no unit ({declared.unit!r}): their key stands for it"
        )
        unit = unit.fill_null(key)
    return key, unit, notes


def _name_values(column: pl.Series, part: str) -> pl.Series:
    dtype = column.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return name_moments(read_moments(column, time_zone=None)[0])
    if dtype.is_integer() or isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Date):
        return column.cast(pl.String)
    raise SchemaMismatch(f"the {part} {column.name!r} is {dtype}", expected="texts or whole numbers")


def _refuse_duplicates(key: pl.Series, declared: Table, remedy: str) -> None:
    n_extra = len(key) - key.n_unique()
    if not n_extra:
        return
    counts = key.alias("key").value_counts().filter(pl.col("count") > 1).sort("count", "key", descending=[True, False])
    what = f"the key {declared.key!r}" if declared.key else f"no key is declared, and the time {declared.time!r}"
    raise SourceError(
        f"{what} is not unique: {format_clause(len(counts), 'value', one='occurs', many='occur')} more than once"
        f" (such as {counts['key'][0]!r}, {counts['count'][0]} times), {format_count(n_extra, 'row')} too many",
        expected="one row for each event",
        remedy=remedy,
    )


def _date_labels(
    frame: pl.DataFrame, declared: Table, times: pl.Series, label: pl.Series, *, may_lack: bool
) -> tuple[pl.Series, pl.Series, timedelta, list[str]]:
    """Return labels, when each was known, and the delay after which one is due."""
    if declared.label_time is None:
        delay = declared.label_delay or timedelta(0)
        known = (times + delay).set(label.is_null(), None)
        return label, known, delay, []
    known, time_notes = read_moments(frame[declared.label_time], time_zone=declared.time_zone)
    notes = list(time_notes)
    is_undated = known.is_null() & label.is_not_null()
    if n_undated := int(is_undated.sum() or 0):
        notes.append(
            f"{format_clause(n_undated, 'label', one='has', many='have')} no {declared.label_time!r}: taken as missing"
        )
        label = label.set(is_undated, None)
    known = known.set(label.is_null(), None)
    n_early = int((known < times).sum() or 0)
    if n_early:
        raise LabelError(
            f"{format_clause(n_early, 'label', one='was', many='were')} known "
            f"before the prediction is made ({declared.label_time} < {declared.time})",
            expected="a label_time at or after time",
            remedy="check which column is which, or leave these rows out",
        )
    delays = (known - times).drop_nulls().dt.total_microseconds()
    if delays.is_empty() and may_lack:
        return label, known, timedelta(0), [*notes, f"no {declared.label_time!r} says yet how long a label takes"]
    if delays.is_empty():
        raise LabelError(f"no label has a {declared.label_time!r}", expected="when each label was known")
    delay = timedelta(microseconds=int(delays.quantile(0.95, interpolation="higher") or 0))
    return label, known, delay, notes
