"""MlflowLayout: a stored model as the files of an MLflow model folder, of a flavour that runs no code when read."""

import importlib.metadata
import platform
from collections.abc import Mapping

import msgspec

from holdtrue.domain import Json, Kind, ModelFormat, Signature

_TYPES = {Kind.TEXT: "string", Kind.BOOLEAN: "boolean"}  # all numbers are doubles: a whole number may be missing
_FILES = {
    ModelFormat.ONNX: "model.onnx",
    ModelFormat.LIGHTGBM: "model.lgb",
    ModelFormat.XGBOOST: "model.ubj",
    ModelFormat.SKOPS: "model.skops",
}
_FLAVOURS = {
    ModelFormat.ONNX: ("onnx", "onnx_version", ("onnx", "onnxruntime")),
    ModelFormat.LIGHTGBM: ("lightgbm", "lgb_version", ("lightgbm",)),
    ModelFormat.XGBOOST: ("xgboost", "xgb_version", ("xgboost",)),
    ModelFormat.SKOPS: ("sklearn", "sklearn_version", ("scikit-learn", "skops")),
}


def lay_out_mlflow(data: bytes, format: ModelFormat, signature: Signature, *, note: str) -> dict[str, bytes]:
    """Return the files of an MLflow model folder by their names; `mlflow models serve` can load it.

    The flavour is onnx, lightgbm, xgboost or, for skops, sklearn with MLflow's own serialization format skops. The
    descriptions are written as JSON, which every reader of YAML takes.

    Args:
        data: the model in its format.
        format: of the model.
        signature: what it takes.
        note: kept in the description under the metadata.
    """
    flavour, _, packages = _FLAVOURS[format]
    file = "model.json" if format is ModelFormat.XGBOOST and data.startswith(b'{"') else _FILES[format]
    versions = {package: _read_version(package) for package in packages}
    function = {
        **_describe_function(format, file, signature),
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "loader_module": f"mlflow.{flavour}",
        "python_version": platform.python_version(),
    }
    columns = [
        {"type": _TYPES.get(column.kind, "double"), "name": column.name, "required": not column.nullable}
        for column in signature.schema.columns
    ]
    described = {
        "flavors": {"python_function": function, flavour: _describe_native(data, format, file, versions)},
        "signature": {"inputs": msgspec.json.encode(columns).decode(), "outputs": None, "params": None},
        "metadata": {"holdtrue": note},
    }
    wanted = ["mlflow", *(f"{name}=={version}" if version else name for name, version in versions.items())]
    return {"MLmodel": _write(described), file: data, **_describe_environment(wanted)}


def _describe_native(data: bytes, format: ModelFormat, file: str, versions: Mapping[str, str]) -> dict[str, Json]:
    _, version_key, packages = _FLAVOURS[format]
    native: dict[str, Json] = {"code": None, version_key: versions[packages[0]]}
    if format is ModelFormat.ONNX:
        return native | {"data": file, "providers": ["CPUExecutionProvider"]}
    if format is ModelFormat.SKOPS:
        trusted = _list_types(data)
        return native | {"pickled_model": file, "serialization_format": "skops", "skops_trusted_types": trusted}
    booster = "lightgbm.basic.Booster" if format is ModelFormat.LIGHTGBM else "xgboost.core.Booster"
    return native | {"data": file, "model_class": booster}


def _describe_function(format: ModelFormat, file: str, signature: Signature) -> dict[str, Json]:
    if format is not ModelFormat.SKOPS:
        return {"data": file}
    return {"model_path": file, "predict_fn": "predict_proba" if signature.task.has_classes else "predict"}


def _describe_environment(wanted: list[str]) -> dict[str, bytes]:
    python = platform.python_version()
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": wanted}],
    }
    plain = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    return {
        "requirements.txt": "".join(f"{each}\n" for each in wanted).encode(),
        "conda.yaml": _write(conda),
        "python_env.yaml": _write(plain),
    }


def _list_types(data: bytes) -> list[str]:
    """Return what MLflow must be told to trust: what our own allow-list has let through already."""
    from skops.io import get_untrusted_types

    return [str(each) for each in get_untrusted_types(data=data)]


def _read_version(package: str) -> str:
    for name in (package, f"{package}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def _write(thing: Json) -> bytes:
    return msgspec.json.format(msgspec.json.encode(thing), indent=2)
