"""Span: the rows of a tuning in order of time: what is fitted first, what trials are judged on, what proves the best.

All of them lie before the rows that a gate would judge. A trial is fitted anew at each of two moments and judged on the
days that follow (rolling origin); the newest part is left for the best one alone, since the least loss of many trials
flatters its parameters.
"""

from dataclasses import dataclass
from datetime import datetime

from holdtrue.data import History
from holdtrue.domain import Version
from holdtrue.errors import LabelsScarce
from holdtrue.loop.fold import Fold, cut_folds

# The labelled rows before these shares are only fitted on; a trial's two folds and the proof begin at them.
SHARES = (0.6, 0.7, 0.8)
MIN_ROWS = 100


@dataclass(frozen=True, kw_only=True)
class TuningSpan:
    """The parts of a tuning's rows.

    Attributes:
        folds: what trials are judged on, one after the other.
        proof: what the best one is judged on once.
        seen_until: the rows end before it.
    """

    folds: tuple[Fold, ...]
    proof: Fold
    seen_until: datetime

    def select(self, history: History) -> History:
        """Return the rows of the tuning, with the labels that were known when they end."""
        return history.rows(until=self.seen_until).known_at(self.seen_until)


def cut_span(known: History, champion: Version | None) -> TuningSpan:
    """Return the span of a tuning as of now: it ends where the gate of a new recipe would begin.

    Raises:
        LabelsScarce: too few labelled rows are left for it.
    """
    seen_until = cut_folds(known, champion, is_refresh=False)[0].since
    times = known.rows(until=seen_until).known_at(seen_until).dataset().time
    moments = [times[int(len(times) * share)] for share in SHARES] if len(times) >= MIN_ROWS else []
    if len(set(moments)) < len(SHARES) or moments[0] <= times[0]:
        raise LabelsScarce(
            f"{len(times):,} labelled rows lie before {seen_until.isoformat()}, where those that a gate judges begin",
            expected=f"at least {MIN_ROWS}, at different moments, to fit, to select and to prove on",
            remedy="wait for more labels",
        )
    first, second, third = moments
    folds = (Fold(since=first, until=second), Fold(since=second, until=third))
    return TuningSpan(folds=folds, proof=Fold(since=third, until=seen_until), seen_until=seen_until)
