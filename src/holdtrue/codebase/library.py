"""Libraries: which modules are the project's own, to be read, and which are installed, to be named and dated."""

import importlib.metadata
import importlib.util
import sys
import sysconfig
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Protocol

# Packages whose distribution has another name; looking all of them up takes 0.2 s.
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "dateutil": "python-dateutil", "yaml": "PyYAML", "PIL": "pillow"}
_OWN = "holdtrue"
_INSTALLED_FOLDERS = ("site-packages", "dist-packages")


class Kept(Protocol):
    """Modules under private names."""

    def strip(self, name: str) -> str:
        """Return the own name of a module that stands under a private one; others as they are."""
        ...

    def find_module(self, name: str) -> ModuleType | None:
        """Return a module by its own name; None where none is kept under it."""
        ...


class Libraries:
    """Tells the modules of the project from those of libraries.

    A library is the standard library, what is installed in site-packages, and holdtrue. Packages that are installed as
    editable are the project's, since they change without their version. So is the package of the function whose
    fingerprint is taken, wherever it is.

    Args:
        package: that of the function.
        kept: where its modules stand under private names.
    """

    def __init__(self, *, package: str, kept: Kept | None = None) -> None:
        self._package = package
        self.kept = kept
        self.named: set[str] = set()  # what was named so far

    def strip(self, module_name: str) -> str:
        """Return the own name of a module, whatever it is kept under."""
        return module_name if self.kept is None else self.kept.strip(module_name)

    def name_library(self, module_name: str) -> str | None:
        """Return the name and version of the library that a module belongs to, or None for a module of the project."""
        if self._package and f"{module_name}.".startswith(f"{self._package}."):
            return None
        library = _name_library(module_name)
        if library is not None:
            self.named.add(library)
        return library


@lru_cache(maxsize=4096)
def _name_library(module_name: str) -> str | None:
    top = module_name.partition(".")[0]
    if top == _OWN:
        return f"{_OWN} {read_version(_OWN)}"
    path = _find_file(module_name)
    if path is None:
        is_ours = top not in sys.stdlib_module_names and top not in sys.builtin_module_names
        return None if is_ours else "python"
    if any(folder in path.parts for folder in _INSTALLED_FOLDERS):
        return f"{top} {read_version(top)}"
    standard = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    return "python" if any(path.is_relative_to(folder) for folder in standard) else None


def _find_file(module_name: str) -> Path | None:
    module = sys.modules.get(module_name)
    if module is None:
        try:
            spec = importlib.util.find_spec(module_name)
        except (ImportError, ValueError, AttributeError):
            return None
        origin = spec.origin if spec is not None and spec.has_location else None
        return Path(origin) if origin else None
    path = getattr(module, "__file__", None)
    if path is None and isinstance(module, ModuleType):  # a package without __init__.py has only folders
        path = next(iter(getattr(module, "__path__", ())), None)
    return Path(path) if isinstance(path, str) else None


def read_version(top: str) -> str:
    """Return the installed version of the distribution that a top-level package comes from."""
    try:
        return importlib.metadata.version(_DISTRIBUTIONS.get(top, top))
    except importlib.metadata.PackageNotFoundError:
        owners = sorted(set(_list_distributions().get(top, ())))
    if owners:
        return " ".join(f"{owner} {importlib.metadata.version(owner)}" for owner in owners)
    return str(getattr(sys.modules.get(top), "__version__", "unknown"))


@lru_cache(maxsize=1)
def _list_distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()
