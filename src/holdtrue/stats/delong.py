"""The area under the ROC curve with its standard error, for one version and for two on the same rows.

Sources: DeLong, DeLong and Clarke-Pearson, Biometrics 1988; fast by ranks: Sun and Xu, IEEE SPL 2014; rows that
depend on each other: Obuchowski, Biometrics 1997. One look.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .blocks import number_blocks, sum_block_variance
from .interval import Interval
from .ranks import Placements, check_positives, place_scores
from .sample import Booleans, Floats, check_share


@dataclass(frozen=True)
class DeLong:
    """Two areas under the curve on the same rows, and whether they differ.

    Attributes:
        auc_a: area of the first scores.
        auc_b: area of the second scores.
        difference: auc_a - auc_b (above 0: the first ranks better).
        standard_error: of the difference.
        z: difference / standard_error (0 when the two rank alike).
        p_value: two-sided.
        interval: of the difference.
    """

    auc_a: float
    auc_b: float
    difference: float
    standard_error: float
    z: float
    p_value: float
    interval: Interval


def delong_paired(
    scores_a: npt.ArrayLike,
    scores_b: npt.ArrayLike,
    positives: npt.ArrayLike,
    *,
    blocks: npt.ArrayLike | None = None,
    alpha: float = 0.05,
) -> DeLong:
    """Return the difference of two areas under the curve on the same rows, for one look.

    Args:
        scores_a: scores of the first version, higher = more likely positive, shape (n_rows,).
        scores_b: scores of the second.
        positives: whether the event happened, booleans or 0 and 1, shape (n_rows,).
        blocks: block of each row (day, entity) for a block-robust error with Student's t; None: rows are independent.
        alpha: error that is allowed for the interval, both sides together.

    Raises StatisticsError when one class has fewer than 2 rows.
    """
    events = _check_events(positives)
    a, b = place_scores(scores_a, events), place_scores(scores_b, events)
    difference = a.auc - b.auc
    apart = Placements(a.positives - b.positives, a.negatives - b.negatives)
    standard_error, freedom = _measure_error(apart, events, blocks)
    z = difference / standard_error if standard_error > 0 else 0.0
    reach = _find_quantile(1 - alpha / 2, freedom) * standard_error
    return DeLong(
        auc_a=a.auc,
        auc_b=b.auc,
        difference=difference,
        standard_error=standard_error,
        z=z,
        p_value=2 * _find_tail(-abs(z), freedom),
        interval=Interval(difference, difference - reach, difference + reach, 1 - check_share(alpha, name="alpha")),
    )


def auc_interval(
    scores: npt.ArrayLike,
    positives: npt.ArrayLike,
    *,
    blocks: npt.ArrayLike | None = None,
    alpha: float = 0.05,
) -> Interval:
    """Return the area under the ROC curve with its DeLong interval, cut to [0, 1], for one look.

    With blocks its ends are laid on the scale of log(area / (1 - area)): where days move together the error is the
    smaller the nearer the area comes to 1, and ends at equal distance lay too high in twice as many cases as too low.

    >>> auc_interval([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).estimate
    0.75
    """
    check_share(alpha, name="alpha")
    events = _check_events(positives)
    places = place_scores(scores, events)
    standard_error, freedom = _measure_error(places, events, blocks)
    reach = _find_quantile(1 - alpha / 2, freedom) * standard_error
    if blocks is not None and 0 < places.auc < 1:
        return _lay_on_logits(places.auc, reach, level=1 - alpha)
    return Interval(places.auc, max(0.0, places.auc - reach), min(1.0, places.auc + reach), 1 - alpha)


def _lay_on_logits(area: float, reach: float, *, level: float) -> Interval:
    from scipy.special import expit, logit

    stretched = reach / (area * (1 - area))
    low, high = expit(logit(area) - stretched), expit(logit(area) + stretched)
    return Interval(area, float(low), float(high), level)


def _check_events(positives: npt.ArrayLike) -> Booleans:
    events = check_positives(positives)
    n_positives = int(events.sum())
    if min(n_positives, len(events) - n_positives) < 2:
        raise StatisticsError(
            f"{n_positives} positive rows of {len(events)}",
            expected="at least 2 rows of each class",
            remedy="wait for more labels, or judge by log-loss",
        )
    return events


def _measure_error(places: Placements, events: Booleans, blocks: npt.ArrayLike | None) -> tuple[float, float]:
    """Return the standard error of the area, and the degrees of freedom (infinite for independent rows)."""
    n_positives, n_negatives = len(places.positives), len(places.negatives)
    if blocks is None:
        variance = places.positives.var(ddof=1) / n_positives + places.negatives.var(ddof=1) / n_negatives
        return float(np.sqrt(variance)), np.inf
    numbers, n_blocks = number_blocks(blocks, n_rows=len(events))
    influence: Floats = np.empty(len(events))
    influence[events] = (places.positives - places.positives.mean()) / n_positives
    influence[~events] = (places.negatives - places.negatives.mean()) / n_negatives
    variance = sum_block_variance(influence, numbers)
    return float(np.sqrt(variance)), float(n_blocks - 1)


def _find_quantile(probability: float, freedom: float) -> float:
    from scipy.special import ndtri, stdtrit

    return float(ndtri(probability) if np.isinf(freedom) else stdtrit(freedom, probability))


def _find_tail(z: float, freedom: float) -> float:
    from scipy.special import ndtr, stdtr

    return float(ndtr(z) if np.isinf(freedom) else stdtr(freedom, z))
