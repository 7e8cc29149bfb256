"""Comparison: the losses of two versions on the same later, labelled rows, with an error that is robust to time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Json, Loss, LossKind
from holdtrue.stats import PairedInterval, paired_interval, required_rows

MIN_ROWS = 30
MIN_BLOCKS = 8
LOSS_NAMES = {LossKind.LOG_LOSS: "log-loss", LossKind.ABSOLUTE_ERROR: "absolute error"}
# The interval that judges is the widest of several, and what it is planned by is itself an estimate: aiming at .9 gives
# a power of .8 or more in simulations, aiming at .8 gave .7.
AIMED_POWER = 0.9
BLOCK_DAYS = (1, 2, 3, 4, 7, 14, 28, 56, 91)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The mean loss of a challenger minus that of its anchor (champion or baseline), and how well it is known.

    Attributes:
        loss_name: name of the loss.
        risk: mean loss of the challenger.
        anchor_risk: mean loss of the anchor on the same rows.
        interval: the block-robust paired interval; None when there are too few rows or blocks.
        block_days: length of a block, in days.
        n_rows: labelled rows.
        n_blocks: blocks of time that hold rows.
        rows_a_day: labelled rows for each day of the span.
        shortage: why nothing can be said, as a sentence; None when something can.
    """

    loss_name: str
    risk: float
    anchor_risk: float
    interval: PairedInterval | None
    block_days: int
    n_rows: int
    n_blocks: int
    rows_a_day: float
    shortage: str | None = None

    @property
    def estimate(self) -> float:
        """Return the difference of the mean losses; below 0 the challenger is better."""
        return self.risk - self.anchor_risk

    @property
    def low(self) -> float:
        """Return the lower end of the interval; minus infinity when nothing is known."""
        return -np.inf if self.interval is None else self.interval.low

    @property
    def high(self) -> float:
        """Return the upper end of the interval; infinity when nothing is known."""
        return np.inf if self.interval is None else self.interval.high

    @property
    def design_effect(self) -> float:
        """Return by how much fewer independent rows there are than rows, at least 1."""
        return 1.0 if self.interval is None else self.interval.design_effect

    @property
    def extent(self) -> str:
        """Return how much was looked at, for a sentence."""
        return f"{self.n_rows:,} rows in {self.n_blocks} blocks of {_say_days(self.block_days)}"

    def required(self, *, margin: float, effect: float = 0.0) -> tuple[int, float]:
        """Return the rows and days that prove, with power .8, a true difference of `effect` to be below `margin`."""
        if self.interval is None or effect >= margin:
            return 0, 0.0
        deviation = self.interval.standard_error * np.sqrt(self.n_rows / self.design_effect)
        n_rows = required_rows(
            standard_deviation=float(deviation),
            margin=margin,
            design_effect=self.design_effect,
            effect=effect,
            alpha=1 - self.interval.level,
            power=AIMED_POWER,
        )
        return n_rows, n_rows / self.rows_a_day

    def to_evidence(self) -> dict[str, Json]:
        """Return the figures as plain numbers, ready for a verdict."""
        known = self.interval is not None
        return {
            "loss": self.loss_name,
            "challenger_loss": self.risk if self.n_rows else None,
            "anchor_loss": self.anchor_risk if self.n_rows else None,
            "estimate": self.estimate if self.n_rows else None,
            "low": self.low if known else None,
            "high": self.high if known else None,
            "level": self.interval.level if self.interval else None,
            "n_rows": self.n_rows,
            "n_blocks": self.n_blocks,
            "block_days": self.block_days,
            "design_effect": self.design_effect,
            "rows_a_day": self.rows_a_day,
        }


def compare_losses(
    challenger: NDArray[np.float64],
    *,
    anchor: NDArray[np.float64],
    days: NDArray[np.int64],
    loss: Loss,
    alpha: float = 0.05,
) -> Comparison:
    """Return the comparison of the losses of two versions on the same rows.

    Args:
        challenger: loss of the challenger on each row, shape (n_rows,).
        anchor: loss of the champion or the baseline on the same rows, shape (n_rows,).
        days: day of each row (whole numbers that count days), shape (n_rows,).
        loss: what the losses are.
        alpha: error that is allowed, both sides together.
    """
    n_rows = len(challenger)
    n_blocks = len(np.unique(days))
    shortage = find_shortage(days)
    block_days, interval = 1, None
    if shortage is None:
        differences = challenger - anchor
        block_days = choose_block_days(differences, days=days)
        interval = paired_interval(differences, blocks=(days - days.min()) // block_days, alpha=alpha)
        n_blocks = interval.n_blocks
    return Comparison(
        loss_name=LOSS_NAMES[loss.kind],
        risk=float(challenger.mean()) if n_rows else 0.0,
        anchor_risk=float(anchor.mean()) if n_rows else 0.0,
        interval=interval,
        block_days=block_days,
        n_rows=n_rows,
        n_blocks=n_blocks,
        rows_a_day=n_rows / _span(days) if n_rows else 0.0,
        shortage=shortage,
    )


def choose_block_days(differences: NDArray[np.float64], *, days: NDArray[np.int64]) -> int:
    """Return the length of block, in days, that gives the widest interval among those that leave at least 8 blocks.

    Rows of one day move together, and so do days that follow each other. In simulations at a level of 95 %, with day
    effects of autocorrelation .5, blocks of a day covered 76 % over 28 days and 77 % over 180, the widest 89 % and
    95 %. When days are independent it costs about a fifth of width.
    """
    from scipy.special import stdtrit

    since = days - days.min()
    sums = np.bincount(since, weights=differences - differences.mean())
    counts = np.bincount(since)
    widest, chosen = -1.0, BLOCK_DAYS[0]
    for length in BLOCK_DAYS:
        starts = np.arange(0, len(sums), length)
        is_held = np.add.reduceat(counts, starts) > 0
        n_blocks = int(is_held.sum())
        if n_blocks < MIN_BLOCKS:
            break
        squares = float((np.add.reduceat(sums, starts)[is_held] ** 2).sum())
        width = float(stdtrit(n_blocks - 1, 0.975)) * np.sqrt(squares * n_blocks / (n_blocks - 1))
        if width > widest * (1 + 1e-9):
            widest, chosen = width, length
    return chosen


def find_shortage(days: NDArray[np.int64]) -> str | None:
    """Say why nothing can be said of labelled rows of these days, shape (n_rows,); None when something can."""
    n_rows, n_blocks = len(days), len(np.unique(days))
    if n_rows < MIN_ROWS:
        return f"Not enough data: need at least {MIN_ROWS} labelled rows, found {n_rows}."
    if n_blocks < MIN_BLOCKS:
        return (
            f"Not enough data: need labelled rows of at least {MIN_BLOCKS} days (20 are better), found {n_rows:,} rows "
            f"of {_say_days(n_blocks)}{_say_span(n_blocks, _span(days))}; rows of one day move together and count as "
            "one block."
        )
    return None


def say_about(n_rows: int) -> str:
    """Return a number of rows that is itself an estimate, to two digits.

    >>> say_about(232_752), say_about(96)
    ('about 230,000', 'about 96')
    """
    return f"about {int(float(f'{n_rows:.2g}')):,}"


def _span(days: NDArray[np.int64]) -> int:
    return int(days.max() - days.min()) + 1 if len(days) else 0


def _say_days(n_days: int) -> str:
    return "1 day" if n_days == 1 else f"{n_days} days"


def _say_span(n_days: int, span: int) -> str:
    return f" within {span}" if span > n_days else ""
