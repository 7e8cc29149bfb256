"""Retention: rows that are past their time go, whole parts at once; those that labels may still come for stay."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from holdtrue.data.log.parts import measure_folder
from holdtrue.domain import LogPolicy, WhenFull
from holdtrue.store import LogManifest, LogPart, commit_manifest, lock_log, read_manifest

# The rest is room for the rows that come until the next look.
FULL_SHARE = 0.9


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What a look at the age and the size of a log removed.

    Attributes:
        n_expired: rows that were past the time to keep.
        n_dropped: rows that went because the budget was reached.
        n_bytes: what the log's folder holds now.
    """

    n_expired: int
    n_dropped: int
    n_bytes: int


def remove_old_rows(folder: Path, policy: LogPolicy, *, label_delay: timedelta, now: datetime) -> Removed:
    """Remove the parts of a log whose rows are all past their time, or are the oldest when the budget is reached.

    No row goes that is younger than twice the label delay, by its own moment or by its receipt: labels may come late.
    Where nothing may go, nothing goes; the workers refuse requests when the budget is full.

    Args:
        folder: the log's folder.
        policy: what was declared.
        label_delay: how long after its moment a row's label is due.
        now: business time.

    Raises:
        StateConflict: another process works on this log.
        StoreFailed: the disk refused.
    """
    if not folder.is_dir():
        return Removed(n_expired=0, n_dropped=0, n_bytes=0)
    with lock_log(folder):
        expired = [] if policy.keep is None else _find_older(folder, now, max(policy.keep, label_delay * 2))
        n_expired, n_dropped = sum(part.n_rows for part in expired), 0
        if expired:
            manifest = read_manifest(folder)
            drop_parts(folder, expired, msgspec.structs.replace(manifest, n_expired=manifest.n_expired + n_expired))
        if policy.when_full is WhenFull.DROP_OLDEST and policy.budget_bytes is not None:
            excess = measure_folder(folder) - int(policy.budget_bytes * FULL_SHARE)
            oldest = _take_bytes(_find_older(folder, now, label_delay * 2), excess)
            n_dropped = sum(part.n_rows for part in oldest)
            if oldest:
                manifest = read_manifest(folder)
                drop_parts(folder, oldest, msgspec.structs.replace(manifest, n_dropped=manifest.n_dropped + n_dropped))
        return Removed(n_expired=n_expired, n_dropped=n_dropped, n_bytes=measure_folder(folder))


def drop_parts(folder: Path, parts: list[LogPart], manifest: LogManifest) -> None:
    """Strike parts off a manifest, commit it, then remove their files. Hold the lock."""
    names = {part.name for part in parts}
    kept = tuple(part for part in manifest.parts if part.name not in names)
    commit_manifest(folder, msgspec.structs.replace(manifest, parts=kept, n_removals=manifest.n_removals + 1))
    for part in parts:
        (folder / part.name).unlink(missing_ok=True)
        if part.profile is not None:
            (folder / part.profile).unlink(missing_ok=True)


def _find_older(folder: Path, now: datetime, age: timedelta) -> list[LogPart]:
    """Return the parts whose rows are all older, the oldest first; business time and the machine's must agree."""
    seconds = age.total_seconds()
    last_time, last_received = now.timestamp() - seconds, time.time() - seconds
    older = [
        part
        for part in read_manifest(folder).parts
        if part.last_time < last_time and part.last_received < last_received
    ]
    return sorted(older, key=lambda part: part.last_received)


def _take_bytes(parts: list[LogPart], n_bytes: int) -> list[LogPart]:
    taken: list[LogPart] = []
    for part in parts:
        if sum(each.n_bytes for each in taken) >= n_bytes:
            break
        taken.append(part)
    return taken
