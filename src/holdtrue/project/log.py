"""Log: the prediction log of a project's loop: asked, kept, erased, its profiles told."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from holdtrue.data import (
    Compacted,
    LogQuery,
    LogSource,
    Removed,
    Upkeep,
    compact_log,
    latest_labels,
    query_log,
    read_log_problems,
    remove_old_rows,
    write_query,
)
from holdtrue.domain import LogPolicy, Signature, format_clause
from holdtrue.errors import HoldtrueError, NotFound, StoreFailed
from holdtrue.registry import resolve_version
from holdtrue.serving import measure_log, read_policy_file
from holdtrue.store import read_manifest

from .evidence import find_label_delay
from .project import CHAMPION, Project

NEARLY = 0.9


def ask_log(project: Project, query: LogQuery) -> pl.DataFrame:
    """Return the rows of the prediction log that a query asks for; see `holdtrue.data.query_log`."""
    return query_log(find_log(project), query)


def export_log(project: Project, query: LogQuery, target: Path) -> int:
    """Write the rows that a query asks for to a Parquet file and return how many; see `holdtrue.data.write_query`."""
    return write_query(find_log(project), query, target)


def find_log(project: Project) -> LogSource:
    """Return the log of a project's loop, with the labels that are known by now."""
    name = project.loop.name
    labels = latest_labels(project.store, name, as_of=project.clock.now())
    return LogSource(folder=name_log_folder(project), signature=_find_signature(project), labels=labels)


def name_log_folder(project: Project) -> Path:
    """Return the folder of the log of a project's loop."""
    return project.store.folder / "log" / project.loop.name


def keep_log(
    project: Project, policy: LogPolicy, *, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Compacted, Removed]:
    """Compact the log of a project's loop, and remove what is past its time; return what was done.

    Raises:
        StateConflict: another process works on this log.
        StoreFailed: the disk refused.
        SourceError: the label delay is in the table, which cannot be read and never was; nothing is removed.
    """
    folder = name_log_folder(project)
    compacted = compact_log(folder, on_progress=on_progress)
    removed = remove_old_rows(folder, policy, label_delay=find_label_delay(project), now=project.clock.now())
    return compacted, removed


def tell_log(project: Project) -> tuple[str, ...]:
    """Return sentences on the log that a reader must know: damage, rows that were dropped, a budget nearly reached."""
    folder, told = name_log_folder(project), list(read_log_problems(project.store.folder))
    try:
        policy, manifest = read_policy_file(project.store.folder), read_manifest(folder)
    except StoreFailed as failure:
        return (str(failure),)
    if manifest.n_dropped:
        told.append(
            "The prediction log reached its budget: the oldest "
            f"{format_clause(manifest.n_dropped, 'row', one='was', many='were')} dropped."
        )
    size = measure_log(folder)
    if policy.budget_bytes is not None and size >= policy.budget_bytes * NEARLY:
        told.append(
            f"The prediction log holds {size:,} of {policy.budget_bytes:,} bytes; when full, requests are refused."
        )
    return tuple(told)


def find_upkeep(project: Project, policy: LogPolicy) -> Upkeep | None:
    """Return what may be removed from the log now; None when the label delay cannot be found: then nothing may."""
    try:
        delay = find_label_delay(project)
    except HoldtrueError:
        return None
    return Upkeep(loop=project.loop.name, policy=policy, label_delay=delay, now=project.clock.now())


def _find_signature(project: Project) -> Signature | None:
    with project.store.reading() as tx:
        try:
            return resolve_version(tx, project.loop.name, CHAMPION).signature
        except NotFound:
            return None
