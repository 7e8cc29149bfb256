"""Packing: a dataset as bytes and a head of JSON, for a step that is done on another machine."""

import io

import msgspec
import polars as pl

from holdtrue.data.dataset import Dataset
from holdtrue.domain import Json, Schema, Task

_COLUMNS = ("label", "key", "unit", "time", "propensity")


def pack_dataset(rows: Dataset) -> tuple[Json, bytes]:
    """Return what describes a dataset, and its rows as Arrow IPC; `unpack_dataset` makes an equal one of them."""
    columns = {name: getattr(rows, name) for name in _COLUMNS if getattr(rows, name) is not None}
    features = rows.features.rename({name: f"x.{name}" for name in rows.features.columns})
    frame = features.with_columns(**{f"y.{name}": column for name, column in columns.items()})
    file = io.BytesIO()
    frame.rechunk().write_ipc(file, compat_level=pl.CompatLevel.newest())
    head = {
        "schema": rows.schema, "task": rows.task, "classes": rows.classes,
        "names": {name: column.name for name, column in columns.items()},
    }  # fmt: skip
    return msgspec.to_builtins(head), file.getvalue()


def unpack_dataset(head: Json, data: bytes) -> Dataset:
    """Return the dataset that was packed."""
    frame = pl.read_ipc(io.BytesIO(data))
    columns = {name: frame[f"y.{name}"].alias(told) for name, told in head["names"].items()}
    features = frame.select(pl.col(name).alias(name[2:]) for name in frame.columns if name.startswith("x."))
    return Dataset(
        features=features,
        schema=msgspec.convert(head["schema"], Schema),
        task=Task(head["task"]),
        classes=tuple(head["classes"]),
        **columns,
    )
