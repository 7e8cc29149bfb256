"""Pandera schema: what a team has said to pandera, taken over whole or refused by name."""

from collections.abc import Callable
from typing import Any

import pandera.polars as pandera
import polars as pl

from holdtrue.data.columns import TEXTS
from holdtrue.domain import Column, Kind, Schema, column
from holdtrue.errors import DeclarationError

Limit = dict[str, Any]
# What of a pandera schema or column says more than a holdtrue schema can, and the value that says nothing.
_OF_SCHEMA: dict[str, object] = {
    "checks": [],
    "parsers": [],
    "unique": None,
    "coerce": False,
    "ordered": False,
    "strict": False,
    "drop_invalid_rows": False,
    "add_missing_columns": False,
    "dtype": None,
}
_OF_COLUMN: dict[str, object] = {
    "parsers": [],
    "coerce": False,
    "regex": False,
    "required": True,
    "drop_invalid_rows": False,
    "default": None,
}


def read_pandera(source: Any) -> Schema:
    """Return a pandera schema for polars as a schema.

    Kinds, nullable, unique, and the checks ge, le, in_range (with its ends), between, isin and eq are taken over.

    Raises:
        DeclarationError: it is no pandera schema for polars, or says something else; all such things are listed.
    """
    if isinstance(source, type) and issubclass(source, pandera.DataFrameModel):
        source = source.to_schema()
    if not isinstance(source, pandera.DataFrameSchema):
        raise DeclarationError(
            f"schema({source!r})",
            expected="the path of a schema file, or a DataFrameSchema or DataFrameModel of pandera.polars",
        )
    refused = [f"{name}={getattr(source, name)!r}" for name, none in _OF_SCHEMA.items() if _says(source, name, none)]
    columns = []
    for name, declared in source.columns.items():
        taken, problems = _read_column(str(name), declared)
        refused += [f"{problem} of the column {name!r}" for problem in problems]
        columns.append(taken)
    if refused:
        raise DeclarationError(
            f"this cannot be taken over from pandera: {'; '.join(refused)}",
            expected="dtype, nullable, unique, and the checks ge, le, in_range, isin and eq",
            remedy="take it out, or say it in rules={...} of holdtrue.schema",
        )
    return Schema(tuple(each for each in columns if each is not None))


def _says(thing: Any, name: str, none: object) -> bool:
    value = getattr(thing, name, none)
    return value != none and value is not None and value != []


def _read_column(name: str, declared: Any) -> tuple[Column | None, list[str]]:
    says = [part for part, none in _OF_COLUMN.items() if _says(declared, part, none)]
    problems = [f"{part}={getattr(declared, part)!r}" for part in says]
    dtype = None if declared.dtype is None else declared.dtype.type
    kind = _find_kind(dtype)
    if kind is None:
        return None, [*problems, f"dtype={'none' if dtype is None else dtype}"]
    limit: Limit = {}
    if isinstance(dtype, pl.Enum):
        limit = {"levels": dtype.categories.to_list(), "closed": True}
    for check in declared.checks:
        found = _read_check(check, kind)
        problem = f"the check {check.error or check.name or check!r}" if found is None else _narrow(limit, found)
        problems += [problem] if problem else []
    if problems:
        return None, problems
    return column(name, kind, nullable=declared.nullable, unique=declared.unique, **limit), []


def _find_kind(dtype: Any) -> Kind | None:
    if dtype is None:
        return None
    if isinstance(dtype, TEXTS) or dtype in TEXTS:
        return Kind.TEXT
    if dtype == pl.Boolean:
        return Kind.BOOLEAN
    if not dtype.is_numeric():
        return None
    return Kind.INTEGER if dtype.is_integer() else Kind.NUMBER


def _read_check(check: pandera.Check, kind: Kind) -> Limit | None:
    """Return what a check allows, or None when that is more than limits can say."""
    if check.name not in _CHECKS or check.raise_warning or not check.ignore_na or check.groupby is not None:
        return None
    statistics: dict[str, Any] = check.statistics or {}
    found = _CHECKS[str(check.name)](statistics)
    is_of_text = found is not None and "levels" in found
    return found if found is not None and is_of_text is (kind is Kind.TEXT) and kind is not Kind.BOOLEAN else None


def _take_range(said: dict[str, Any]) -> Limit | None:
    if not (said["include_min"] and said["include_max"]):
        return None
    return {"low": said["min_value"], "high": said["max_value"]}


def _take_set(said: dict[str, Any]) -> Limit | None:
    levels = list(said["allowed_values"])
    return {"levels": sorted(levels), "closed": True} if all(isinstance(each, str) for each in levels) else None


def _take_value(said: dict[str, Any]) -> Limit:
    value = said["value"]
    return {"levels": [value], "closed": True} if isinstance(value, str) else {"low": value, "high": value}


_CHECKS: dict[str, Callable[[dict[str, Any]], Limit | None]] = {
    "greater_than_or_equal_to": lambda said: {"low": said["min_value"]},
    "less_than_or_equal_to": lambda said: {"high": said["max_value"]},
    "in_range": _take_range,
    "isin": _take_set,
    "equal_to": _take_value,
}


def _narrow(limit: Limit, found: Limit) -> str:
    """Narrow a limit by another, as two checks do; return what is left of nothing, or an empty text."""
    if "low" in found:
        limit["low"] = max(found["low"], limit.get("low", found["low"]))
    if "high" in found:
        limit["high"] = min(found["high"], limit.get("high", found["high"]))
    if "levels" in found:
        before: Any = limit.get("levels", found["levels"])
        limit["levels"] = [level for level in before if level in found["levels"]]
        limit["closed"] = True
        return "" if limit["levels"] else "a set of checks that no value passes"
    return ""
