"""Scoring: a file of rows answered by the version in charge, logged as the servers log; larger than memory if need be.

Parts are answered, logged and kept one by one beside the target. A run that was killed goes on where it was; the target
appears whole or not at all.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import polars as pl

from holdtrue.data import JSON_LINES, History, SlicedFile, open_slices
from holdtrue.domain import Signature, digest_of, format_clause
from holdtrue.errors import ColumnMissing, DeclarationError, HoldtrueError
from holdtrue.registry import Keyring, has_own_release, load_functions, read_release, resolve_version
from holdtrue.serving.answer.loaded import load_released
from holdtrue.serving.answer.shelf import FollowedLookup

from .parts import PART_ROWS, Manifest, PartFolder, hold_parts, mark_input, name_job
from .project import Project
from .scored_log import ScoredLog
from .scored_slice import ScoredSlice, SliceScorer

WRITERS = (".parquet", ".csv", *JSON_LINES)
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What was scored.

    Attributes:
        n_rows: the rows of the file.
        n_refused: how many of them were not answered; `error` of the target says why.
        n_resumed: how many an earlier run, which was cut short, had answered already.
        version: the name of the version that answered.
        path: where the target stands.
        seconds: how long this run took.
        rows_a_second: what this run answered in a second.
        note: why the work of an earlier run could not be gone on with, and how many rows are older than what is known
            of the past; empty when nothing was lost.
    """

    n_rows: int
    n_refused: int
    n_resumed: int
    version: str
    path: str
    seconds: float
    rows_a_second: float
    note: str


def score_file(
    project: Project,
    source: Path,
    target: Path,
    *,
    on_progress: OnProgress | None = None,
    part_rows: int = PART_ROWS,
) -> Scored:
    """Answer the rows of a Parquet, CSV or JSON lines file, write them with their answers, and log each once.

    The target has the source's columns, then prediction_id, version, the answer (`p_CLASS` for each class, or
    `prediction`), `decision` where the loop declares an outcome, and `error`: why a row was not answered, as a server
    would say it. Memory is that of some parts.

    Args:
        project: the open project.
        source: the file, or a glob of files.
        target: its ending says the format.
        on_progress: called with the rows done and all rows after each part.
        part_rows: how many rows are answered in one call.

    Raises:
        SourceMissing: there is no such file.
        SourceError: it cannot be read.
        NotFound: no version is in charge.
        ColumnMissing: a feature is not in the file.
        SchemaMismatch: a column holds values of another kind than the schema's, or the times have no zone.
        DeclarationError: the target's name has an ending that is not known.
        ProjectBusy: another process scores into the same target.
        StoreFailed: the disk refused; what is done stays done, and a later call goes on.
    """
    if target.suffix not in WRITERS:
        raise DeclarationError(f"{target.name} has no known ending", expected=f"a name that ends with one of {WRITERS}")
    began = time.perf_counter()
    maker, rows = _prepare(project, source)
    wanted = Manifest(
        source=mark_input(rows.paths),
        release=digest_of(maker.release),
        version=maker.release.version.name,
        ending=target.suffix,
        part_rows=part_rows,
        job=maker.job,
    )
    _try_first(maker, rows)
    with hold_parts(target, wanted) as parts:
        n_resumed = parts.manifest.n_done
        folder = project.store.folder / "log" / maker.release.loop
        log = ScoredLog(folder=folder, goes_on=parts.manifest.job != maker.job)
        _score_parts(log, replace(maker, job=parts.manifest.job), rows, parts, on_progress)
        done = parts.manifest
        parts.finish(target)
    seconds = time.perf_counter() - began
    return Scored(
        n_rows=done.n_done,
        n_refused=sum(part.n_refused for part in done.parts),
        n_resumed=n_resumed,
        version=done.version,
        path=str(target),
        seconds=seconds,
        rows_a_second=(done.n_done - n_resumed) / max(seconds, 1e-9),
        note=" ".join(filter(None, (parts.note, _tell_forgotten(sum(part.n_forgotten for part in done.parts))))),
    )


