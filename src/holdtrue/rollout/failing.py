"""Failing: a challenger that does not answer rows that the champion answers, which no loss of answered rows can show.

A row on which a version fails or is late is answered by somebody else, so its own answers are those to the rows that it
can do: the hard ones drop out of one side alone. Before a difference of losses may speak, both must answer.
"""

from dataclasses import dataclass

from holdtrue.domain import format_count

# As for skew: fewer rows say too little. A model that is sound fails on none; what is late for want of a processor is
# late on both sides.
LEAST_ASKED = 100
LEAST_FAILED = 5
FAILED_SHARE = 0.02
MUCH_MORE = 2.0


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many of its newest rows a version was asked, and on how many it failed or was late."""

    n_asked: int
    n_failed: int

    @property
    def share(self) -> float:
        """Return the share (0..1) of the rows that it failed on."""
        return self.n_failed / self.n_asked if self.n_asked else 0.0


def find_failing(challenger: Tally, champion: Tally) -> str | None:
    """Say in a sentence that a challenger leaves rows unanswered that the champion would have answered; else None.

    >>> find_failing(Tally(n_asked=400, n_failed=100), Tally(n_asked=3_000, n_failed=0))
    'it failed or was late on 100 of 400 rows (25.0 %), the champion on 0 of 3,000 rows (0.0 %)'
    """
    if challenger.n_asked < LEAST_ASKED or challenger.n_failed < LEAST_FAILED:
        return None
    if challenger.share <= FAILED_SHARE or challenger.share <= MUCH_MORE * champion.share:
        return None
    return f"it failed or was late on {_tell(challenger)}, the champion on {_tell(champion)}"


def _tell(tally: Tally) -> str:
    return f"{tally.n_failed:,} of {format_count(tally.n_asked, 'row')} ({100 * tally.share:.1f} %)"
