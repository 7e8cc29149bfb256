"""Thread: native thread pools kept at one thread while a few rows are scored."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def limit_threads() -> AbstractContextManager[Any]:
    """Return a context in which OpenMP and BLAS run on one thread."""
    limits: AbstractContextManager[Any] = _find_pools().limit(limits=1)
    return limits


@cache
def _find_pools() -> Any:
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()  # looks through all loaded libraries: done once
