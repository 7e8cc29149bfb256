"""Function proof: before a training a function of the project is asked some rows twice, and so is its kept source."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from holdtrue.data.computed import find_sort
from holdtrue.data.history import KEY
from holdtrue.data.proof import EDGES, N_PROVED
from holdtrue.data.row_function import DeclaredFunction, list_rows
from holdtrue.domain import Feature, RowFunction, RowFunctionFailed, ask_row
from holdtrue.errors import DeclarationError

_CLOCK = "it must depend on its row alone: the row has its own time, and a server has another clock"
_STATE = "it must depend on its row alone: no random numbers, no clock, nothing remembered of earlier rows"
_SOURCE = "it must depend on its row and on what it names: constants, functions, classes and modules"


def prove_functions(
    frame: pl.DataFrame, features: Sequence[Feature], functions: Mapping[str, DeclaredFunction]
) -> None:
    """Show on rows, and on rows of nulls and extremes that a function takes, that it makes the same of them everywhere.

    The kept source is asked in the opposite order, and once more where the clock goes by another time.

    Raises:
        DeclarationError: it makes something else of the same row; names row and column.
    """
    for function, columns in itertools.groupby(features, key=lambda each: each.function):
        if function is None:
            continue
        made, declared = list(columns), functions[function.name]
        rows = list(list_rows(frame.gather_every(max(1, frame.height // N_PROVED)).head(N_PROVED), function))
        keys = frame[KEY].gather_every(max(1, frame.height // N_PROVED)).head(N_PROVED).to_list()
        told = [f"the row {key!r}" for key in keys]
        _prove_rows(declared, made, rows, told)
        edges = _lay_edges(frame, function)
        taken = [row for row in edges if _takes(declared.ask, row, made)]
        _prove_rows(declared, made, taken, [f"a row of nulls or extremes ({row})" for row in taken])


def _prove_rows(
    declared: DeclaredFunction, made: Sequence[Feature], rows: Sequence[dict[str, Any]], told: Sequence[str]
) -> None:
    wanted = [_ask(declared.ask, row, made, declared) for row in rows]
    ways: tuple[tuple[Callable[..., Any], str, str], ...] = (
        (declared.ask, "when it is asked again", _STATE),
        (declared.kept, "by its kept source, in the opposite order of the rows", _SOURCE),
        (declared.kept, "by its kept source, when it is asked again", _STATE),
        (declared.moved, "when the clock goes by another time", _CLOCK),
    )
    for ask, by, expected in ways:
        for place in reversed(range(len(rows))):
            try:
                found = _ask(ask, rows[place], made, declared)
            except RowFunctionFailed as failure:
                said = f"{failure.found} for {told[place]} {by}, and did not before"
                raise RowFunctionFailed(said, expected=expected, remedy=failure.remedy) from failure.__cause__
            for feature, one, other in zip(made, wanted[place], found, strict=True):
                if one != other:
                    raise DeclarationError(
                        f"{declared.told} made {feature.name!r} = {one!r} of {told[place]}, and {other!r} {by}",
                        expected=expected,
                    )


def _ask(
    ask: Callable[..., Any], row: dict[str, Any], made: Sequence[Feature], declared: DeclaredFunction
) -> list[Any]:
    return ask_row(ask, dict(row), made, told=declared.told)


def _takes(ask: Callable[..., Any], row: dict[str, Any], made: Sequence[Feature]) -> bool:
    try:
        ask_row(ask, dict(row), made, told="")
    except RowFunctionFailed:
        return False
    return True


def _lay_edges(frame: pl.DataFrame, function: RowFunction) -> list[dict[str, Any]]:
    """Return rows without any value but their time, and with the extremes of each kind."""
    first = next(list_rows(frame.head(1), function), None)
    if first is None:
        return []
    sorts = {name: find_sort(frame.schema[name]) for name in function.takes if name != function.time}
    n_edges = len(next(iter(EDGES.values())))
    ends = {name: EDGES.get(sort, (None,) * n_edges) for name, sort in sorts.items()}
    rows: list[dict[str, Any]] = [{name: ends[name][i] for name in sorts} for i in range(n_edges)]
    return [{**row, function.time: first[function.time]} for row in [dict.fromkeys(sorts), *rows]]
