"""Folds: the evaluation rows of a training in parts, each answered by a fit on what was known when the part begins.

One fit that is judged a fortnight after its last row is a poor likeness of what would ship, which is fitted today: it
is nearly as stale as the champion that it is compared with, and their difference is mostly noise. So a refresh is
fitted anew at two moments (rolling origin, Tashman 2000), and each fit answers only the days that follow it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from holdtrue.data import History
from holdtrue.domain import Version

# The newest share of labelled rows that a first candidate is judged on.
EVALUATION_SHARE = 0.2
# A refresh is judged on so many of the newest days that hold labelled rows, and on so many rows, but on no more than
# this share of the days that the champion has not seen: the rest of the news goes to the candidate.
EVALUATION_DAYS = 14
EVALUATION_ROWS = 60
JUDGED_SHARE = 0.7
N_FOLDS = 2


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Rows with since <= time < until (None: to the end), answered by a fit on what was known at `since`."""

    since: datetime
    until: datetime | None = None

    def select_known(self, known: History) -> History:
        """Return what the candidate of this fold may learn from."""
        return known.rows(until=self.since).known_at(self.since)

    def select_judged(self, known: History) -> History:
        """Return the rows that it answers."""
        return known.rows(since=self.since, until=self.until)


def cut_folds(
    known: History, champion: Version | None, *, is_refresh: bool, not_before: datetime | None = None
) -> tuple[Fold, ...]:
    """Return the folds of an evaluation in order of time: no version has seen their rows, and enough are left to rule.

    A first candidate is judged on the newest rows, another recipe on all that the champion has not seen, both in one
    fold. A refresh on the champion's own rows would be the champion again and prove nothing: it sees some of the news.
    No row is judged that lies `not_before` a moment, such as the end of what the parameters were tuned on.
    """
    labelled = known.dataset().time
    if champion is None:
        position = max(0, min(len(labelled) - 1, int(len(labelled) * (1 - EVALUATION_SHARE))))
        return (Fold(since=max(labelled[position], not_before or labelled[position])),)
    just_after = champion.lineage.trained_until + timedelta(microseconds=1)
    just_after = max(just_after, not_before or just_after)
    news = labelled.filter(labelled >= just_after).dt.truncate("1d").value_counts(name="n_rows").sort("time")
    if not is_refresh or not news.height:
        return (Fold(since=just_after),)
    return tuple(_cut_days(_choose_days(news), not_before=just_after))


def _choose_days(news: pl.DataFrame) -> list[datetime]:
    """Return the days of the news that a refresh is judged on."""
    n_rows = news["n_rows"].reverse().cum_sum()
    n_wanted = max(EVALUATION_DAYS, int((n_rows < EVALUATION_ROWS).sum()) + 1)
    days: list[datetime] = news["time"][-min(n_wanted, math.ceil(news.height * JUDGED_SHARE)) :].to_list()
    return days


def _cut_days(days: list[datetime], *, not_before: datetime) -> Iterator[Fold]:
    n_folds = min(N_FOLDS, len(days))
    begins = [max(not_before, days[len(days) * i // n_folds]) for i in range(n_folds)]
    for since, until in zip(begins, [*begins[1:], None], strict=True):
        yield Fold(since=since, until=until)