def _prepare(project: Project, source: Path) -> tuple[SliceScorer, SlicedFile]:
    loop = project.loop
    with project.store.reading() as tx:
        version = resolve_version(tx, loop.name, "champion")
        keyring = Keyring.open(project.store.folder / "keys")
        release = read_release(project.store, tx, loop.name, version.number, keyring)
        is_own = has_own_release(project.store, tx, release.version, keyring)
        traffic = tx.traffic.read("main", loop.name)
    schema = version.signature.given
    texts = [name for name in (loop.table.key, loop.table.unit) if name is not None]
    rows = open_slices(str(source), folder=Path(), schema=schema, texts=texts)
    missing = [name for name in schema.names if name not in rows.schema]
    if missing:
        raise ColumnMissing(
            f"{source.name} has no column {missing[0]!r}", expected=f"the features {list(schema.names)}"
        )
    followed = FollowedLookup(project.store.folder, loop.name)
    functions = load_functions(release.version.signature, project.store.artifacts, is_own=is_own)
    loaded = load_released(release, project.store.artifacts, functions, followed=followed)
    maker = SliceScorer(
        release=release,
        scorer=loaded.scorer,
        lookup=loaded.shelf.take(),
        functions=functions,
        recall=cache(partial(_recall, project, version.signature)),
        job=name_job(),
        time_zone=loop.table.time_zone,
        now=project.clock.now().timestamp(),
        revision=0 if traffic is None else traffic.revision,
    )
    return maker, rows


def _recall(project: Project, signature: Signature) -> History | None:
    """Return what rows of the past gather their features of, as a training would; None where that cannot be had."""
    pasts = [feature.past for feature in signature.features if feature.past is not None]
    try:
        known = project.make_controller().gather_history(project.clock.now())
    except HoldtrueError:
        return None
    needed = {name for past in pasts for name in (*past.by, past.of)}
    return known if needed <= {*known.gathered_names} else None


def _tell_forgotten(n_rows: int) -> str:
    if not n_rows:
        return ""
    return (
        f"{format_clause(n_rows, 'row', one='is', many='are')} from before the "
        "last refresh of what was known of the past, and the table that says what"
        " was known at their time cannot be read: features of the past are missing there."
    )


def _try_first(maker: SliceScorer, rows: SlicedFile) -> None:
    """Answer the first row for nobody, so that what is wrong with the whole file is told before anything is kept."""
    for frame in rows.read(start=0, slice_rows=1):
        maker.score(frame, start=0)
        return


def _score_parts(
    log: ScoredLog, maker: SliceScorer, rows: SlicedFile, parts: PartFolder, on_progress: OnProgress | None
) -> None:
    start = parts.manifest.n_done
    if on_progress is not None:
        on_progress(start, rows.n_rows)
    if not rows.n_rows:
        frame = pl.DataFrame(schema=rows.schema)
        _keep(maker.score(frame, start=0), parts, log)
    elif start < rows.n_rows:
        for frame in rows.read(start=start, slice_rows=parts.manifest.part_rows):
            _keep(maker.score(frame, start=start), parts, log)
            start += frame.height
            if on_progress is not None:
                on_progress(start, rows.n_rows)


def _keep(scored: ScoredSlice, parts: PartFolder, log: ScoredLog) -> None:
    """Write a part and log its rows; on return both are done, or the next run does what is left."""
    _write(scored.lay_out(), parts.draft(), has_header=not parts.n_parts)
    name = f"batch-{scored.maker.job}-{parts.n_parts:06d}"
    log.write(scored.list_predictions(), name)
    parts.keep(n_rows=scored.frame.height, n_refused=len(scored.errors), n_forgotten=scored.n_forgotten)


def _write(frame: pl.DataFrame, path: Path, *, has_header: bool) -> None:
    if path.suffix == ".csv":
        frame.write_csv(path, include_header=has_header)
    elif path.suffix in JSON_LINES:
        frame.write_ndjson(path)
    else:
        frame.write_parquet(path, compression="zstd")
