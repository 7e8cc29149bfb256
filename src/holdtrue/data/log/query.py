"""Query: questions to a prediction log, answered lazily over Parquet and segments, beside the labels that came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from holdtrue.data.files import name_nearest
from holdtrue.data.log.rows import (
    FEATURE,
    OFFSET,
    PLAIN,
    SEGMENT,
    Types,
    make_chunks,
    name_features,
    unite_chunks,
)
from holdtrue.data.log.steady import read_steadily
from holdtrue.data.moment import UTC_TIME
from holdtrue.data.rules import ENGINE_ERRORS, tell_engine_error
from holdtrue.domain import Kind, Signature, Task
from holdtrue.errors import ColumnMissing, DeclarationError
from holdtrue.store import LogManifest, read_segments

ORDER = ("__received", SEGMENT, OFFSET)
SCORE = "score"
LABEL: Types = {"label": pl.String, "known_at": UTC_TIME}


@dataclass(frozen=True, kw_only=True)
class LogQuery:
    """What is asked of a log.

    Attributes:
        since: rows with `time` from this moment on; None for the first.
        until: rows with `time` before this moment; None for the last.
        where: an SQL expression over the columns that is true in the rows wanted; None for all.
        columns: the columns wanted, in order; None for all.
        limit: at most so many rows, the ones received last; None for all.
    """

    since: datetime | None = None
    until: datetime | None = None
    where: str | None = None
    columns: tuple[str, ...] | None = None
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class LogSource:
    """The log that is asked.

    Attributes:
        folder: the log's folder, such as `.holdtrue/log/LOOP`.
        signature: of the version in charge; its classes name the columns of the answer.
        labels: what `latest_labels` returned.
    """

    folder: Path
    signature: Signature | None
    labels: pl.DataFrame


def query_log(source: LogSource, query: LogQuery) -> pl.DataFrame:
    """Return the rows that a query asks for, in the order of receipt.

    Columns: time, received_at, prediction_id, key, unit, version, role, score, one for each class (`p_CLASS`) or
    `prediction`, decision, label and known_at (where a label came), the other parts of a logged row, and the features
    under their own names; one whose name is taken is called `features.NAME`.

    Raises:
        ColumnMissing: the query names a column that is not there; the message lists them.
        DeclarationError: `where` is no condition.
        StoreFailed: the log cannot be read.
    """

    def read(manifest: LogManifest) -> pl.DataFrame:
        rows = _plan(source, query, manifest)
        if query.limit is not None:
            rows = rows.top_k(query.limit, by=ORDER)
        found = _collect(rows.sort(*ORDER), query)
        return found.drop(*ORDER)

    return read_steadily(source.folder, read)


def write_query(source: LogSource, query: LogQuery, target: Path) -> int:
    """Write the rows that a query asks for to a Parquet file; it appears whole or not at all. Return how many.

    Rows are streamed, file by file, so that the log may be larger than memory. See `query_log`.

    Raises:
        ColumnMissing, DeclarationError, StoreFailed: as `query_log`.
    """
    draft = target.with_name(f".{target.name}.partial")

    def write(manifest: LogManifest) -> int:
        rows = _plan(source, query, manifest)
        if query.limit is not None:
            rows = rows.top_k(query.limit, by=ORDER).sort(*ORDER)
        try:
            rows.drop(*ORDER).sink_parquet(draft, compression="zstd")
        except ENGINE_ERRORS as error:
            raise _refuse_where(query, error) from error
        n_rows: int = pl.scan_parquet(draft).select(pl.len()).collect().item()
        return n_rows

    try:
        n_rows = read_steadily(source.folder, write)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return n_rows


def _plan(source: LogSource, query: LogQuery, manifest: LogManifest) -> pl.LazyFrame:
    rows = _lay_out(_scan(source, query, manifest), source)
    known = [name for name in rows.collect_schema().names() if name not in ORDER]
    if query.where is not None:
        rows = rows.filter(_read_condition(query.where, rows.clear(), known))
    wanted = known if query.columns is None else query.columns
    for name in wanted:
        if name not in known:
            raise _refuse_column(name, known)
    return rows.select(*dict.fromkeys(wanted), *ORDER)


def _scan(source: LogSource, query: LogQuery, manifest: LogManifest) -> pl.LazyFrame:
    """Return parts and segments as one, of the moments that are asked for."""
    low = None if query.since is None else query.since.timestamp()
    high = None if query.until is None else query.until.timestamp()
    parts = [
        pl.scan_parquet(source.folder / part.name)
        for part in sorted(manifest.parts, key=lambda part: part.first_received)
        if (low is None or part.last_time >= low) and (high is None or part.first_time < high)
    ]
    frames = read_segments(source.folder, leave_out=manifest.taken, holes=manifest.holes)
    fresh = unite_chunks([_cut(chunk.lazy(), query).collect() for chunk in make_chunks(frames)])
    whole = [*parts, fresh.lazy()] if fresh.height or not parts else parts
    return _cut(pl.concat(whole, how="diagonal_relaxed"), query)


def _cut(rows: pl.LazyFrame, query: LogQuery) -> pl.LazyFrame:
    if query.since is not None:
        rows = rows.filter(pl.col("time") >= pl.lit(query.since.astimezone(UTC), dtype=UTC_TIME))
    if query.until is not None:
        rows = rows.filter(pl.col("time") < pl.lit(query.until.astimezone(UTC), dtype=UTC_TIME))
    return rows


def _lay_out(rows: pl.LazyFrame, source: LogSource) -> pl.LazyFrame:
    answers = _name_answers(source.signature)
    rows = rows.with_columns(_name_absent(rows, source.signature))
    names = name_features(rows.collect_schema().names())
    labels = source.labels.lazy()
    joined = rows.join(labels, on="key", how="left", maintain_order="left")
    rest = [name for name in PLAIN if name not in _FIRST and name != "answer"]
    taken = {*PLAIN, *LABEL, *answers, *ORDER}
    return joined.select(
        *_FIRST,
        *(answer.alias(name) for name, answer in answers.items()),
        "decision",
        *LABEL,
        *(name for name in rest if name != "decision"),
        *(pl.col(name).alias(_name_feature(name, taken)) for name in names),
        pl.col("received_at").alias(ORDER[0]),
        *ORDER[1:],
    )


def _name_absent(rows: pl.LazyFrame, signature: Signature | None) -> list[pl.Expr]:
    """Return the features of the version in charge that no row has: they may be asked for all the same."""
    there = rows.collect_schema().names()
    columns = () if signature is None else signature.schema.columns
    return [
        pl.lit(None, dtype=_KINDS[column.kind]).alias(FEATURE + column.name)
        for column in columns
        if FEATURE + column.name not in there
    ]


_KINDS = {Kind.NUMBER: pl.Float64, Kind.INTEGER: pl.Int64, Kind.BOOLEAN: pl.Boolean, Kind.TEXT: pl.String}
_FIRST = ("time", "received_at", "prediction_id", "key", "unit", "version", "role")


def _name_feature(name: str, taken: set[str]) -> str:
    plain = name.removeprefix(FEATURE)
    return name if plain in taken else plain


def _name_answers(signature: Signature | None) -> dict[str, pl.Expr]:
    """Return the score of a row (of the second of two classes, the likeliest of more), and its answer in columns."""
    answer = pl.col("answer")
    if signature is None or not signature.task.has_classes:
        number = answer.list.get(0, null_on_oob=True)
        return {SCORE: number, "prediction": number}
    score = answer.list.get(1, null_on_oob=True) if signature.task is Task.BINARY else answer.list.max()
    classes = {f"p_{label}": answer.list.get(place, null_on_oob=True) for place, label in enumerate(signature.classes)}
    return {SCORE: score, **classes}


def _read_condition(text: str, empty: pl.LazyFrame, known: Sequence[str]) -> pl.Expr:
    try:
        condition = pl.sql_expr(text)
        for name in condition.meta.root_names():
            if name not in known:
                raise _refuse_column(name, known)
        kind = empty.select(kept=condition).collect_schema()["kept"]
    except ENGINE_ERRORS as error:
        raise DeclarationError(
            f"the condition {text!r} cannot be read: {tell_engine_error(error)}",
            expected='an SQL expression over the columns, such as "score > .9 AND version = 3"',
        ) from error
    if kind != pl.Boolean:
        raise DeclarationError(f"the condition {text!r} gives {kind}", expected="true or false for each row")
    return condition


def _refuse_column(name: str, known: Sequence[str]) -> ColumnMissing:
    return ColumnMissing(
        f"the log has no column {name!r}", expected=f"one of {list(known)}", remedy=name_nearest(name, known)
    )


def _collect(rows: pl.LazyFrame, query: LogQuery) -> pl.DataFrame:
    try:
        return rows.collect(engine="streaming")
    except ENGINE_ERRORS as error:
        raise _refuse_where(query, error) from error


def _refuse_where(query: LogQuery, error: BaseException) -> DeclarationError:
    return DeclarationError(
        f"the log cannot be asked {query.where or ''!r}: {tell_engine_error(error)}",
        expected='a condition that can be told of every row, such as "score > .9"',
    )
