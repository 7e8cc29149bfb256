"""Wires: how each server wants a row, and where the probability stands in its reply."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models import NUMBERS, Model, name_columns

RowOf = Mapping[str, object]
DATATYPES = {float: "FP64", int: "INT64", str: "BYTES"}
Reply = Any  # what a server's JSON holds; `Wire.answer` makes a number of what was found in it


@dataclass(frozen=True)
class Wire:
    """A form of request: its path (with {model}), the body of a row, and the probability in a reply."""

    path: str
    write: Callable[[Model, RowOf], object]
    read: Callable[[Reply], Any]

    def body(self, model: Model, row: RowOf) -> bytes:
        """Return the body of a request for one row."""
        return json.dumps(self.write(model, row)).encode()

    def answer(self, content: bytes) -> float:
        """Return the probability in a reply."""
        return float(self.read(json.loads(content)))


def write_tensors(model: Model, row: RowOf) -> object:
    """Return a row as the Open Inference Protocol V2: one tensor of all floats, or one for each column."""
    if not model.has_texts:
        data = [row[name] for name in name_columns(model)]
        return {"inputs": [{"name": "x", "shape": [1, len(data)], "datatype": "FP64", "data": data}]}
    tensors = [
        {"name": name, "shape": [1], "datatype": DATATYPES[type(value)], "data": [value]} for name, value in row.items()
    ]
    return {"inputs": tensors}


def write_tensors_for_mlserver(model: Model, row: RowOf) -> object:
    """Return a row as V2 for MLServer, which wants shape [n, 1] of a column and a hint that it is text."""
    if not model.has_texts:
        return write_tensors(model, row)
    tensors = []
    for name in name_columns(model):
        tensor: dict[str, object] = {
            "name": name,
            "shape": [1, 1],
            "datatype": "FP64" if name in NUMBERS else "BYTES",
            "data": [row[name]],
        }
        if name not in NUMBERS:
            tensor["parameters"] = {"content_type": "str"}
        tensors.append(tensor)
    return {"parameters": {"content_type": "pd"}, "inputs": tensors}


def write_split(model: Model, row: RowOf) -> object:
    """Return a row as MLflow's `dataframe_split`, and floats as its `inputs`."""
    names = name_columns(model)
    if not model.has_texts:
        return {"inputs": [[row[name] for name in names]]}
    return {"dataframe_split": {"columns": list(names), "data": [[row[name] for name in names]]}}


def write_rows(model: Model, row: RowOf) -> object:
    """Return {"rows": [...]}: a record where there are texts, else a list."""
    return {"rows": [dict(row) if model.has_texts else [row[name] for name in name_columns(model)]]}


def write_row(model: Model, row: RowOf) -> object:
    """Return {"row": ...}: the same for one row."""
    return {"row": dict(row) if model.has_texts else [row[name] for name in name_columns(model)]}


def _read_tensor(reply: Reply) -> float:
    return float(reply["outputs"][0]["data"][-1])


def _read_native(reply: Reply) -> float:
    return float(reply["predictions"][0]["answer"]["probabilities"]["true"])


def _read_first(reply: Reply) -> float:
    found = reply["predictions"][0]
    return float(found[-1] if isinstance(found, list) else found)


V2 = Wire("/v2/models/{model}/infer", write_tensors, _read_tensor)
V2_MLSERVER = Wire("/v2/models/{model}/infer", write_tensors_for_mlserver, _read_tensor)
NATIVE = Wire("/v1/predict/{model}", lambda _, row: {"rows": [dict(row)]}, _read_native)
BY_HAND = Wire("/predict", lambda _, row: dict(row), lambda reply: reply["probability"])
MLFLOW = Wire("/invocations", write_split, _read_first)
BENTOML = Wire("/predict", write_rows, lambda reply: reply[0])
ONE_ROW = Wire("/predict", write_row, lambda reply: reply["probability"])
