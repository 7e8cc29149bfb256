"""Pace: how long a model's calls take, which decides whether the event loop may wait for it."""

import math
from dataclasses import dataclass

FAST_SECONDS = 0.001
HELD_SECONDS = 0.005
"""What the event loop would wait for the interpreter if the model held it in a thread: Python's switch interval."""
HELD_ROWS = 64
LATE_SECONDS = 0.1
N_LATE = 3
_COMPANY = 0.1


@dataclass
class Pace:
    """The pace of one loaded model.

    Attributes:
        call_seconds: how long it took for one row when it was loaded, the least of a few calls.
        held_seconds: how long one that holds the interpreter took for `HELD_ROWS` rows; infinite for others.
        is_lost: whether `N_LATE` calls in a row, for so many rows or fewer, took far longer since. One alone may have
            been the machine's.
    """

    call_seconds: float = math.inf
    held_seconds: float = math.inf
    is_lost: bool = False
    _n_late: int = 0

    @property
    def is_fast(self) -> bool:
        """Say whether the event loop may wait for the model: it is fast, or would be waited for in a thread too."""
        return not self.is_lost and (self.call_seconds < FAST_SECONDS or self.held_seconds < HELD_SECONDS)

    @property
    def company_seconds(self) -> float:
        """Return how long a row may wait for others to be asked with; 0 for a fast model, else a tenth of a call."""
        return 0.0 if self.call_seconds < FAST_SECONDS else _COMPANY * self.call_seconds

    def note(self, seconds: float, *, n_rows: int) -> None:
        """Take note of a call."""
        if n_rows <= HELD_ROWS:
            self._n_late = self._n_late + 1 if seconds > LATE_SECONDS else 0
            self.is_lost |= self._n_late >= N_LATE
