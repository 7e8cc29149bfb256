"""Replay: the rows of a history as they came in, and when each of their labels was due and known."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.data import History
from holdtrue.domain import Task

MICROSECONDS = 1_000_000
DAY_SECONDS = 86_400


def to_microseconds(moment: datetime) -> int:
    """Return a moment as whole microseconds since 1970 UTC."""
    return int((moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


@dataclass(frozen=True)
class Replay:
    """The replayed part of a history, from `start` to its end; arrays are of that part, in the order of time.

    Attributes:
        history: the whole history; trainings see what of it was known at their moment.
        start: the moment at which the first version takes charge.
        end: just after the last row.
    """

    history: History
    start: datetime
    end: datetime

    @property
    def task(self) -> Task:
        """Return the kind of question."""
        return self.history.task

    @cached_property
    def part(self) -> History:
        """The replayed rows."""
        return self.history.rows(since=self.start)

    @cached_property
    def times(self) -> NDArray[np.int64]:
        """Moments of prediction, microseconds since 1970, shape (n_rows,)."""
        return self.part.frame["__time"].dt.epoch("us").to_numpy()

    @cached_property
    def labels(self) -> NDArray[Any]:
        """Class positions (-1 = missing) or numbers (nan = missing), shape (n_rows,)."""
        return self.part.encoded_labels()

    @cached_property
    def is_labelled(self) -> NDArray[np.bool_]:
        """Whether the label ever came, shape (n_rows,)."""
        return self.labels >= 0 if self.task.has_classes else ~np.isnan(self.labels)

    @cached_property
    def due(self) -> NDArray[np.int64]:
        """When each label is due: its own moment where the data says so, else the usual delay after the row."""
        delay = int(self.part.label_delay / timedelta(microseconds=1))
        known = self.part.frame["__label_time"].dt.epoch("us")
        return np.where(known.is_null().to_numpy(), self.times + delay, known.fill_null(0).to_numpy())

    @cached_property
    def days(self) -> NDArray[np.int64]:
        """Day number of each row's prediction, shape (n_rows,)."""
        return self.times // (MICROSECONDS * DAY_SECONDS)

    @cached_property
    def weeks(self) -> NDArray[np.int64]:
        """Week number of each row's prediction, shape (n_rows,)."""
        return self.days // 7

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """Position of each row's unit among all units, shape (n_rows,)."""
        return self.part.frame["__unit"].rank("dense").to_numpy().astype(np.int64) - 1

    @cached_property
    def unit_names(self) -> list[str]:
        """The unit of each row."""
        return [str(unit) for unit in self.part.frame["__unit"].to_list()]

    @property
    def n_rows(self) -> int:
        """Return how many rows are replayed."""
        return len(self.times)

    def find_row(self, moment: datetime) -> int:
        """Return the position of the first row at or after a moment."""
        return int(np.searchsorted(self.times, to_microseconds(moment), side="left"))
