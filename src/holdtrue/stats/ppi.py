"""What the model believes, corrected by a random sample of labels: prediction-powered inference.

Source: Angelopoulos, Duchi and Zrnic, PPI++ (arXiv 2311.01453), for a mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .interval import Interval
from .sample import Floats, check_same_length, check_sample, check_share


@dataclass(frozen=True)
class PoweredMean:
    """A mean over all rows, measured on few labels and many beliefs.

    Attributes:
        interval: the estimate and its ends.
        standard_error: of the estimate.
        trust: lambda in [0, 1]: 0 = the beliefs are ignored, 1 = they are taken in full and only corrected.
        belief: mean belief over all rows, uncorrected.
        n_labelled: rows with a label.
        n_unlabelled: rows without.
    """

    interval: Interval
    standard_error: float
    trust: float
    belief: float
    n_labelled: int
    n_unlabelled: int


def powered_mean(
    *,
    outcomes: npt.ArrayLike,
    beliefs: npt.ArrayLike,
    unlabelled_beliefs: npt.ArrayLike,
    alpha: float = 0.05,
) -> PoweredMean:
    """Return the mean outcome, valid whatever the model believes and narrower the better it believes; one look.

    theta = lam mean_U(f) + mean_L(Y - lam f), lam = Cov(Y, f) / ((1 + n/N) Var f), cut to [0, 1]. The labelled rows
    must be a RANDOM sample of the traffic: labels that came because of the decision are not.

    Args:
        outcomes: Y on labelled rows (for example 1 = the prediction was right), shape (n_labelled,).
        beliefs: f on the same rows (for example the model's own confidence), shape (n_labelled,).
        unlabelled_beliefs: f on rows without label, shape (n_unlabelled,).
        alpha: error that is allowed.
    """
    from scipy.special import ndtri

    check_share(alpha, name="alpha")
    y, f, others = _check_rows(outcomes, beliefs, unlabelled_beliefs)
    trust = _choose_trust(y, f, others)
    estimate = trust * float(others.mean()) + float((y - trust * f).mean())
    variance = trust**2 * others.var(ddof=1) / len(others) + (y - trust * f).var(ddof=1) / len(y)
    standard_error = float(np.sqrt(variance))
    reach = float(ndtri(1 - alpha / 2)) * standard_error
    return PoweredMean(
        interval=Interval(estimate, estimate - reach, estimate + reach, 1 - alpha),
        standard_error=standard_error,
        trust=trust,
        belief=float(np.concatenate([f, others]).mean()),
        n_labelled=len(y),
        n_unlabelled=len(others),
    )


def _check_rows(
    outcomes: npt.ArrayLike, beliefs: npt.ArrayLike, unlabelled_beliefs: npt.ArrayLike
) -> tuple[Floats, Floats, Floats]:
    y, f = check_sample(outcomes, name="outcomes"), check_sample(beliefs, name="beliefs")
    others = check_sample(unlabelled_beliefs, name="unlabelled_beliefs")
    check_same_length(outcomes=y, beliefs=f)
    if len(y) < 2 or len(others) < 2:
        raise StatisticsError(
            f"{len(y)} labelled and {len(others)} unlabelled rows",
            expected="at least 2 of each",
            remedy="label a random sample of the traffic",
        )
    return y, f, others


def _choose_trust(y: Floats, f: Floats, others: Floats) -> float:
    variance = float(np.concatenate([f, others]).var(ddof=1))
    if variance == 0:
        return 0.0
    covariance = float(np.cov(y, f)[0, 1])
    return float(np.clip(covariance / ((1 + len(y) / len(others)) * variance), 0, 1))
