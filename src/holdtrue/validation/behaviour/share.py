"""Share: how many of the rows that were looked at behave as they must not, and whether so many may."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holdtrue.domain import Json, Ruling
from holdtrue.validation.comparison import say_about

# Checks look at a few rows first and at all only where the few do not tell: two looks, .05 between them.
LEVEL = 0.975
FAR_ROWS = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Share:
    """A count of rows that behave as they must not, held against the share that may.

    Attributes:
        n_found: rows that do.
        n_rows: rows that were looked at.
        allowed: the share (0..1) that may.
    """

    n_found: int
    n_rows: int
    allowed: float

    @property
    def share(self) -> float:
        """Return the share that was found; 0 of no rows."""
        return self.n_found / self.n_rows if self.n_rows else 0.0

    @property
    def low(self) -> float:
        """Return the lower end of the interval (Clopper and Pearson, Biometrika 1934)."""
        from scipy.special import betaincinv

        if not self.n_found:
            return 0.0
        return float(betaincinv(self.n_found, self.n_rows - self.n_found + 1, (1 - LEVEL) / 2))

    @property
    def high(self) -> float:
        """Return the upper end of the interval."""
        from scipy.special import betaincinv

        if self.n_found == self.n_rows:
            return 1.0
        return float(betaincinv(self.n_found + 1, self.n_rows - self.n_found, (1 + LEVEL) / 2))

    @property
    def ruling(self) -> Ruling:
        """Return passed where no more than is allowed is proven, failed where more is, else inconclusive."""
        if self.high <= self.allowed:
            return Ruling.PASSED
        return Ruling.FAILED if self.low > self.allowed else Ruling.INCONCLUSIVE

    @property
    def required(self) -> int | None:
        """Return how many rows would rule, with power .8, if the share stays what it is; None for too many to count."""
        lean = 0.84 * np.sqrt(self.share * (1 - self.share))  # towards what is allowed, by what chance may do
        lean *= np.sign(self.allowed - self.share)
        n_rows = max(2, self.n_rows)
        while n_rows < FAR_ROWS:
            n_found = int(np.clip(round(n_rows * self.share + lean * np.sqrt(n_rows)), 0, n_rows))
            projected = Share(n_found=n_found, n_rows=n_rows, allowed=self.allowed)
            if projected.ruling is not Ruling.INCONCLUSIVE:
                return n_rows
            n_rows += max(1, n_rows // 50)
        return None

    @property
    def shortage(self) -> str:
        """Return the sentence for an inconclusive ruling."""
        needed = "more than can be had" if self.required is None else say_about(self.required)
        return f"Not enough data: need {needed} rows to tell whether at most {say_share(self.allowed)} do."

    def to_evidence(self) -> dict[str, Json]:
        """Return the figures as plain numbers, ready for a verdict."""
        return {
            "n_rows": self.n_rows,
            "n_found": self.n_found,
            "share": self.share,
            "low": self.low if self.n_rows else None,
            "high": self.high if self.n_rows else None,
            "level": LEVEL,
            "allowed_share": self.allowed,
        }


def say_share(share: float) -> str:
    """Return a share for people.

    >>> say_share(0.0125)
    '1.25 %'
    """
    return f"{100 * share:.3g} %"


def say_value(value: Json) -> str:
    """Return a feature's value for people.

    >>> say_value(5.042500019073486), say_value("AA"), say_value(None)
    ('5.043', 'AA', 'nothing')
    """
    return "nothing" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
