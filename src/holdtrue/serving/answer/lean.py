"""Lean: what loads a model imported without the optional libraries that answering never touches."""

import importlib
import sys

from holdtrue.domain import ModelFormat

# Both pull in what happens to be installed: LightGBM takes 4.2 s so and .8 s without; skops 6.7 s and 4.6 s, 70 MB less.
_LOADERS = {ModelFormat.LIGHTGBM: "lightgbm", ModelFormat.SKOPS: "skops.io"}
_OPTIONAL = {
    ModelFormat.LIGHTGBM: ("sklearn", "pandas", "pyarrow", "polars", "matplotlib", "graphviz", "dask"),
    ModelFormat.SKOPS: ("pandas", "pyarrow", "matplotlib", "pytest"),
}


def import_lean_loader(model_format: ModelFormat) -> None:
    """Import what loads models of a format, for a process that only serves: it may not be able to train afterwards.

    Other code may still import the hidden libraries later.
    """
    hidden = [name for name in _OPTIONAL[model_format] if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        importlib.import_module(_LOADERS[model_format])
    finally:
        for name in hidden:
            del sys.modules[name]
