"""Breaches: where a frame does not keep its schema, told in sentences; one pass of the engine for all that is asked."""

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl

from holdtrue.clock import format_span
from holdtrue.data.conditions import Condition, find_conditions, lay_plain
from holdtrue.data.rules import ENGINE_ERRORS, find_table_rules, tell_engine_error
from holdtrue.domain import Limits, Schema, format_clause, format_count
from holdtrue.errors import SchemaMismatch

_SHOWN_CHARACTERS = 60
_OF_ONE = {"have": "has", "repeat": "repeats", "break": "breaks"}


def check_frame(frame: pl.DataFrame, schema: Schema, *, key: str | None = None, is_table: bool = True) -> list[str]:
    """Return a sentence for each breach of the schema, with how many rows break it and the first of them.

    Args:
        frame: the rows; columns that the schema does not name are left alone.
        schema: columns, rules, and the least number of rows.
        key: the column that names a row beside its position, which counts from 0.
        is_table: whether the rows are a whole table: only of one can be asked how many rows there are, that a value
            occurs once, or what share is null.
    """
    conditions, breaches = find_conditions(frame, schema, has_unique=is_table)
    if is_table and schema.min_rows is not None and frame.height < schema.min_rows:
        breaches.append(
            f"there {'is' if frame.height == 1 else 'are'} {format_count(frame.height, 'row')}, "
            f"and at least {schema.min_rows:,} are expected"
        )
    if is_table:
        breaches.extend(_tell_null_shares(frame, schema))
    return [*breaches, *_tell_broken(frame, conditions, key)]


def check_rows(frame: pl.DataFrame, schema: Schema, *, key: str | None = None) -> list[str]:
    """Return a sentence for each declared limit and rule of a request that rows to be answered do not keep."""
    table_rules = find_table_rules(schema)
    asked = Schema(
        tuple(replace(column, nullable=True) for column in schema.columns if column.limits != Limits()),
        rules=tuple(rule for rule in schema.rules if rule not in table_rules),
    )
    return check_frame(frame, asked, key=key, is_table=False)


def refuse_breaches(breaches: list[str], source: str) -> None:
    """Raise one error that lists all breaches, if there are any."""
    if not breaches:
        return
    n = len(breaches)
    raise SchemaMismatch(
        f"{source} breaks its schema in {n} {'way' if n == 1 else 'ways'}:\n- " + ";\n- ".join(breaches),
        expected="rows that keep the declared schema (rows are counted from 0)",
        remedy="mend the rows, or change the schema if it is the world that changed",
    )


