"""Proof: before a training it is shown on rows that features come out in a server as they do here."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import polars as pl

from holdtrue.data.computed import ask_polars, derive_columns, find_sort, find_sorts, spell_plain
from holdtrue.data.history import KEY, LABEL_TIME, TIME, History, is_part
from holdtrue.data.past import find_refresh, gather_column, gather_lookup
from holdtrue.data.typed_expression import TIME_SORT, Sort
from holdtrue.domain import (
    MOMENT,
    Ask,
    Feature,
    Kind,
    Lookup,
    Loop,
    PastTable,
    make_formula,
    settle_value,
)
from holdtrue.errors import DeclarationError

N_PROVED = 200
N_POWERS = 15
TOLERANCE = 1e-9
EDGES: Mapping[Sort, Sequence[object]] = {
    Kind.NUMBER: (0.0, -1.0, 1e-300, 1e300),
    Kind.INTEGER: (0, -1, 2**62, -(2**63)),
    Kind.BOOLEAN: (False, True, False, True),
    Kind.TEXT: ("", "é", "a b", "Z"),
}


def prove_expressions(frame: pl.DataFrame, features: Sequence[Feature], loop: Loop, calls: Mapping[str, Ask]) -> None:
    """Show on rows that polars means by each expression what a server will compute."""
    rows = frame.gather_every(max(1, frame.height // N_PROVED)).head(N_PROVED)
    for feature in features:
        if feature.formula:
            said = loop.declared_features[feature.name]
            assert isinstance(said, pl.Expr), "it was read as one"
            _prove_translation(rows, feature, said, loop.table.time)
    edges = lay_edges(rows, features)
    for sample in (rows, derive_columns(edges, [f for f in features if f.past is None], calls=calls, failed={})):
        _prove_formulas(sample, features)


def _prove_translation(rows: pl.DataFrame, feature: Feature, said: pl.Expr, time: str) -> None:
    own = ask_polars(rows.with_columns(pl.col(TIME).alias(time)), feature.name, said)
    _compare(rows, feature.name, own.to_list(), "polars itself")


def _prove_formulas(rows: pl.DataFrame, features: Sequence[Feature]) -> None:
    kinds = {name: sort for name, sort in find_sorts(rows).items() if isinstance(sort, Kind)}
    plain = spell_plain(rows)
    for feature in features:
        if feature.formula:
            ask = _make_formula(feature)
            answers = [settle_value(ask(row), kinds[feature.name]) for row in plain.iter_rows(named=True)]
            _compare(rows, feature.name, answers, "a server")


def prove_lookups(known: History, features: Sequence[Feature]) -> None:
    """Show on the rows whose labels came last that a server finds in a lookup what training gathers for them."""
    rows = known.frame.filter(known.frame[LABEL_TIME].is_not_null()).top_k(N_PROVED, by=LABEL_TIME)
    newest = rows[LABEL_TIME].max()
    if not isinstance(newest, datetime):
        return
    kinds = find_sorts(rows)
    plain = spell_plain(rows)
    for feature in features:
        past = feature.past
        if past is None:
            continue
        refresh = find_refresh(newest, past.every) + past.every
        table = PastTable(refreshed_at=refresh, values=gather_lookup(past, known, refresh=refresh))
        lookup = Lookup(tables={past.digest: table})
        asked = rows.with_columns(pl.lit(refresh, dtype=rows.schema[TIME]).alias(TIME))
        wanted = pl.Series(feature.name, gather_column(asked, past, known)).fill_nan(None)
        for row, value in zip(plain.iter_rows(named=True), wanted, strict=True):
            found = lookup.find(past, {name: _settle(row[name], kinds[name]) for name in past.by}, at=refresh)
            if not _are_equal(value, found):
                raise DeclarationError(
                    f"the feature {feature.name!r} of the row {row[KEY]!r} is {value!r} at {refresh:%Y-%m-%d %H:%M}"
                    f" UTC, and {found!r} by the lookup of a server",
                    expected="the same everywhere",
                    remedy="gather by texts, whole numbers or booleans",
                )


def _settle(value: object, sort: Sort) -> object:
    """Return a value of a row as a server reads it of a request."""
    return settle_value(value, sort) if isinstance(sort, Kind) else value


def _make_formula(feature: Feature) -> Callable[[Mapping[str, object]], object]:
    try:
        return make_formula(feature.formula)
    except (KeyError, ValueError) as error:  # polars brings its own time zones, Python takes those of the system
        raise DeclarationError(
            f"the feature {feature.name!r} cannot be served ({error})",
            expected="time zones that Python knows",
            remedy="pip install tzdata, here and where it is served",
        ) from error


def _compare(rows: pl.DataFrame, name: str, answers: Sequence[object], by: str) -> None:
    for place, (wanted, got) in enumerate(zip(rows[name].to_list(), answers, strict=True)):
        if not _are_equal(wanted, got):
            key = f" of the row {rows[KEY][place]!r}" if KEY in rows.columns else ""
            raise DeclarationError(
                f"the feature {name!r}{key} is {wanted!r} in 64 bits, and {got!r} by {by}",
                expected="the same everywhere",
                remedy="cast what it is made of to Float64 or Int64 first: small whole numbers overflow",
            )


def _are_equal(one: object, other: object) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    numbers = [float(each) if isinstance(each, int | float) and math.isfinite(each) else None for each in (one, other)]
    if numbers[0] is None or numbers[1] is None:
        return numbers[0] is numbers[1]
    return math.isclose(numbers[0], numbers[1], rel_tol=TOLERANCE, abs_tol=1e-12)


def lay_edges(rows: pl.DataFrame, features: Sequence[Feature]) -> pl.DataFrame:
    """Return rows that no table may have: without any value, with the extremes of each kind, the powers of a base."""
    computed = {feature.name for feature in features if feature.past is None}
    powers = [power for feature in features if feature.formula for power in _find_powers(json.loads(feature.formula))]
    columns = []
    for name, dtype in rows.schema.items():
        if name in computed or (is_part(name) and name != MOMENT):
            continue
        sort = find_sort(dtype)
        if sort == TIME_SORT:
            columns.append(pl.concat([rows[name].head(1)] * (5 + len(powers))))
            continue
        ends: Sequence[object] = EDGES.get(sort, (None,) * 4)
        more: list[object] = [None] * len(powers)
        if sort is Kind.NUMBER:
            more = [*powers]
        elif sort is Kind.INTEGER:
            more = [int(power) if power < 2**63 else None for power in powers]
        kept = pl.String() if sort is Kind.TEXT else dtype
        columns.append(pl.Series(name, [None, *ends, *more], dtype=kept, strict=False))
    return pl.DataFrame(columns)


def _find_powers(tree: object) -> Iterator[float]:
    """Yield the powers of the constant bases of a formula's logarithms: there a last bit decides what is rounded."""
    if not isinstance(tree, list) or tree[:1] == ["lit"]:
        return
    if tree[:1] == ["log"] and tree[2][0] == "lit" and tree[2][1] and tree[2][1] > 0:
        yield from (float(tree[2][1]) ** power for power in range(1, N_POWERS + 1))
    for each in tree:
        yield from _find_powers(each)
