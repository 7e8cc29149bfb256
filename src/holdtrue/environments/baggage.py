"""Baggage: the files of a project that work on another machine needs, as one archive named by its content."""

import hashlib
import io
import os
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

from holdtrue.errors import DeclarationError

LIMIT_FILE_BYTES = 1 << 20
LIMIT_BYTES = 64 << 20
LIMIT_FILES = 2_000
_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack_project(folder: Path) -> bytes:
    """Return the Python files of a folder, and its other files of up to 1 MiB, as an archive.

    Hidden files and folders, caches and virtual environments stay behind. The same files give the same bytes.

    Raises:
        DeclarationError: the folder holds more than a project does.
    """
    archive = io.BytesIO()
    n_files = n_bytes = 0
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for path in _list_files(folder):
            data = path.read_bytes()
            n_files, n_bytes = n_files + 1, n_bytes + len(data)
            if n_files > LIMIT_FILES or n_bytes > LIMIT_BYTES:
                raise DeclarationError(
                    f"the folder {folder} holds too much to send it to other machines",
                    expected=f"at most {LIMIT_FILES:,} files of {LIMIT_BYTES >> 20} MiB together beside its data",
                    remedy="give the loop file a folder of its own",
                )
            packed.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH), data)
    return archive.getvalue()


def unpack_project(archive: bytes, folder: Path) -> Path:
    """Lay an archive out under `folder`, unless it is there; return where its files are. No bytes are no files."""
    if not archive:
        return folder
    target = folder / hashlib.sha256(archive).hexdigest()
    if target.is_dir():
        return target
    draft = folder / uuid.uuid4().hex
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        packed.extractall(draft)
    try:
        draft.rename(target)
    except OSError:  # another process was first
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _list_files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_left(Path(place) / name))
        for name in sorted(names):
            path = Path(place) / name
            if name.startswith(".") or not path.is_file():
                continue
            if path.suffix == ".py" or path.stat().st_size <= LIMIT_FILE_BYTES:
                yield path


def _is_left(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name == "__pycache__" or (folder / "pyvenv.cfg").exists()
