"""File: one file put in place of another so that nobody, and no loss of power, finds half of it.

Imports nothing but the standard library, because the serving workers load it.
"""

import contextlib
import os
from pathlib import Path


def write_file(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file that a reader, or a loss of power, finds as it was or as it is to be; raises OSError.

    Args:
        path: the file; where it is a link, what it points to is replaced.
        content: all of it.
        mode: its permissions, less what the process masks.
    """
    path = path.resolve()
    draft = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
        settle_file(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def settle_file(draft: Path, path: Path) -> None:
    """Give a finished file its name, down to the disk; raises OSError."""
    _sync(draft)
    draft.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
