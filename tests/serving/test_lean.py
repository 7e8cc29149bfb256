"""Whatever the format, a process that only answers loads it without the libraries that training needs."""

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
import xgboost
from onnx import TensorProto, helper

from holdtrue.domain import ModelFormat, Task
from holdtrue.registry import dump_model
from holdtrue.serving.answer.lean import hide_optional

CODE = """
import json, sys, time
from datetime import UTC, datetime
from holdtrue.domain import Column, Kind, Lineage, Loss, ModelFormat, Schema, Signature, Task, Version
from holdtrue.registry import explain_row, load_model
from holdtrue.serving.answer.lean import hide_optional
columns = tuple(Column(name=name, kind=Kind.NUMBER) for name in ("heat", "noise"))
signature = Signature(schema=Schema(columns), task=Task.BINARY, label="late", classes=(False, True))
found = ModelFormat(sys.argv[1])
with hide_optional(found):
    scorer = load_model(open(sys.argv[2], "rb").read(), found, signature)
    answers = scorer.score_rows([[1.0, 0.0], [0.5, 0.0]]).answers
lineage = Lineage(run_id="r", dataset="d", trained_until=datetime(2024, 1, 1, tzinfo=UTC), code="c")
version = Version(
    loop="x", number=1, digest="d", artifact="a", format=found, signature=signature, lineage=lineage,
    loss=Loss.for_classes(), created_at=datetime(2024, 1, 1, tzinfo=UTC),
)
explain_row(scorer, version, [1.0, 0.0], references=[[0.5, 0.5]])  # after the hiding, as a worker does
print(json.dumps([answers.shape, sorted({name.split(".")[0] for name in sys.modules})]))
"""


def save_xgboost() -> bytes:
    rows = pl.DataFrame({"heat": np.linspace(-1, 1, 60), "noise": np.cos(np.arange(60.0))})
    model = xgboost.XGBClassifier(n_estimators=3).fit(rows.to_pandas(), rows["heat"].to_numpy() > 0)
    return dump_model(model, task=Task.BINARY, n_features=2).data


def save_onnx() -> bytes:
    graph = helper.make_graph(
        [helper.make_node("Sigmoid", ["X"], ["s"]), helper.make_node("ReduceMax", ["s"], ["p"], axes=[1])],
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 1])],
    )
    opset = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


@pytest.mark.parametrize("found", list(ModelFormat))
def test_every_format_is_known_to_the_servers(found: ModelFormat) -> None:
    with hide_optional(found):
        pass


@pytest.mark.parametrize(
    ("found", "data"), [(ModelFormat.XGBOOST, save_xgboost), (ModelFormat.ONNX, save_onnx)], ids=["xgboost", "onnx"]
)
def test_a_server_answers_and_explains_without_the_libraries_of_training(found: ModelFormat, data, tmp_path) -> None:
    (tmp_path / "model").write_bytes(data())
    command = [sys.executable, "-c", CODE, found.value, str(tmp_path / "model")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    shape, modules = json.loads(done.stdout)
    assert shape == [2, 2]
    assert not {"polars", "sklearn", "sqlalchemy", "pandas", "pyarrow", "skops"} & set(modules)
