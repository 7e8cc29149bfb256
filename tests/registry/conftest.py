"""Rows and signatures that the tests of the registry share."""

import numpy as np
import polars as pl
import pytest

from holdtrue.domain import Column, Kind, Schema, Signature, Task
from holdtrue.store import Store

LEVELS = ("x", "y", "z")
SCHEMA = Schema(
    (
        Column(name="age", kind=Kind.NUMBER),
        Column(name="visits", kind=Kind.INTEGER),
        Column(name="place", kind=Kind.TEXT, levels=LEVELS),
        Column(name="is_new", kind=Kind.BOOLEAN),
    )
)
NUMBERS = Schema(tuple(column for column in SCHEMA.columns if column.kind is not Kind.TEXT))


def make_signature(task=Task.BINARY, classes=(False, True), schema=SCHEMA):
    return Signature(schema=schema, task=task, label="late", classes=() if task is Task.REGRESSION else tuple(classes))


@pytest.fixture(scope="session")
def frame():
    rng = np.random.default_rng(7)
    n = 300
    return pl.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "visits": rng.integers(0, 9, n),
            "place": pl.Series(rng.choice(LEVELS, n)).cast(pl.Enum(LEVELS)),
            "is_new": rng.random(n) < 0.4,
        }
    ).with_columns(
        pl.when(pl.col("age") > 55).then(None).otherwise(pl.col("age")).alias("age"),
        pl.when(pl.col("age") < 25).then(None).otherwise(pl.col("place")).alias("place"),
    )


@pytest.fixture(scope="session")
def numbers(frame):
    return frame.select(pl.col("age").fill_null(40.0), "visits", "is_new")


@pytest.fixture(scope="session")
def late(frame):
    rng = np.random.default_rng(8)
    return (frame["visits"].to_numpy() > 4) ^ (rng.random(frame.height) < 0.2)


@pytest.fixture(scope="session")
def minutes(frame):
    return frame["visits"].to_numpy() * 3.0 + np.random.default_rng(9).normal(size=frame.height)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / ".holdtrue") as opened:
        yield opened
