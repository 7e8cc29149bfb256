"""Probe: rows made up from a schema, to see whether two ways of scoring agree on rare rows too."""

import random
from typing import Any

from holdtrue.domain import Column, Kind, Schema

N_ROWS = 512


def make_probe(schema: Schema) -> list[list[Any]]:
    """Return rows with every kind of value: common and extreme numbers, every level, unseen levels and nulls."""
    dice = random.Random(0)
    rows = [[_draw(column, dice) for column in schema.columns] for _ in range(N_ROWS)]
    for position, column in enumerate(schema.columns):
        for index, level in enumerate(column.levels):
            rows[index % N_ROWS][position] = level
    rows.append([None if column.nullable else _draw(column, dice) for column in schema.columns])
    return rows


def _draw(column: Column, dice: random.Random) -> Any:
    if column.nullable and dice.random() < 0.1:
        return None
    if column.kind is Kind.TEXT:
        return dice.choice([*column.levels, "\N{SNOWMAN} unseen"])
    if column.kind is Kind.BOOLEAN:
        return dice.random() < 0.5
    low = -100.0 if column.low is None else column.low
    high = 100.0 if column.high is None else column.high
    spread = (high - low) or 1.0
    value = dice.uniform(low - 0.2 * spread, high + 0.2 * spread)
    return round(value) if column.kind is Kind.INTEGER else value
