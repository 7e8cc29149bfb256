"""Steady: reads a log that others compact meanwhile, so that each row is found once, and none is missed."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import polars as pl

from holdtrue.errors import HoldtrueError, StoreFailed
from holdtrue.store import LogManifest, lock_log, read_manifest

Read = TypeVar("Read")
N_TRIES = 3


def read_steadily(folder: Path, read: Callable[[LogManifest], Read]) -> Read:
    """Return what `read` finds under a manifest that is still the last one when it is done.

    A compaction that commits meanwhile moves rows from segments to Parquet under the reader's hands; then all is read
    anew, and after some tries with the compaction held off. `read` must change nothing but what it returns.

    Raises:
        StoreFailed: the log cannot be read, or is damaged.
    """
    for _ in range(N_TRIES):
        manifest = read_manifest(folder)
        try:
            found = read(manifest)
        except (HoldtrueError, OSError, pl.exceptions.PolarsError):
            if read_manifest(folder).generation == manifest.generation:
                raise
            continue
        if read_manifest(folder).generation == manifest.generation:
            return found
    with lock_log(folder, is_shared=True, timeout_seconds=600.0):
        try:
            return read(read_manifest(folder))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StoreFailed(f"the log in {folder} cannot be read ({error})") from error
