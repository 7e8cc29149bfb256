"""A family of tests shares one error budget (numpy only)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .sample import Booleans, check_share


def holm(p_values: npt.ArrayLike, alpha: float = 0.05) -> Booleans:
    """Return which hypotheses are rejected, so that P(any false rejection) <= alpha; shape (n_tests,).

    For ONE look over several metrics or slices (Holm, Scand. J. Stat. 1979). Among S e-processes of which any may abort
    at any time, give each `alpha / S` instead: running maxima must not be ranked.

    >>> holm([0.01, 0.04, 0.03], alpha=0.05).tolist()
    [True, False, False]
    """
    check_share(alpha, name="alpha")
    given = np.asarray(p_values, dtype=np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise StatisticsError(
            f"p-values of shape {given.shape}", expected="one dimension, numbers within [0, 1], without NaN"
        )
    order = np.argsort(given, kind="stable")
    passes = given[order] <= alpha / (len(given) - np.arange(len(given)))
    rejected = np.zeros(len(given), dtype=np.bool_)
    rejected[order] = np.logical_and.accumulate(passes)
    return rejected
