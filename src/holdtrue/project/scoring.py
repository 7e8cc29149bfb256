"""Scoring: a file of rows answered by the version in charge, logged as the servers log."""

import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdtrue.data import check_rows, conform, read_files, read_moments, refuse_breaches
from holdtrue.domain import Prediction, Release, Role
from holdtrue.errors import ColumnMissing, DeclarationError
from holdtrue.registry import Keyring, load_model, read_release, resolve_version
from holdtrue.store.segments import SegmentWriter

from .project import Project

WRITERS = (".parquet", ".csv")


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What was scored: how many rows, by which version, and where it stands."""

    n_rows: int
    version: str
    path: str


def score_file(project: Project, source: Path, target: Path) -> Scored:
    """Answer the rows of a Parquet or CSV file, write them with their answers, and log each as a prediction.

    The target has the source's columns, then prediction_id, version, the answer (`p_CLASS` for each class, or
    `prediction`) and `decision` where the loop declares an outcome. It appears whole or not at all.

    Raises:
        SourceMissing: there is no such file.
        NotFound: no version is in charge.
        ColumnMissing: a feature is not in the file.
        SchemaMismatch: a row breaks the declared schema.
        DeclarationError: the target's name does not end with .parquet or .csv.
    """
    if target.suffix not in WRITERS:
        raise DeclarationError(f"{target.name} has no known ending", expected="a name that ends with .parquet or .csv")
    names = [name for name in (project.loop.table.key, project.loop.table.unit) if name is not None]
    frame = read_files(str(source), folder=Path(), texts=tuple(names)).frame
    with project.store.reading() as tx:
        version = resolve_version(tx, project.loop.name, "champion")
        keyring = Keyring.open(project.store.folder / "keys")
        release = read_release(project.store, tx, project.loop.name, version.number, keyring)
        traffic = tx.traffic.read("main", project.loop.name)
    missing = [name for name in version.signature.schema.names if name not in frame.columns]
    if missing:
        raise ColumnMissing(
            f"{source.name} has no column {missing[0]!r}",
            expected=f"the features {list(version.signature.schema.names)}",
        )
    refuse_breaches(check_rows(frame, version.signature.schema, key=project.loop.table.key), source.name)
    scorer = load_model(project.store.artifacts.get(version.artifact), version.format, version.signature)
    began = time.perf_counter()
    answers = scorer.score(conform(frame, version.signature.schema))
    latency_ms = (time.perf_counter() - began) * 1000 / max(1, frame.height)
    ids = [uuid.uuid4().hex for _ in range(frame.height)]
    decisions = _decide(release, answers)
    batch = _Batch(
        release=release,
        frame=frame,
        ids=ids,
        answers=answers,
        decisions=decisions,
        latency_ms=latency_ms,
        revision=0 if traffic is None else traffic.revision,
    )
    _log(project, batch)
    _write(_lay_out(frame, release, ids, answers, decisions), target)
    return Scored(n_rows=frame.height, version=version.name, path=str(target))


def _decide(release: Release, answers: NDArray[np.float64]) -> list[str] | None:
    rule = release.action_rule
    if rule is None:
        return None
    return [rule.actions[position] for position in rule.choose_rows(answers)]


def _lay_out(
    frame: pl.DataFrame, release: Release, ids: list[str], answers: NDArray[np.float64], decisions: list[str] | None
) -> pl.DataFrame:
    columns = [pl.Series("prediction_id", ids), pl.Series("version", [release.version.name] * frame.height)]
    classes = release.version.signature.classes
    if classes:
        columns += [pl.Series(f"p_{label}", answers[:, i]) for i, label in enumerate(classes)]
    else:
        columns.append(pl.Series("prediction", answers))
    if decisions is not None:
        columns.append(pl.Series("decision", decisions))
    return frame.drop([column.name for column in columns], strict=False).with_columns(columns)


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """What the log needs of a scored file, row by row."""

    release: Release
    frame: pl.DataFrame
    ids: list[str]
    answers: NDArray[np.float64]
    decisions: list[str] | None
    latency_ms: float
    revision: int


def _log(project: Project, batch: _Batch) -> None:
    encoder = msgspec.json.Encoder()
    times = _moments(batch.frame, batch.release.time, project)
    payloads = [encoder.encode(row) for row in _list_predictions(batch, times)]
    name = f"batch-{uuid.uuid4().hex[:8]}"
    writer = SegmentWriter.open(project.store.folder / "log" / batch.release.loop, name)
    try:
        writer.append(payloads)
    finally:
        writer.close()


def _list_predictions(batch: _Batch, times: list[float]) -> list[Prediction]:
    release, frame = batch.release, batch.frame
    schema = release.version.signature.schema
    keys = _texts(frame, release.key, batch.ids)
    units = _texts(frame, release.unit, keys)
    unseen = _count_unseen_rows(frame, release) if frame.height else []
    return [
        Prediction(
            prediction_id=batch.ids[i],
            loop=release.loop,
            key=keys[i],
            unit=units[i],
            time=times[i],
            features=row,
            answer=tuple(np.atleast_1d(batch.answers[i]).tolist()),
            decision=None if batch.decisions is None else batch.decisions[i],
            version=release.version.number,
            role=Role.CHAMPION,
            fallback=None,
            probability=1.0,
            traffic_revision=batch.revision,
            schema_version=schema.digest,
            latency_ms=batch.latency_ms,
            received_at=time.time(),
            n_unseen=unseen[i],
        )
        for i, row in enumerate(frame.select(schema.names).iter_rows(named=True))
    ]


def _count_unseen_rows(frame: pl.DataFrame, release: Release) -> list[int]:
    schema = release.version.signature.schema
    total = pl.lit(0)
    for column in schema.columns:
        if column.levels:
            value = pl.col(column.name).cast(pl.String)
            total = total + (value.is_not_null() & ~value.is_in(list(column.levels))).cast(pl.Int64)
    counted = frame.select(total.alias("n"))["n"].to_list()
    return counted if len(counted) == frame.height else [int(counted[0])] * frame.height


def _texts(frame: pl.DataFrame, name: str | None, otherwise: list[str]) -> list[str]:
    if name is None or name not in frame.columns:
        return otherwise
    given = frame[name].cast(pl.String).to_list()
    return [text if text is not None else other for text, other in zip(given, otherwise, strict=True)]


def _moments(frame: pl.DataFrame, name: str | None, project: Project) -> list[float]:
    """Return the moment of each row as Unix seconds, read as the table's are; now where a row carries none."""
    now = project.clock.now().timestamp()
    if name is None or name not in frame.columns or frame[name].null_count() == frame.height:
        return [now] * frame.height
    times, _ = read_moments(frame[name], time_zone=project.loop.table.time_zone)
    return [now if moment is None else moment / 1e6 for moment in times.dt.epoch("us").to_list()]


def _write(frame: pl.DataFrame, target: Path) -> None:
    draft = target.with_name(f".{target.name}.partial")
    try:
        if target.suffix == ".csv":
            frame.write_csv(draft)
        else:
            frame.write_parquet(draft, compression="zstd")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
