"""Settings: what `pyproject.toml` says of a project under `[tool.holdtrue]`; an unknown key is an error."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from holdtrue.domain import LogPolicy, read_log_policy
from holdtrue.errors import DeclarationError

FILE = "pyproject.toml"
TABLES = ("log",)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What was declared of where and how a project runs.

    Attributes:
        log: how its prediction logs are kept.
    """

    log: LogPolicy = field(default_factory=LogPolicy)


def read_settings(folder: Path) -> Settings:
    """Return the settings of a project's folder; all defaults where there is no file, or no such table in it.

    Raises:
        DeclarationError: the file cannot be read, a key is unknown, or a value cannot be meant.
    """
    path = folder / FILE
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DeclarationError(f"{path} cannot be read ({error})", expected="a TOML file") from error
    tool = told.get("tool", {})
    ours = tool.get("holdtrue", {}) if isinstance(tool, dict) else {}
    if not isinstance(ours, dict):
        raise DeclarationError(f"[tool.holdtrue] in {path} is {ours!r}", expected="a table")
    for key in ours:
        if key not in TABLES:
            raise DeclarationError(f"[tool.holdtrue] in {path} has the key {key!r}", expected=f"one of {list(TABLES)}")
    log = ours.get("log", {})
    if not isinstance(log, dict):
        raise DeclarationError(f"log under [tool.holdtrue] in {path} is {log!r}", expected="a table")
    return Settings(log=read_log_policy(log, where=f"[tool.holdtrue.log] in {path}"))
