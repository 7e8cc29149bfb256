"""Several detectors that watch parts of the same rows, each its own mean: one walk over the rows feeds them all.

Each is an `EDetector` (Shiryaev-Roberts form, Shin, Ramdas and Rinaldo, arXiv 2203.03532). A batch without rows of a
member is no batch of that member. Where any of S members may alarm, each is held against S times the run length: the
sum of all M reaches that no sooner, so the average time to the first false alarm of any stays the run length, whatever
the dependence between them and however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .betting import N_BETS, Side, check_hypothesis, spread_bets
from .sample import Booleans, Floats, Integers, check_bounded_sample, check_design_effect, check_same_length
from .stakes import lay_stakes, learn_variances


@dataclass(frozen=True, eq=False)
class DetectorFamily:
    """Detectors of one side over rows that each belong to one member, or to none; immutable.

    Attributes:
        low: smallest possible value of a row.
        high: largest possible value of a row.
        means: the mean of each member that is still in order, shape (n_members,).
        design_effects: each batch's log-gain is divided by the member's, see `EDetector`.
        bets: signed bets, shape (n_members, n_bets).
        log_sums: log M of each bet, shape (n_members, n_bets); minus infinity before the first batch.
        n_rows: rows of each member so far, shape (n_members,).
        sum_squares: sum of the squares of their distances from the member's mean, shape (n_members,).
    """

    low: float
    high: float
    means: Floats
    design_effects: Floats
    bets: Floats
    log_sums: Floats
    n_rows: Floats
    sum_squares: Floats

    @classmethod
    def start(
        cls,
        *,
        low: float,
        high: float,
        means: npt.ArrayLike,
        side: Side = "above",
        design_effects: npt.ArrayLike = 1.0,
        n_bets: int = N_BETS,
    ) -> DetectorFamily:
        """Return detectors that have seen nothing; raises StatisticsError unless low < mean < high for each."""
        limits = np.atleast_1d(np.asarray(means, dtype=np.float64))
        effects = np.broadcast_to(np.asarray(design_effects, dtype=np.float64), limits.shape)
        for mean, effect in zip(limits.tolist(), effects.tolist(), strict=True):
            check_hypothesis(low=low, high=high, mean=mean, side=side, n_bets=n_bets)
            check_design_effect(effect)
        spread = [spread_bets(low=low, high=high, mean=mean, side=side, n_bets=n_bets) for mean in limits.tolist()]
        bets = np.array(spread).reshape(len(limits), n_bets)
        nothing = np.zeros(len(limits))
        return cls(float(low), float(high), limits, effects, bets, np.full(bets.shape, -np.inf), nothing, nothing)

    @property
    def log_m(self) -> Floats:
        """Log of the mean of M over the bets of each member, now; minus infinity before its first batch."""
        largest = self.log_sums.max(axis=1)
        known = np.where(np.isfinite(largest), largest, 0.0)
        with np.errstate(divide="ignore"):
            mixed: Floats = known + np.log(np.exp(self.log_sums - known[:, None]).mean(axis=1))
        return mixed

    def update_batch(self, x: npt.ArrayLike, members: Integers) -> DetectorFamily:
        """Return the detectors after one batch; `members` names the member of each row, negative for none.

        Raises StatisticsError when a value is NaN or outside [low, high], or a member is not there.
        """
        rows = check_bounded_sample(x, low=self.low, high=self.high)
        check_same_length(x=rows, members=members)
        if len(members) and members.max() >= len(self.means):
            raise StatisticsError(f"a row of member {members.max()}", expected=f"below {len(self.means)}")
        is_mine = members >= 0
        rows, places = rows[is_mine], members[is_mine]
        n_members = len(self.means)
        centred, bets = rows - self.means[places], self.bets[places]
        gains = [
            np.bincount(places, weights=np.log1p(bets[:, k] * centred), minlength=n_members)
            for k in range(self.bets.shape[1])
        ]
        n_rows = np.bincount(places, minlength=n_members).astype(np.float64)
        # log(stake + M) = logaddexp(log stake, log M): a new bettor joins with every batch.
        joined = np.logaddexp(np.log(self._lay_stakes(n_rows)), self.log_sums)
        log_sums = joined + np.column_stack(gains) / self.design_effects[:, None]
        return replace(
            self,
            log_sums=np.where((n_rows > 0)[:, None], log_sums, self.log_sums),
            n_rows=self.n_rows + n_rows,
            sum_squares=self.sum_squares + np.bincount(places, weights=centred**2, minlength=n_members),
        )

    def _lay_stakes(self, n_rows: Floats) -> Floats:
        """Return what the bettors who join with a batch of so many rows put on each bet, before its values are seen."""
        variances = learn_variances(
            low=self.low, high=self.high, means=self.means, n_rows=self.n_rows, sums=self.sum_squares
        )
        return lay_stakes(self.bets, n_rows=n_rows, variances=variances, design_effects=self.design_effects)

    def restart(self, chosen: Booleans) -> DetectorFamily:
        """Return the family with the chosen members without evidence; how much their rows vary stays known."""
        return replace(self, log_sums=np.where(chosen[:, None], -np.inf, self.log_sums))
