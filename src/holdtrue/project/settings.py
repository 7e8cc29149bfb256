"""Settings: what `pyproject.toml` says of a project under `[tool.holdtrue]`; an unknown key is an error."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

from holdtrue.domain import LogPolicy, Loop, read_log_policy
from holdtrue.errors import DeclarationError

FOLDER = ".holdtrue"
FILE = "pyproject.toml"
# What `serving` says is read where workers start, and what `database` says where the store is opened.
TABLES = ("cost", "database", "log", "serving")


@dataclass(frozen=True, kw_only=True)
class CostTerms:
    """What computing costs: `core_hour` is the price of one core for an hour in `currency`; None leaves it unsaid."""

    core_hour: float | None = None
    currency: str = "USD"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What was declared of where and how a project runs.

    Attributes:
        log: how its prediction logs are kept.
        cost: what computing costs.
    """

    log: LogPolicy = field(default_factory=LogPolicy)
    cost: CostTerms = field(default_factory=CostTerms)


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
    cost = read_cost_terms(ours.get("cost", {}), where=f"[tool.holdtrue.cost] in {path}")
    return Settings(log=read_log_policy(log, where=f"[tool.holdtrue.log] in {path}"), cost=cost)


def find_price(loop: Loop, settings: Settings) -> float | None:
    """Return the price of one core for an hour.

    Raises:
        DeclarationError: a guard of the loop counts money, and there is no price.
    """
    most = None if loop.guards is None else loop.guards.max_cost_a_month
    if most is not None and settings.cost.core_hour is None:
        raise DeclarationError(
            f"{loop.name} may cost {most:g} a month, and there is no price to count with",
            expected=f"core_hour under [tool.holdtrue.cost] in {FILE}",
            remedy="write core_hour = 0.05, what an hour of one core costs",
        )
    return settings.cost.core_hour


def read_cost_terms(told: object, *, where: str) -> CostTerms:
    """Return what a table of settings says of cost; raises `DeclarationError` for what cannot be meant."""
    try:
        terms = msgspec.convert(told, _CostTable)
    except msgspec.ValidationError as error:
        raise DeclarationError(f"{where}: {error}", expected='core_hour = 0.05 and currency = "USD"') from error
    return CostTerms(core_hour=terms.core_hour, currency=terms.currency)


class _CostTable(msgspec.Struct, forbid_unknown_fields=True):
    core_hour: Annotated[float, msgspec.Meta(ge=0)] | None = None
    currency: str = "USD"
