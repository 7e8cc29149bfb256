"""Folder: where the project's files are, so that paths among them count the same wherever the project is put."""

import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from holdtrue.codebase.kept import LOOP_FILE


def find_folders(module_name: str) -> tuple[str, ...]:
    """Return the folders that a project's paths are told from: that of the loop file, and where a module is found.

    A cluster's machines get the folder of the loop file. A folder stands here as it is called, and without links.
    """
    modules = (sys.modules.get(name) for name in (LOOP_FILE, module_name))
    folders = [folder for module in modules for folder in _find_folder(module)]
    return tuple(dict.fromkeys(folder for folder in folders if folder != os.sep))


def tell_path(text: str, folders: tuple[str, ...]) -> str | None:
    """Return a path from the project's folder on, "." for the folder itself; None for what is not under it."""
    for folder in folders:
        if text.startswith(folder) and text[len(folder) : len(folder) + 1] in {"", os.sep}:
            return text[len(folder) + 1 :] or "."
    return None


def _find_folder(module: object) -> Iterator[str]:
    file, name = getattr(module, "__file__", None), getattr(module, "__name__", "")
    if not isinstance(file, str):
        return
    path = Path(file).absolute()
    depth = name.count(".") + (path.name == "__init__.py")
    if depth < len(path.parents):
        yield from _list_names(str(path.parents[depth]))


@lru_cache(maxsize=256)
def _list_names(folder: str) -> tuple[str, str]:
    return folder, str(Path(folder).resolve())
