"""MlflowFolder: which file of an MLflow model folder holds the model, read from its `MLmodel` and nothing else.

MLflow's own loader would import what the folder names. Here only the file's bytes are taken, and judged as any others.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from holdtrue.domain import Json
from holdtrue.errors import FormatRefused, SourceMissing

DESCRIPTION = "MLmodel"
MAX_DESCRIPTION_BYTES = 1 << 20
# The key under which a flavour names its file, and the usual name where it does not.
FLAVOURS = {
    "lightgbm": ("data", "model.lgb"),
    "xgboost": ("data", "model.ubj"),
    "onnx": ("data", "model.onnx"),
    "sklearn": ("pickled_model", "model.skops"),
}


def find_mlflow_model(folder: Path) -> Path:
    """Return the file of the model in an MLflow folder.

    Raises:
        SourceMissing: it is no MLflow folder, or the file that it names is not there.
        FormatRefused: its description cannot be read, has no flavour that is taken, or names a file outside.
    """
    description = folder / DESCRIPTION
    if not description.is_file():
        raise SourceMissing(
            f"{folder} is a folder without an {DESCRIPTION}", expected="a model file, or an MLflow model folder"
        )
    flavours = _read_flavours(description)
    for name, (key, usual) in FLAVOURS.items():
        flavour = flavours.get(name)
        if isinstance(flavour, Mapping):
            return _find_file(folder, flavour.get(key, usual))
    raise FormatRefused(
        f"the MLflow folder has the flavours {sorted(flavours)}",
        expected=f"one of {list(FLAVOURS)}",
        remedy="log the model with mlflow.onnx, mlflow.lightgbm or mlflow.xgboost",
    )


def _read_flavours(description: Path) -> Mapping[str, Json]:
    try:
        import yaml
    except ImportError as error:
        raise FormatRefused(
            "an MLflow folder is described in YAML, and PyYAML is not installed",
            remedy="pip install 'holdtrue[mlflow]'",
        ) from error
    with description.open("rb") as file:
        text = file.read(MAX_DESCRIPTION_BYTES + 1)
    try:
        if len(text) > MAX_DESCRIPTION_BYTES or b"&" in text:
            # Anchors let a small YAML file grow without end; MLflow writes none.
            raise FormatRefused(f"{DESCRIPTION} is too large or has anchors", expected="what MLflow writes")
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise FormatRefused(f"{DESCRIPTION} cannot be read ({error})", expected="what MLflow writes") from error
    flavours = found.get("flavors") if isinstance(found, dict) else None
    if not isinstance(flavours, dict):
        raise FormatRefused(f"{DESCRIPTION} names no flavours", expected="what MLflow writes")
    return flavours


def _find_file(folder: Path, name: Json) -> Path:
    parts = PurePosixPath(name).parts if isinstance(name, str) else ()
    file = folder.joinpath(*parts)
    if not parts or ".." in parts or not file.resolve().is_relative_to(folder.resolve()):
        raise FormatRefused(f"{DESCRIPTION} names the file {name!r}", expected="a file inside the folder")
    if not file.is_file():
        raise SourceMissing(f"{DESCRIPTION} names {name!r}, which is not in {folder}")
    return file
