"""Policies that a loop is compared with: a static model, and blind replacement at given moments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Decision, DecisionKind, Money, Version, format_count

from .measure import PolicyTrace
from .replay import Replay
from .roster import Roster

TrainBlind = Callable[[datetime], tuple[Version, int]]
Advance = Callable[[str], None]


# Evenly spaced moments may come a little earlier or later, in shares of their distance: one draw of them is luck.
PHASES = (-1 / 4, 1 / 4)


def space_evenly(looks: Sequence[datetime], n_moments: int, *, phase: float = 0.0) -> list[datetime]:
    """Return n of the looks of a loop that cut its time into n + 1 parts as equal as they can be.

    Args:
        looks: evenly spaced, the first one step after the start, the last at the end.
        n_moments: how many.
        phase: moves all of them by that share of a part.

    >>> from datetime import UTC, timedelta
    >>> a = datetime(2013, 1, 1, tzinfo=UTC)
    >>> [m.day for m in space_evenly([a + timedelta(days=day) for day in range(1, 10)], 2)]
    [4, 7]
    """
    parts = [len(looks) * (i + phase) / (n_moments + 1) for i in range(1, n_moments + 1)]
    return [looks[min(max(round(part), 1), len(looks)) - 1] for part in parts]


@dataclass(frozen=True, kw_only=True)
class BlindPolicy:
    """Retrains at each moment on all that is known then, and replaces at once, whatever comes of it."""

    name: str
    moments: Sequence[datetime]

    def replay(
        self, replay: Replay, roster: Roster, train: TrainBlind, outcome: Money | None, advance: Advance
    ) -> PolicyTrace:
        """Return the trace of this policy; `advance` is told of each training."""
        edges = [replay.start, *self.moments]
        answers: list[NDArray[np.float64]] = []
        worth: list[NDArray[np.float64]] = []
        decisions: list[Decision] = []
        for i, moment in enumerate(edges):
            version, n_trained = train(moment)
            advance(self.name)
            if i:
                sentence = f"Retrained on {format_count(n_trained, 'row')} and replaced without a look."
                decisions.append(
                    Decision(at=moment, action=DecisionKind.RETRAINED, version=version.number, sentence=sentence)
                )
            begin = replay.find_row(moment) if i else 0
            end = replay.find_row(edges[i + 1]) if i + 1 < len(edges) else replay.n_rows
            if end > begin:
                answers.append(roster.answer(version.number, begin, end))
                worth.append(roster.worth(version.number, answers[-1], replay.labels[begin:end]))
        return PolicyTrace(
            policy=self.name,
            answers=np.concatenate(answers),
            worth=np.concatenate(worth) if outcome is not None else None,
            unit=outcome.unit if outcome is not None else "money",
            decisions=tuple(decisions),
            n_retrains=len(self.moments),
        )
