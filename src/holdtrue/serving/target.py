"""Target: how a project is served here, from `[tool.holdtrue.serving]` of the pyproject.toml beside its loop file."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from holdtrue.errors import DeclarationError

LONGEST_TIMEOUT_MS = 600_000
MOST_THREADS = 256
_FILE = "pyproject.toml"


@dataclass(frozen=True, kw_only=True)
class ServingTarget:
    """How a project is served in one place.

    Attributes:
        timeout_ms: the time of a request that asks for none of its own; None for as long as it takes.
        model_threads: how many threads one call of a model may use; 1 is best where requests are many and models small.
    """

    timeout_ms: int | None = None
    model_threads: int = 1

    @property
    def timeout_seconds(self) -> float | None:
        """Return the time of a request in seconds."""
        return None if self.timeout_ms is None else self.timeout_ms / 1_000


_HIGHEST = {"timeout_ms": LONGEST_TIMEOUT_MS, "model_threads": MOST_THREADS}


def read_target(folder: Path) -> ServingTarget:
    """Read how a project is served.

    Args:
        folder: the `.holdtrue` folder; the file stands beside it, and may be missing.

    Raises:
        DeclarationError: the file cannot be read, or says what is not known.
    """
    path = folder.resolve().parent / _FILE
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ServingTarget()
    except (OSError, ValueError) as error:
        raise DeclarationError(f"{path} cannot be read ({error})", expected="a TOML file in UTF-8") from error
    section = told
    for name in ("tool", "holdtrue", "serving"):
        section = section.get(name, {})
        if not isinstance(section, dict):
            raise DeclarationError(f"[tool.holdtrue.serving] in {path} is no table", expected="names and values")
    for name, value in section.items():
        _check(name, value, path)
    return ServingTarget(**section)


def _check(name: str, value: object, path: Path) -> None:
    names = [field.name for field in fields(ServingTarget)]
    if name not in names:
        raise DeclarationError(f"[tool.holdtrue.serving] in {path} says {name!r}", expected=f"one of {names}")
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _HIGHEST[name]:
        raise DeclarationError(
            f"[tool.holdtrue.serving] in {path} says {name} = {value!r}",
            expected=f"a whole number from 1 to {_HIGHEST[name]}",
        )
