"""A detector that watches for ever whether a bounded mean has risen, and rarely cries wolf.

Source: Shin, Ramdas and Rinaldo, E-detectors (arXiv 2203.03532), Shiryaev-Roberts form:
M_n(L) = (s_n(L) + M_{n-1}(L)) * prod over the batch of (1 + L (x - m)), where the stakes s_n are 1 on average over the
bets and known before the batch's values (`stakes`). The alarm sounds when the mean over the bets L (and over features
and slices, under ANY dependence between them) reaches c; while the mean of x stays at most m, the average number of
batches to a false alarm is at least c. With m = U + tolerance and x the loss this is the risk
tracking of Podkopaev and Ramdas (ICLR 2022, arXiv 2110.06177).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .betting import N_BETS, Side, check_hypothesis, spread_bets
from .sample import Floats, check_bounded_sample, check_design_effect
from .stakes import lay_stakes, learn_variances
from .wealth import mix_log_wealths


@dataclass(frozen=True)
class EDetector:
    """A Shiryaev-Roberts detector over a grid of bets that a mean has moved above (or below) m; immutable.

    Attributes:
        low: smallest possible value of a row.
        high: largest possible value of a row.
        mean: m, the mean that is still in order.
        side: "above" or "below".
        design_effect: each batch's log-gain is divided by it (tempering); a HEURISTIC for rows that depend on each
            other, without a theorem. 1 = none.
        log_sums: log M of each bet; minus infinity before the first batch.
        log_m_max: largest log M (mean over bets) after any batch.
        n_batches: batches seen; the run length is counted in these.
        n_rows: rows seen.
        sum_squares: sum of the squares of their distances from the mean.
    """

    low: float
    high: float
    mean: float
    side: Side
    design_effect: float
    log_sums: tuple[float, ...]
    log_m_max: float = -np.inf
    n_batches: int = 0
    n_rows: int = 0
    sum_squares: float = 0.0

    @classmethod
    def start(
        cls,
        *,
        low: float,
        high: float,
        mean: float,
        side: Side = "above",
        design_effect: float = 1.0,
        n_bets: int = N_BETS,
    ) -> EDetector:
        """Return a detector that has seen nothing; raises StatisticsError unless low < mean < high."""
        check_hypothesis(low=low, high=high, mean=mean, side=side, n_bets=n_bets)
        return cls(float(low), float(high), float(mean), side, check_design_effect(design_effect), (-np.inf,) * n_bets)

    @property
    def log_m(self) -> float:
        """Log of the mean of M over the bets, now; minus infinity before the first batch."""
        return mix_log_wealths(self.log_sums) if self.n_batches else -np.inf

    def update_batch(self, x: npt.ArrayLike) -> EDetector:
        """Return the detector after one batch (for example a day) of rows, shape (n_rows,).

        The batch is the unit of the run length. An empty batch counts as one: leave it out if time without labels
        should not count. Raises StatisticsError when a value is NaN or outside [low, high].
        """
        rows = check_bounded_sample(x, low=self.low, high=self.high)
        gained = self._sum_gains(rows)
        # log(stake + M) = logaddexp(log stake, log M): a new bettor joins with every batch.
        joined = np.logaddexp(np.log(self._lay_stakes(len(rows))), np.array(self.log_sums))
        log_sums: Floats = joined + gained / self.design_effect
        after = replace(
            self,
            log_sums=tuple(log_sums.tolist()),
            n_batches=self.n_batches + 1,
            n_rows=self.n_rows + len(rows),
            sum_squares=self.sum_squares + float(((rows - self.mean) ** 2).sum()),
        )
        return replace(after, log_m_max=max(self.log_m_max, after.log_m))

    def has_alarmed(self, run_length: float) -> bool:
        """Whether M has reached run_length after any batch, so that the mean has probably moved.

        While the mean is in order, the average number of batches to the first alarm is at least run_length. Start a
        new detector after an alarm was handled.
        """
        return self.log_m_max >= _check_run_length(run_length)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole state as plain numbers, strings and lists, ready for JSON."""
        return {
            "low": self.low,
            "high": self.high,
            "mean": self.mean,
            "side": self.side,
            "design_effect": self.design_effect,
            "log_sums": list(self.log_sums) if self.n_batches else None,  # JSON has no infinity
            "log_m_max": self.log_m_max if self.n_batches else None,
            "n_bets": len(self.log_sums),
            "n_batches": self.n_batches,
            "n_rows": self.n_rows,
            "sum_squares": self.sum_squares,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> EDetector:
        """Return the detector that `to_dict` wrote down; raises StatisticsError when the state is not one."""
        try:
            names = ("low", "high", "mean", "side", "design_effect", "n_bets")
            detector = cls.start(**{name: state[name] for name in names})
            if not state["n_batches"]:
                return detector
            return replace(
                detector,
                log_sums=tuple(float(value) for value in state["log_sums"]),
                log_m_max=float(state["log_m_max"]),
                n_batches=int(state["n_batches"]),
                n_rows=int(state["n_rows"]),
                sum_squares=float(state["sum_squares"]),
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise StatisticsError(
                f"a state of a detector that cannot be read ({problem!r})", expected="what EDetector.to_dict returns"
            ) from problem

    @property
    def _bets(self) -> Floats:
        return spread_bets(low=self.low, high=self.high, mean=self.mean, side=self.side, n_bets=len(self.log_sums))

    def _sum_gains(self, rows: Floats) -> Floats:
        centred = rows - self.mean
        return np.array([np.log1p(bet * centred).sum() for bet in self._bets])

    def _lay_stakes(self, n_rows: int) -> Floats:
        """Return what the bettor who joins with a batch of so many rows puts on each bet."""
        variances = learn_variances(
            low=self.low,
            high=self.high,
            means=np.array([self.mean]),
            n_rows=np.array([float(self.n_rows)]),
            sums=np.array([self.sum_squares]),
        )
        effects = np.array([self.design_effect])
        (stakes,) = lay_stakes(
            self._bets[None, :], n_rows=np.array([float(n_rows)]), variances=variances, design_effects=effects
        )
        return np.asarray(stakes)


def mean_log_m(detectors: Iterable[EDetector]) -> float:
    """Return the log of the mean of M over several detectors, now: one family of features, slices and metrics.

    The average of detectors is again a detector with the same guarantee, whatever the dependence between them, as long
    as all have seen the same batches. Raises StatisticsError for an empty family or different numbers of batches.
    """
    family = list(detectors)
    n_batches = {detector.n_batches for detector in family}
    if len(n_batches) != 1:
        raise StatisticsError(
            f"{len(family)} detectors that have seen {sorted(n_batches)} batches",
            expected="at least one detector, all with the same number of batches",
        )
    logs = np.array([detector.log_m for detector in family])
    return mix_log_wealths(logs) if n_batches != {0} else -np.inf


def has_family_alarmed(detectors: Iterable[EDetector], run_length: float) -> bool:
    """Whether the mean over the family has reached run_length now; ask after every batch."""
    return mean_log_m(detectors) >= _check_run_length(run_length)


def _check_run_length(run_length: float) -> float:
    if not run_length >= 1:
        raise StatisticsError(f"run_length is {run_length!r}", expected="at least 1, in batches")
    return float(np.log(run_length))
