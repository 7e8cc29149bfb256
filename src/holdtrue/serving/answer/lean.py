"""Lean: models loaded without the optional libraries that their loaders pull in and answering never needs."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from holdtrue.domain import ModelFormat

# Measured: `import lightgbm` takes 4.2 s with these and .8 s without; with a skops model a worker 7 s and 5 s.
_OPTIONAL = {
    ModelFormat.LIGHTGBM: ("sklearn", "pandas", "pyarrow", "polars", "matplotlib", "graphviz", "dask"),
    ModelFormat.XGBOOST: ("sklearn", "pandas", "pyarrow", "polars", "matplotlib", "graphviz", "dask", "cudf", "cupy"),
    ModelFormat.ONNX: ("pandas", "pyarrow", "polars", "sklearn", "onnx", "sympy"),
    ModelFormat.SKOPS: ("pandas", "pyarrow", "matplotlib", "pytest"),
}


class _Hidden(MetaPathFinder):
    """Says of some libraries that they are not installed.

    A None in `sys.modules` would say so too, but scikit-learn takes what it finds there for the library.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise for a hidden library; leave every other to the next finder."""
        if fullname.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"{fullname} is hidden from what only answers", name=fullname)
        return None


@contextmanager
def hide_optional(model_format: ModelFormat) -> Iterator[None]:
    """Hide the libraries that models of a format can do without, while one is loaded and answers for the first time.

    For a process that only serves: what was imported meanwhile goes on without them. Other code may import them later.
    """
    if model_format is ModelFormat.SKOPS:
        import polars  # noqa: F401  (needed anyway, and it asks for the others in a way that must not fail)
    finder = _Hidden(_OPTIONAL[model_format])
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