def select_sound(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Return the rows that keep all that the schema asks of a single row; columns that are not there ask nothing."""
    known = Schema(tuple(column for column in schema.columns if column.name in frame.columns), rules=schema.rules)
    conditions, _ = find_conditions(frame, known, has_unique=False)
    plain = lay_plain(frame)
    counts = _count_broken(plain, conditions) if conditions and frame.height else []
    broken = [
        each.broken.fill_null(value=False)
        for each, n in zip(conditions, counts, strict=False)
        if isinstance(n, int) and n
    ]
    return frame.filter(~plain.select(pl.any_horizontal(broken)).collect().to_series()) if broken else frame


def find_suspects(frame: pl.DataFrame, schema: Schema) -> pl.Series:
    """Return for each row whether it may break what a request is held to: shape (n_rows,), boolean.

    Where the engine cannot ask a condition of these values, every row is suspect.

    Raises:
        SchemaMismatch: a column is missing, or holds values of another kind.
    """
    table_rules = find_table_rules(schema)
    rules = tuple(rule for rule in schema.rules if rule not in table_rules)
    conditions, breaches = find_conditions(frame, Schema(schema.columns, rules=rules), has_unique=False)
    refuse_breaches(breaches, "the file")
    plain = lay_plain(frame)
    counts = _count_broken(plain, conditions) if conditions and frame.height else []
    if any(isinstance(n, str) for n in counts):
        return pl.Series("suspect", [True]).new_from_index(0, frame.height)
    broken = [each.broken.fill_null(value=False) for each, n in zip(conditions, counts, strict=False) if n]
    if not broken:
        return pl.Series("suspect", [False]).new_from_index(0, frame.height)
    return plain.select(pl.any_horizontal(broken).alias("suspect")).collect().to_series()


def check_order(times: pl.Series, schema: Schema) -> list[str]:
    """Return a sentence when the schema asks for rows in order of time and these are not."""
    if not schema.is_ordered or times.is_sorted():
        return []
    is_early = times.diff().dt.total_microseconds() < 0
    n, row = int(is_early.sum() or 0), is_early.fill_null(value=False).arg_max() or 0
    return [
        f"{format_clause(n, 'row', one='is', many='are')} earlier than the "
        f"row before; the first is row {row:,}: {times.name} = {times[row]}"
    ]


def check_freshness(newest: datetime, schema: Schema | None, now: datetime) -> str:
    """Return a sentence when the newest row is older than the schema allows, and else an empty text."""
    if schema is None or schema.fresh_within is None or now - newest <= schema.fresh_within:
        return ""
    age = format_span(now - newest)
    return (
        f"the newest row is of {newest.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {age} ago, "
        f"and at most {format_span(schema.fresh_within)} are allowed"
    )


def _tell_null_shares(frame: pl.DataFrame, schema: Schema) -> list[str]:
    told = []
    for column in schema.columns:
        most = column.limits.max_null_share
        if most is None or column.name not in frame.columns or not frame.height:
            continue
        values = frame[column.name]
        n_nulls = values.null_count() + (int(values.is_nan().sum() or 0) if values.dtype.is_float() else 0)
        if n_nulls > most * frame.height:
            told.append(
                f"{n_nulls:,} of {format_count(frame.height, 'value')} of "
                f"{column.name!r} {'is' if n_nulls == 1 else 'are'} null "
                f"({100 * n_nulls / frame.height:.3g} %), and at most {100 * most:.3g} % are allowed"
            )
    return told


def _tell_broken(frame: pl.DataFrame, conditions: list[Condition], key: str | None) -> list[str]:
    if not conditions or not frame.height:
        return []
    plain = lay_plain(frame)
    counts = list(zip(conditions, _count_broken(plain, conditions), strict=True))
    problems = [f"that rows {each.told} cannot be asked: {said}" for each, said in counts if isinstance(said, str)]
    broken = [(each, n) for each, n in counts if isinstance(n, int) and n]
    if not broken:
        return problems
    # In memory: the arg_max of polars 2.1 is wrong on booleans when it streams. To list all the rows that break a rule,
    # and take the first of them, takes three times as long.
    asked = [each.broken.fill_null(value=False) for each, _ in broken]
    firsts = plain.select(is_broken.arg_max().alias(str(i)) for i, is_broken in enumerate(asked))
    rows = firsts.collect(engine="in-memory").row(0)
    return [*problems, *(_tell(frame, each, n, row, key) for (each, n), row in zip(broken, rows, strict=True))]


def _count_broken(plain: pl.LazyFrame, conditions: list[Condition]) -> list[int | str]:
    """Return how many rows break each condition, or why that cannot be asked of these values."""
    try:
        return list(plain.select(each.broken.sum().alias(str(i)) for i, each in enumerate(conditions)).collect().row(0))
    except ENGINE_ERRORS as error:
        if len(conditions) == 1:
            return [tell_engine_error(error)]
    return [found for each in conditions for found in _count_broken(plain, [each])]


def _tell(frame: pl.DataFrame, condition: Condition, n: int, row: int, key: str | None) -> str:
    named = f" ({key} {_show(frame[key][row])})" if key is not None and key in frame.columns else ""
    values = ", ".join(f"{name} = {_show(frame[name][row])}" for name in condition.names)
    return (
        f"{n:,} of {format_count(frame.height, 'row')} "
        f"{_agree(condition.told, n)}; the first is row {row:,}{named}: {values}"
    )


def _agree(told: str, n: int) -> str:
    verb, rest = told.split(" ", 1)
    return f"{_OF_ONE.get(verb, verb) if n == 1 else verb} {rest}"


def _show(value: object) -> str:
    text = repr(value) if value is not None else "null"
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."
