"""Part: a fitted estimator on its way from one step of a pipeline to the next, in a safe format as a version is."""

import importlib
from typing import Any

from holdtrue.domain import ModelFormat
from holdtrue.errors import FormatRefused

# The module of a type says which library it is from; what is not listed is no model to us.
_FORMATS = {
    "sklearn": ModelFormat.SKOPS,
    "lightgbm": ModelFormat.LIGHTGBM,
    "xgboost": ModelFormat.XGBOOST,
    "onnx": ModelFormat.ONNX,
}


def name_part(thing: object) -> ModelFormat | None:
    """Return the format in which a thing is handed on as a model; None when it is no model."""
    return _FORMATS.get(type(thing).__module__.partition(".")[0])


def dump_part(model: Any) -> bytes:
    """Return a model as bytes: scikit-learn as skops, a Booster in its library's own form, an ONNX model as its file.

    Raises:
        FormatRefused: it cannot be stored safely.
    """
    found, kind = name_part(model), type(model).__name__
    if found is ModelFormat.SKOPS:
        from holdtrue.registry.skops_format import dump_skops

        return dump_skops(model)
    if found is ModelFormat.ONNX and kind == "ModelProto":
        return bytes(model.SerializeToString(deterministic=True))
    if found in {ModelFormat.LIGHTGBM, ModelFormat.XGBOOST} and kind == "Booster":
        is_text = found is ModelFormat.LIGHTGBM
        return model.model_to_string().encode() if is_text else bytes(model.save_raw("ubj"))
    raise FormatRefused(
        f"a {type(model).__module__}.{kind} cannot be handed on",
        expected="a scikit-learn estimator, a Booster of LightGBM or XGBoost, or an ONNX ModelProto",
        remedy="hand on the booster inside it (booster_, get_booster()), or return the wrapper from the last step",
    )


def load_part(format: ModelFormat, data: bytes) -> Any:
    """Return the model that `dump_part` made the bytes of.

    Raises:
        FormatRefused: the bytes hold what may not be loaded.
    """
    if format is ModelFormat.SKOPS:
        from holdtrue.registry.skops_format import load_skops

        return load_skops(data)
    if format is ModelFormat.ONNX:
        from holdtrue.registry.onnx_structure import check_onnx

        check_onnx(data)
        return importlib.import_module("onnx").load_model_from_string(data)
    if format is ModelFormat.LIGHTGBM:
        return importlib.import_module("lightgbm").Booster(model_str=data.decode())
    from holdtrue.registry.xgboost_structure import read_xgboost

    read_xgboost(data)
    booster = importlib.import_module("xgboost").Booster()
    booster.load_model(bytearray(data))
    return booster
