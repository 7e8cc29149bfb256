"""The four-part rule by which a column has moved: rare, sized, calibrated on the column's own days, and repeated.

A column has moved when (1) the homogeneity test gives p < budget / (columns x windows a year), (2) the debiased
stability index is above .02 (about .14 sigma), (3) the distance exceeds what the reference's own days show among
themselves, and (4) so it is in 2 of 3 windows. A move stands beside a risk alert as its likely cause; it never pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from holdtrue.errors import StatisticsError

from .drift import (
    Bins,
    Profile,
    bin_reference,
    expected_index,
    homogeneity_test,
    measure_distances,
    merge_small_cells,
    population_stability_index,
)
from .profile import LevelProfile, NumberProfile
from .sample import Floats, Integers

LEAST_BLOCKS = 30
POWER = 0.8


@dataclass(frozen=True)
class Wobble:
    """How far the reference's own days lie from each other, beyond what counting noise makes.

    The raw stability index of a day against the others is noise + excess. The noise is that of a chi-square and known
    from the numbers of rows; what is left is the excess, which does not shrink with more rows. For a window of any
    size the two are put together again and a gamma with their mean and variance is taken.

    Attributes:
        excess_mean: mean excess, an upper bound of two standard errors, at least 0.
        excess_variance: variance of the excess, at least 0.
        n_blocks: days (or longer blocks) that it was measured on.
    """

    excess_mean: float
    excess_variance: float
    n_blocks: int

    def find_tail(self, distance: float, *, n_cells: int, n_reference: float, n_current: float) -> float:
        """Return the probability that an own block of this size lies farther away than distance (raw index)."""
        from scipy.special import gammaincc

        if n_cells < 2:
            return 1.0
        noise = expected_index(n_cells, n_reference, n_current)
        mean = noise + self.excess_mean
        variance = _find_noise_variance(noise, self.excess_mean, n_cells) + self.excess_variance
        return float(gammaincc(mean**2 / variance, max(distance, 0.0) * mean / variance))


@dataclass(frozen=True)
class Move:
    """Whether a column has moved, and how far.

    Attributes:
        has_moved: all four parts hold.
        exceeds: parts 1-3 hold in this window: hand it on as the last of `recent` next time.
        is_calibrated: part 3 was judged; False ("uncalibrated") for fewer than 30 blocks of the reference.
        is_testable: the window is large enough for the effect that is asked for; if not, merge it with its neighbours.
            False as well for a constant column that is still the same.
        p_value: of the homogeneity test.
        debiased_index: stability index, debiased.
        own_tail: probability that the reference's own days lie farther away; None when uncalibrated.
        ks_distance: None for levels.
        wasserstein: in standard deviations of the reference; None for levels.
        n_reference: rows with a value.
        n_current: rows with a value.
    """

    has_moved: bool
    exceeds: bool
    is_calibrated: bool
    is_testable: bool
    p_value: float
    debiased_index: float
    own_tail: float | None
    ks_distance: float | None
    wasserstein: float | None
    n_reference: int
    n_current: int


def calibrate_wobble(reference: Profile, own_days: Sequence[Profile]) -> Wobble | None:
    """Return how far the reference's own days lie from each other; None ("uncalibrated") for fewer than 30 with rows.

    Days that follow each other resemble each other: take blocks as long as the memory (weeks, if weeks differ), and as
    long as the windows that will be judged.
    """
    bins = bin_reference(reference)
    counts = np.array([bins.count(day) for day in own_days if day.n_present > 0], dtype=np.float64)
    if len(counts) < LEAST_BLOCKS:
        return None
    counts = counts[:, _order_cells(reference, bins)]
    total = counts.sum(axis=0)
    n_cells = int((total > 0).sum())  # empty cells make no noise
    distances = np.array([_measure_index(total - day, day) for day in counts])
    noises = np.array([expected_index(n_cells, (total - day).sum(), day.sum()) for day in counts])
    excess = distances - noises
    mean = max(0.0, float(excess.mean()))
    variance = float(excess.var(ddof=1)) - float(_find_noise_variance(noises, mean, n_cells).mean())
    standard_error = float(excess.std(ddof=1)) / np.sqrt(len(counts))
    return Wobble(max(0.0, float(excess.mean() + 2 * standard_error)), max(0.0, variance), len(counts))


@dataclass(frozen=True)
class MoveRule:
    """What counts as a move, and how many false ones are allowed.

    Attributes:
        n_columns: columns that are watched together (missing shares count as columns).
        windows_a_year: windows of this length a year.
        budget: false moves that are allowed a year, over all columns.
        least_index: smallest debiased stability index that matters (.02 is about .14 sigma).
        asked_index: index that a window must be able to find with a power of .8 (.25 is about half a sigma); a smaller
            window is not tested but merged with its neighbours.
    """

    n_columns: int = 1
    windows_a_year: float = 365.0
    budget: float = 1.0
    least_index: float = 0.02
    asked_index: float = 0.25

    @property
    def level(self) -> float:
        """The p-value that one column in one window must fall below."""
        return self.budget / (self.n_columns * self.windows_a_year)

    def has_power(self, freedom: int, n_reference: float, n_current: float) -> bool:
        """Whether a window finds the asked index with a power of .8 (noncentral chi-square)."""
        from scipy.special import chdtri, chndtr

        if freedom < 1:
            return False
        noncentrality = self.asked_index / (1 / n_reference + 1 / n_current)
        return bool(1 - chndtr(chdtri(freedom, min(self.level, 1.0)), freedom, noncentrality) >= POWER)


def judge_move(
    reference: Profile,
    current: Profile,
    *,
    rule: MoveRule | None = None,
    wobble: Wobble | None = None,
    own_days: Sequence[Profile] = (),
    recent: Sequence[bool] = (),
) -> Move:
    """Return whether a column has moved away from its reference, by the four-part rule.

    Args:
        reference: profile of the rows that the version was trained or validated on.
        current: profile of one window (1, 7 or 28 days, by adding), with the reference's centre or levels.
        rule: thresholds and budget; default: one column, a window a day, one false move a year.
        wobble: from `calibrate_wobble`, kept with the reference; or give
        own_days: profiles of the reference's own days, to calibrate on the spot.
        recent: `exceeds` of the windows before, latest last.

    Raises StatisticsError when the profiles cannot be compared or the reference holds no value.
    """
    rule = rule or MoveRule()
    if wobble is None and own_days:
        wobble = calibrate_wobble(reference, own_days)
    before, now = _count_both(reference, current)
    move = _judge_empty(int(before.sum()), is_calibrated=wobble is not None, recent=recent)
    if now.sum() == 0:
        return move
    distances = _measure_distances(reference, current)
    judged = _judge_counts(move, before, now, rule=rule, wobble=wobble)
    return replace(
        judged,
        has_moved=_is_repeated(judged.exceeds, recent),
        ks_distance=distances[0],
        wasserstein=distances[1],
    )


def _judge_counts(move: Move, before: Floats, now: Floats, *, rule: MoveRule, wobble: Wobble | None) -> Move:
    """Return the move with parts 1 to 3 judged on the counts of the cells."""
    homogeneity = homogeneity_test(before, now)
    index = population_stability_index(*merge_small_cells(before, now))
    own_tail = _find_own_tail(wobble, before, now)
    is_testable = rule.has_power(homogeneity.freedom, before.sum(), now.sum())
    is_rare_and_large = homogeneity.p_value < rule.level and index > rule.least_index
    return replace(
        move,
        exceeds=is_testable and is_rare_and_large and (own_tail is None or own_tail < rule.level),
        is_testable=is_testable,
        p_value=homogeneity.p_value,
        debiased_index=index,
        own_tail=own_tail,
        n_current=int(now.sum()),
    )


def _judge_empty(n_reference: int, *, is_calibrated: bool, recent: Sequence[bool]) -> Move:
    """Return the judgement of a window without a value: not testable (the missing share says what happened)."""
    return Move(
        has_moved=_is_repeated(False, recent),
        exceeds=False,
        is_calibrated=is_calibrated,
        is_testable=False,
        p_value=1.0,
        debiased_index=0.0,
        own_tail=None,
        ks_distance=None,
        wasserstein=None,
        n_reference=n_reference,
        n_current=0,
    )


def _count_both(reference: Profile, current: Profile) -> tuple[Floats, Floats]:
    bins = bin_reference(reference)
    order = _order_cells(reference, bins)
    before, now = (bins.count(p)[order].astype(np.float64) for p in (reference, current))
    if before.sum() == 0:
        raise StatisticsError("a reference without values", expected="at least one", remedy="leave the column out")
    return before, now


def _order_cells(reference: Profile, bins: Bins) -> Integers:
    """Return the order in which cells are neighbours: by value for numbers, by size for levels."""
    if isinstance(reference, LevelProfile):
        return np.argsort(-bins.count(reference), kind="stable").astype(np.int64)
    return np.arange(bins.n_bins, dtype=np.int64)


def _find_own_tail(wobble: Wobble | None, before: Floats, now: Floats) -> float | None:
    if wobble is None:
        return None
    distance = _measure_index(before, now)
    n_cells = int((before + now > 0).sum())
    return wobble.find_tail(distance, n_cells=n_cells, n_reference=before.sum(), n_current=now.sum())


def _find_noise_variance(noise: Floats | float, excess: float, n_cells: int) -> Floats:
    """Return the variance of the raw index about its mean: that of a noncentral chi-square, scaled."""
    return np.asarray((2 * np.square(noise) + 4 * np.asarray(noise) * excess) / max(n_cells - 1, 1))


def _measure_index(reference: Floats, current: Floats) -> float:
    return population_stability_index(reference, current, debiased=False)


def _measure_distances(reference: Profile, current: Profile) -> tuple[float | None, float | None]:
    if isinstance(reference, NumberProfile) and isinstance(current, NumberProfile):
        return measure_distances(reference, current)
    return None, None


def _is_repeated(exceeds: bool, recent: Sequence[bool]) -> bool:
    return int(exceeds) + sum(bool(before) for before in recent[-2:]) >= 2
