"""The scikit-learn pipeline as ONNX, written by hand: a converter is one more thing that may not install."""

from pathlib import Path
from typing import Any

import numpy as np
from models import NUMBERS, TEXTS


def write_onnx(pipeline: Any, path: Path) -> None:
    """Write a pipeline of StandardScaler and OneHotEncoder before a LogisticRegression; one input for each column."""
    from onnx import TensorProto, helper

    columns, model = pipeline[0], pipeline[-1]
    scaler, encoder = columns.named_transformers_["numbers"], columns.named_transformers_["texts"]
    # Centres and scales in 64 bits would need a Scaler that ONNX does not have; 32 bits of the input are kept.
    nodes = [
        helper.make_node("Concat", list(NUMBERS), ["numbers"], axis=1),
        helper.make_node(
            "Scaler", ["numbers"], ["scaled"], domain="ai.onnx.ml",
            offset=scaler.mean_.astype(float).tolist(), scale=(1 / scaler.scale_).tolist(),
        ),
    ]  # fmt: skip
    for name, levels in zip(TEXTS, encoder.categories_, strict=True):
        told = [str(level) for level in levels]
        nodes += [
            helper.make_node(
                "OneHotEncoder", [name], [f"{name} code"], domain="ai.onnx.ml", cats_strings=told, zeros=1
            ),
            helper.make_node("Flatten", [f"{name} code"], [f"{name} flat"], axis=1),
        ]
    weights = np.concatenate((-model.coef_, model.coef_)).ravel()
    nodes += [
        helper.make_node("Concat", ["scaled", *(f"{name} flat" for name in TEXTS)], ["row"], axis=1),
        helper.make_node(
            "LinearClassifier", ["row"], ["label", "probabilities"], domain="ai.onnx.ml",
            classlabels_ints=[0, 1], coefficients=weights.tolist(), post_transform="LOGISTIC",
            intercepts=np.concatenate((-model.intercept_, model.intercept_)).tolist(),
        ),
    ]  # fmt: skip
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in NUMBERS]
    inputs += [helper.make_tensor_value_info(name, TensorProto.STRING, [None, 1]) for name in TEXTS]
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2]),
    ]
    graph = helper.make_graph(nodes, "strings", inputs, outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
