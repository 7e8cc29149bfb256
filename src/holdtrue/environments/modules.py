"""Modules: which of the imported source files were edited since, so that a warm child never runs old code."""

import sys
import sysconfig
from pathlib import Path

# A file that was written this shortly before it was imported may have been edited just after: it counts as edited.
_DOUBT_NS = 50_000_000


class ModuleWatch:
    """Remembers the imported modules of the project by the state of their files; installed libraries are left out."""

    def __init__(self) -> None:
        self._states: dict[str, tuple[int, int]] = {}
        self._installed = tuple(
            {str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
        )

    def note_imports(self, began_ns: int) -> None:
        """Note the modules that were imported since `began_ns` (Unix time); a file as young as that is not trusted."""
        for module in tuple(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and path not in self._states and self._is_projects(path):
                state = _read_state(path)
                # Compiled modules name files that are not there; what never was a file cannot be edited.
                if state is not None:
                    self._states[path] = (-1, -1) if state[0] > began_ns - _DOUBT_NS else state

    def find_edited(self) -> str | None:
        """Return the path of a module that is no longer what was imported, or None."""
        return next((path for path, state in self._states.items() if _read_state(path) != state), None)

    def _is_projects(self, path: str) -> bool:
        return path.endswith(".py") and not str(Path(path).absolute()).startswith(self._installed)


def _read_state(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
