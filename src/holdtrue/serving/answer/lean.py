"""Lean: LightGBM imported without the optional libraries that its `predict` never touches."""

import sys

# `import lightgbm` pulls all of these in where they are installed: 4.2 s and 300 MB against 0.8 s.
_OPTIONAL = ("sklearn", "pandas", "pyarrow", "polars", "matplotlib", "graphviz", "dask")


def import_lean_lightgbm() -> None:
    """Import LightGBM for prediction alone; its scikit-learn classes cannot be used in this process afterwards.

    For processes that do nothing but serve. Other models may still import those libraries later.
    """
    hidden = [name for name in _OPTIONAL if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        import lightgbm  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
