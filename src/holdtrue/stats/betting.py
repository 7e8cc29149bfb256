"""Betting against "the mean is at most m": a test of a bounded variable that may be looked at after every row.

Source: Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSSB 2024 (arXiv 2010.09686).
Someone who bets on every row that it exceeds m cannot grow rich if the mean of each row, given the past, is at most m:
P(his wealth ever reaches 1/alpha) <= alpha (Ville). Wealth is therefore evidence: no normality, no independence, no
fixed number of rows, but the mean must obey m on EVERY row given the past, not only on average.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from holdtrue.errors import StatisticsError

from .sample import Floats, check_bounded_sample, check_design_effect, check_same_length, check_share
from .wealth import follow_wealth, mix_log_wealths, sum_log_wealths

Side = Literal["above", "below"]

N_BETS = 8
# The boldest bet loses 90 % when the worst value comes, so no single row can ruin it.
TOP_BET = 0.9


def spread_bets(*, low: float, high: float, mean: float, side: Side, n_bets: int) -> Floats:
    """Return the signed bets L_k = .9 / (distance from the mean to the far end) * 2^-k, shape (n_bets,).

    Bets on "below" are negative, so that a row's factor is 1 + L (x - mean) on both sides.
    """
    boldest = TOP_BET / (mean - low) if side == "above" else -TOP_BET / (high - mean)
    return boldest * np.float64(0.5) ** np.arange(n_bets, dtype=np.float64)


def check_hypothesis(*, low: float, high: float, mean: float, side: str, n_bets: int) -> None:
    """Raise StatisticsError unless low < mean < high are finite, the side is known and there is at least one bet."""
    if not (np.isfinite([low, high, mean]).all() and low < mean < high):
        raise StatisticsError(
            f"low={low!r}, mean={mean!r}, high={high!r}",
            expected="finite numbers with low < mean < high",
            remedy="a mean at the end of the range cannot be exceeded, so there is nothing to test",
        )
    if side not in get_args(Side):
        raise StatisticsError(f"side is {side!r}", expected=f"one of {', '.join(get_args(Side))}")
    if n_bets < 1:
        raise StatisticsError(f"n_bets is {n_bets}", expected="at least 1")


@dataclass(frozen=True)
class EProcess:
    """A mixture of bets that the mean of a bounded variable lies above (or below) a value; immutable.

    E_n = (1/K) sum_k prod_i (1 + L_k (x_i - m)). The state is K log-wealths, so it fits into one row of a table.
    An EProcess is one-sided: evidence against "mean <= m" for side "above", against "mean >= m" for side "below".

    Attributes:
        low: smallest possible value of a row.
        high: largest possible value of a row.
        mean: m, the mean under the null.
        side: "above" or "below".
        log_wealths: log-wealth of each bet, after all rows.
        log_e_max: supremum of log E over every row so far (at least 0: E starts at 1).
        n_rows: rows that were bet on.

    >>> process = EProcess.start(low=0, high=1, mean=0.5)
    >>> process.update([1] * 20).crosses(alpha=0.05)
    True
    """

    low: float
    high: float
    mean: float
    side: Side
    log_wealths: tuple[float, ...]
    log_e_max: float = 0.0
    n_rows: int = 0

    @classmethod
    def start(cls, *, low: float, high: float, mean: float, side: Side = "above", n_bets: int = N_BETS) -> EProcess:
        """Return a process that has seen no row; raises StatisticsError unless low < mean < high."""
        check_hypothesis(low=low, high=high, mean=mean, side=side, n_bets=n_bets)
        return cls(float(low), float(high), float(mean), side, (0.0,) * n_bets)

    @property
    def bets(self) -> Floats:
        """The signed bets for the rows to come, shape (n_bets,)."""
        return spread_bets(low=self.low, high=self.high, mean=self.mean, side=self.side, n_bets=len(self.log_wealths))

    @property
    def log_e(self) -> float:
        """Log of the evidence after the last row."""
        return mix_log_wealths(self.log_wealths)

    def update(self, x: npt.ArrayLike) -> EProcess:
        """Return the process after the rows x, shape (n_rows,), in the order in which their labels fell due.

        Raises StatisticsError when a value is NaN or outside [low, high].
        """
        rows = check_bounded_sample(x, low=self.low, high=self.high)
        log_wealths, peak = follow_wealth(rows - self.mean, bets=self.bets, start=np.array(self.log_wealths))
        return replace(
            self,
            log_wealths=tuple(log_wealths.tolist()),
            log_e_max=max(self.log_e_max, peak),
            n_rows=self.n_rows + len(rows),
        )

    def update_counts(self, values: npt.ArrayLike, counts: npt.ArrayLike) -> EProcess:
        """Return the process after a histogram of rows: counts[i] rows of values[i].

        The order of the rows is lost, so the supremum is taken at the end only. When bins were made of finer values,
        give each bin's lower edge as its value for side "above", its upper edge for "below": that keeps the guarantee.
        """
        points = check_bounded_sample(values, low=self.low, high=self.high, name="values")
        numbers = np.asarray(counts, dtype=np.int64)
        check_same_length(values=points, counts=numbers)
        if len(numbers) and numbers.min() < 0:
            raise StatisticsError(f"a count is {numbers.min()}", expected="counts of at least 0")
        gained = sum_log_wealths(points - self.mean, numbers, bets=self.bets)
        return self._end_at(np.array(self.log_wealths) + gained, n_rows=self.n_rows + int(numbers.sum()))

    def merge(self, other: EProcess) -> EProcess:
        """Return the process that has seen the rows of both (for example of two replicas).

        Log-wealths add. The order between the two is unknown, so the supremum is that of the merged end alone: keep
        the largest `log_e_max` of successive merges yourself when evidence may be looked at in between.
        """
        if self.hypothesis != other.hypothesis:
            raise StatisticsError(
                f"two processes on different hypotheses: {self.hypothesis} and {other.hypothesis}",
                expected="the same low, high, mean, side and number of bets",
                remedy="for shares with their own ranges use holdtrue.stats.combine_shares",
            )
        merged = replace(self, log_e_max=0.0)
        total = np.array(self.log_wealths) + np.array(other.log_wealths)
        return merged._end_at(total, n_rows=self.n_rows + other.n_rows)

    def with_range(self, *, low: float, high: float) -> EProcess:
        """Return the process with a new range for the rows to come; the wealth so far is kept.

        Bets may change with what is known before a row, so a canary whose share moves stays one process.
        """
        check_hypothesis(low=low, high=high, mean=self.mean, side=self.side, n_bets=len(self.log_wealths))
        return replace(self, low=float(low), high=float(high))

    @property
    def hypothesis(self) -> tuple[float, float, float, str, int]:
        """What is bet on: (low, high, mean, side, number of bets)."""
        return self.low, self.high, self.mean, self.side, len(self.log_wealths)

    def crosses(self, alpha: float, design_effect: float = 1.0) -> bool:
        """Whether the evidence has ever reached 1/alpha, so that the null is refuted at alpha, at any time.

        With a design effect above 1 the log of the evidence is divided by it (tempering). This is a HEURISTIC for rows
        that depend on each other (days, weather): it has no theorem behind it, only simulations. Measure the design
        effect of the same variable on a later, time-blocked holdout at the deployed number of rows a day.
        """
        check_share(alpha, name="alpha")
        return self.log_e_max / check_design_effect(design_effect) >= -math.log(alpha)

    def p_value(self, design_effect: float = 1.0) -> float:
        """Return the smallest alpha at which the null is refuted by now: at most this chance that it was luck."""
        return min(1.0, math.exp(-self.log_e_max / check_design_effect(design_effect)))

    def to_dict(self) -> dict[str, Any]:
        """Return the whole state as plain numbers, strings and lists, ready for JSON."""
        return {
            "low": self.low,
            "high": self.high,
            "mean": self.mean,
            "side": self.side,
            "log_wealths": list(self.log_wealths),
            "log_e_max": self.log_e_max,
            "n_rows": self.n_rows,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> EProcess:
        """Return the process that `to_dict` wrote down; raises StatisticsError when the state is not one."""
        try:
            log_wealths = tuple(float(value) for value in state["log_wealths"])
            process = cls.start(
                low=state["low"], high=state["high"], mean=state["mean"], side=state["side"], n_bets=len(log_wealths)
            )
            peak, n_rows = float(state["log_e_max"]), int(state["n_rows"])
        except (KeyError, TypeError, ValueError) as problem:
            raise StatisticsError(
                f"a state of an e-process that cannot be read ({problem!r})", expected="what EProcess.to_dict returns"
            ) from problem
        return replace(process, log_wealths=log_wealths, log_e_max=peak, n_rows=n_rows)

    def _end_at(self, log_wealths: Floats, *, n_rows: int) -> EProcess:
        ended = replace(self, log_wealths=tuple(log_wealths.tolist()), n_rows=n_rows)
        return replace(ended, log_e_max=max(self.log_e_max, ended.log_e))
