"""A randomised canary as ONE bounded mean, whatever its share does on the way.

Source: Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 2021, Corollary 2. For every unit
Z_t = (A_t/p_t - (1 - A_t)/(1 - p_t)) (Y_t - b) has the mean risk(challenger) - risk(champion), given the past:
A_t = 1 if the challenger answered, p_t its share at that time, Y_t the loss, b the champion's known risk. So a test
or a confidence sequence on Z holds unchanged while the share moves from 1 % to 50 %. Two conditions: the assignment is
random given the past (a hash of the unit with a salt of the rollout), and a unit counts ONCE, at its first exposure.

Each share has its own range of Z (a small share makes large values), hence its own grid of bets. Bets may depend on
what is known before the row, so the wealth of bet k goes on from one share to the next: log-wealths add for each k
(the product over segments), and the mean over k is taken at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .betting import EProcess
from .interval import Interval
from .ranks import check_positives
from .sample import Floats, check_same_length, check_sample
from .sequence import Segment, count_rows, search_interval


def randomised_differences(
    *,
    is_challenger: npt.ArrayLike,
    share: npt.ArrayLike | float,
    losses: npt.ArrayLike,
    champion_risk: float,
) -> Floats:
    """Return Z of each unit, shape (n_rows,): its mean is the challenger's risk minus the champion's.

    Args:
        is_challenger: who answered, booleans, shape (n_rows,).
        share: the challenger's share when the unit was assigned, strictly in (0, 1): one number or shape (n_rows,).
        losses: loss of the answer that was given, shape (n_rows,).
        champion_risk: b, the champion's known mean loss; any number fixed before is valid, a good one is sharp.

    >>> z = randomised_differences(is_challenger=[True, False], share=0.5, losses=[1.0, 0.0], champion_risk=0.1)
    >>> z.tolist()
    [1.8, 0.2]
    """
    assigned, loss = check_positives(is_challenger), check_sample(losses, name="losses")
    shares = _check_shares(np.broadcast_to(np.asarray(share, dtype=np.float64), loss.shape))
    check_same_length(is_challenger=assigned, losses=loss)
    return np.where(assigned, 1 / shares, -1 / (1 - shares)) * (loss - champion_risk)


def randomised_range(
    shares: npt.ArrayLike | float, low: float, high: float, champion_risk: float
) -> tuple[float, float]:
    """Return the smallest and the largest possible Z at these shares, for losses within [low, high].

    >>> low, high = randomised_range(0.1, 0, 1, champion_risk=0.1)
    >>> round(low, 9), round(high, 9)
    (-1.0, 9.0)
    """
    given = _check_shares(np.atleast_1d(np.asarray(shares, dtype=np.float64)))
    if not low <= champion_risk <= high:
        raise StatisticsError(f"champion_risk is {champion_risk!r}", expected=f"a number within [{low:g}, {high:g}]")
    ends = np.concatenate([(loss - champion_risk) * weight for loss in (low, high) for weight in _weigh(given)])
    return float(ends.min()), float(ends.max())


def combine_shares(processes: Sequence[EProcess]) -> EProcess:
    """Return one process for the segments of a canary, each with the range of its share.

    Log-wealths add for each bet. Only the end counts for the supremum of the result; to keep the supremum over every
    row, carry ONE process from share to share with `EProcess.with_range` instead. The range of the result is the widest
    of its parts.
    """
    if not processes or len({(p.mean, p.side, len(p.log_wealths)) for p in processes}) != 1:
        raise StatisticsError(
            f"{len(processes)} processes on different hypotheses",
            expected="at least one process, all with the same mean, side and number of bets",
        )
    low, high = min(p.low for p in processes), max(p.high for p in processes)
    combined = replace(processes[0], low=low, high=high)
    for process in processes[1:]:
        combined = combined.merge(replace(process, low=low, high=high))
    return combined


def randomised_confidence_sequence(
    differences: npt.ArrayLike,
    *,
    shares: npt.ArrayLike | float,
    low: float,
    high: float,
    champion_risk: float,
    alpha: float = 0.05,
    design_effect: float = 1.0,
) -> Interval:
    """Return the interval of risk(challenger) - risk(champion) that holds at all times, while the share moves.

    Args:
        differences: Z from `randomised_differences`, shape (n_rows,).
        shares: share at which each row was assigned: one number or shape (n_rows,).
        low: smallest possible LOSS.
        high: largest possible LOSS.
        champion_risk: b, as given to `randomised_differences`.
        alpha: error that is allowed, over both ends and all looks together.
        design_effect: see `confidence_sequence`; a heuristic.
    """
    z = check_sample(differences, name="differences")
    given = np.broadcast_to(np.asarray(shares, dtype=np.float64), z.shape)
    segments: list[Segment] = []
    for share in np.unique(given):
        z_low, z_high = randomised_range(share, low, high, champion_risk)
        segments.append(count_rows(z[given == share], low=z_low, high=z_high))
    if not segments:
        raise StatisticsError("no rows", expected="at least one labelled unit", remedy="wait until labels are due")
    found = search_interval(segments, estimate=float(z.mean()), alpha=alpha, design_effect=design_effect)
    # The difference of two risks in [low, high] cannot be larger than their range, whatever Z can be.
    width = high - low
    return Interval(found.estimate, max(found.low, -width), min(found.high, width), found.level)


def _weigh(shares: Floats) -> tuple[Floats, Floats]:
    return 1 / shares, -1 / (1 - shares)


def _check_shares(shares: Floats) -> Floats:
    if not ((shares > 0) & (shares < 1)).all():
        raise StatisticsError(
            "a share outside (0, 1)",
            expected="shares strictly between 0 and 1: both versions must be able to answer",
            remedy="leave out the rows of stages at which only one version answered",
        )
    return shares
