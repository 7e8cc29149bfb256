"""File: where a report is written to: looked at before the work that it tells of, and written whole or not at all."""

import os
from pathlib import Path

from holdtrue.errors import DeclarationError, StoreFailed
from holdtrue.store import write_file


def check_targets(*paths: Path | None) -> None:
    """Refuse files that could not be written later; those that are None are not asked for.

    Raises:
        DeclarationError: the folder is not there or may not be written to, or the path is a folder.
    """
    for path in (path for path in paths if path is not None):
        folder = path.parent
        if path.is_dir():
            raise DeclarationError(f"{path} is a folder", expected=f"a file, such as {path / 'report.html'}")
        if not folder.is_dir():
            raise DeclarationError(
                f"there is no folder {folder} to write {path.name} into", remedy=f"make it: mkdir -p {folder}"
            )
        if not os.access(folder, os.W_OK | os.X_OK):
            raise DeclarationError(f"the folder {folder} may not be written to", expected="one that this user may")


def write_text(path: Path, text: str) -> None:
    """Write a text so that a reader, or a loss of power, sees the file before or the whole new one.

    Raises:
        StoreFailed: the disk refused it; what was there before stays.
    """
    try:
        write_file(path, text.encode())
    except OSError as error:
        raise StoreFailed(
            f"{path} could not be written ({error.strerror})",
            expected="a disk with free space that this user may write to",
            remedy="free some space or choose another path, then do it again",
        ) from error
