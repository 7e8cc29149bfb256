"""Compaction: the rows of closed segments written anew as Parquet, by another process than those that serve.

The order makes a kill at any moment harmless: the part is written, synced and named; then the manifest is replaced,
which makes the part count and its segments not, in one step; then the segments are removed. What a kill left behind
(a part that no manifest lists, a segment that is called taken) is removed by the next run.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import msgspec

from holdtrue.data.log.parts import read_part, split_days, write_part
from holdtrue.data.log.profiles import (
    LogProfiles,
    measure_profiles,
    merge_profiles,
    read_profiles,
    read_references,
    save_profiles,
)
from holdtrue.data.log.rows import IDENTITY, OFFSET, SEGMENT, make_chunks, unite_chunks
from holdtrue.errors import StoreFailed
from holdtrue.store import LogManifest, LogPart, commit_manifest, find_closed, lock_log, read_manifest, read_segment

MERGE_ROWS = 200_000
MANY_PARTS = 8


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """What a compaction did.

    Attributes:
        n_segments: segments whose rows stand in Parquet now.
        n_rows: their rows.
        n_twice: rows that had been written twice, of which one is kept.
        n_merged: parts that were merged into greater ones.
        problems: in sentences, segments that were left as they are because they are damaged.
    """

    n_segments: int = 0
    n_rows: int = 0
    n_twice: int = 0
    n_merged: int = 0
    problems: tuple[str, ...] = ()


def compact_log(
    folder: Path,
    *,
    today: datetime | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    timeout_seconds: float = 30.0,
) -> Compacted:
    """Write the rows of all closed segments of a log as Parquet, and remove the segments.

    Args:
        folder: the log's folder, such as `.holdtrue/log/LOOP`; one that is not there holds nothing.
        today: parts of days before this moment's are merged; now by default.
        on_progress: called with the number of segments done and of all.
        timeout_seconds: how long to wait for another process that works on this log.

    Raises:
        StateConflict: another process works on this log.
        StoreFailed: the disk refused. What was done before is whole, the rest stands where it stood.
    """
    if not folder.is_dir():
        return Compacted()
    with lock_log(folder, timeout_seconds=timeout_seconds):
        sweep_log(folder)
        n_rows, n_twice, n_segments, problems = 0, 0, 0, []
        closed = find_closed(folder)
        for path in closed:
            try:
                found = _take_segment(folder, path)
            except _Damaged as damaged:
                problems.append(str(damaged))
                continue
            n_segments, n_rows, n_twice = n_segments + 1, n_rows + found[0], n_twice + found[1]
            on_progress(n_segments, len(closed))
        day = (datetime.now(UTC) if today is None else today.astimezone(UTC)).date().isoformat()
        n_merged, n_met = _merge_parts(folder, day)
    return Compacted(
        n_segments=n_segments,
        n_rows=n_rows,
        n_twice=n_twice + n_met,
        n_merged=n_merged,
        problems=tuple(problems),
    )


def sweep_log(folder: Path) -> None:
    """Remove what a kill left behind: segments that are taken, and files that no manifest lists. Hold the lock."""
    manifest = read_manifest(folder)
    for name in manifest.taken:
        (folder / name).unlink(missing_ok=True)
    for path in folder.iterdir():
        is_ours = path.suffix in {".parquet", ".profiles", ".partial"}
        if is_ours and path.name not in manifest.files:
            path.unlink(missing_ok=True)
    if manifest.taken:
        # A name is struck off when its file is gone: until then a writer that looks for a new name passes it over.
        commit_manifest(folder, msgspec.structs.replace(manifest, taken=()))


class _Damaged(Exception):
    """A segment cannot be read whole."""


def _take_segment(folder: Path, path: Path) -> tuple[int, int]:
    """Write one segment's rows as parts, commit, and remove it; return its rows, and how many were there twice."""
    manifest = read_manifest(folder)
    try:
        rows = unite_chunks(list(make_chunks(read_segment(path, holes=manifest.holes.get(path.name, ())))))
    except StoreFailed as failure:
        raise _Damaged(str(failure)) from failure
    kept = rows.unique(IDENTITY, keep="first", maintain_order=True)
    references = read_references(folder, manifest)
    parts = []
    for day in split_days(kept):
        profiles, references = measure_profiles(day, references)
        parts.append(write_part(folder, day, profiles))
    commit_manifest(
        folder,
        msgspec.structs.replace(
            manifest,
            parts=(*manifest.parts, *parts),
            taken=(*manifest.taken, path.name),
            holes={name: holes for name, holes in manifest.holes.items() if name != path.name},
            references=_save_references(folder, manifest, references),
        ),
    )
    path.unlink(missing_ok=True)
    return rows.height, rows.height - kept.height


def _save_references(folder: Path, manifest: LogManifest, references: LogProfiles) -> dict[int, str]:
    """Write the references that are new; return the file of each."""
    before = read_references(folder, manifest)
    names = dict(manifest.references)
    for version, reference in references.items():
        known = before.get(version)
        if known is None or known.columns.keys() != reference.columns.keys():
            stem = f"reference-v{version}-{len(reference.columns)}"
            try:
                name = save_profiles(folder, stem, {version: reference})
            except OSError as error:
                raise StoreFailed(f"{folder / stem} cannot be written ({error.strerror})") from error
            if name is not None:
                names[version] = name
    return names


def _merge_parts(folder: Path, today: str) -> tuple[int, int]:
    """Merge small parts of a day, once it is over or they are many; return how many, and how many rows met twice."""
    n_merged = n_twice = 0
    for group in list(_find_mergeable(read_manifest(folder), today)):
        manifest = read_manifest(folder)
        rows = unite_chunks([read_part(folder / part.name) for part in group]).sort("received_at", SEGMENT, OFFSET)
        kept = rows.unique(IDENTITY, keep="first", maintain_order=True)
        profiles: LogProfiles
        references = read_references(folder, manifest)
        if kept.height == rows.height:
            profiles = merge_profiles((read_profiles(folder, part.profile) for part in group), references)
        else:
            profiles, references = measure_profiles(kept, references)
        replace_parts(folder, group, [write_part(folder, kept, profiles)])
        n_merged, n_twice = n_merged + len(group), n_twice + rows.height - kept.height
    return n_merged, n_twice


def replace_parts(folder: Path, old: list[LogPart], new: list[LogPart], **counts: int) -> None:
    """Make new parts count in place of old ones, in one step, then remove those. Hold the lock."""
    manifest = read_manifest(folder)
    names = {part.name for part in old}
    kept = [part for part in manifest.parts if part.name not in names]
    commit_manifest(folder, msgspec.structs.replace(manifest, parts=(*kept, *new), **counts))
    for part in old:
        (folder / part.name).unlink(missing_ok=True)
        if part.profile is not None:
            (folder / part.profile).unlink(missing_ok=True)


def _find_mergeable(manifest: LogManifest, today: str) -> Iterator[list[LogPart]]:
    small = sorted(
        (part for part in manifest.parts if part.n_rows < MERGE_ROWS), key=lambda part: (part.day, part.first_received)
    )
    for day, parts in groupby(small, key=lambda part: part.day):
        group: list[LogPart] = []
        for part in parts:
            if group and sum(each.n_rows for each in group) + part.n_rows > MERGE_ROWS:
                yield from [group] if len(group) > 1 else []
                group = []
            group.append(part)
        if len(group) >= (2 if day < today else MANY_PARTS):
            yield group
