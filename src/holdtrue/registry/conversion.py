"""Conversion: models of libraries whose own files are not kept here are written as ONNX where they are trained.

What is written must answer as the model in memory does, on rows of the training frame and on made-up ones. Servers need
none of those libraries.
"""

import sys
from typing import Any

from holdtrue.domain import Signature
from holdtrue.registry.foreign import Foreign


def convert_foreign(model: Any, signature: Signature) -> Foreign | None:
    """Return a model of CatBoost, torch or statsmodels as ONNX; None for anything else.

    Raises:
        FormatRefused: it has parts that cannot be written.
        TrainingFailed: it is not fitted, or answers another question than the task.
    """
    library = type(model).__module__.partition(".")[0]
    if library == "catboost":
        from holdtrue.registry.catboost_graph import convert_catboost

        return convert_catboost(model, signature)
    torch = sys.modules.get("torch")  # a module of one's own is of one's own package; without torch there is none
    if torch is not None and isinstance(model, torch.nn.Module):
        from holdtrue.registry.torch_graph import convert_torch

        return convert_torch(model, signature)
    if is_linear(model):
        from holdtrue.registry.linear_graph import convert_linear

        return convert_linear(model, signature)
    return None


def is_linear(model: Any) -> bool:
    """Say whether this is the result of fitting a linear model, as statsmodels gives them."""
    return all(hasattr(model, name) for name in ("params", "predict", "model")) and hasattr(model.model, "exog_names")
