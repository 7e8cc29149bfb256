"""Slices: how the declared slices of the version in charge stand, read anew from the log for people."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from holdtrue.data import LabelReader, PredictionReader
from holdtrue.domain import SliceReading, Version
from holdtrue.loop import judge_answers, read_slices, restore_watch

from .evidence import SECONDS_KEPT, find_label_delay
from .project import Project


@dataclass
class SliceTracer:
    """Reads how the slices of one project's version in charge stand, and keeps what it read for a while."""

    project: Project
    _version: int | None = None
    _slices: tuple[SliceReading, ...] = ()
    _read_at: float = field(default=-SECONDS_KEPT)

    def __post_init__(self) -> None:
        name, store = self.project.loop.name, self.project.store
        self._reader, self._labels = PredictionReader(store.folder / "log" / name), LabelReader(store, name)

    def trace(self, version: Version, *, since: datetime) -> tuple[SliceReading, ...]:
        """Return how the slices of a version stand that took charge at `since`."""
        is_old = time.monotonic() - self._read_at >= SECONDS_KEPT
        if self.project.loop.watched_slices and (is_old or version.number != self._version):
            self._version, self._read_at = version.number, time.monotonic()
            self._slices = self._read(version, since)
        return self._slices

    def _read(self, version: Version, since: datetime) -> tuple[SliceReading, ...]:
        watch, now = restore_watch(version, self.project.loop), self.project.clock.now()
        log = self._reader.read()
        if not watch.slices:
            return ()
        labels = self._labels.read(as_of=now, predictions=log)
        rows = judge_answers(log, labels, version, since=since, label_delay=self._label_delay, now=now)
        reading = read_slices(rows, watch)
        return () if reading is None else reading.slices

    @cached_property
    def _label_delay(self) -> timedelta:
        return find_label_delay(self.project)


def note_unjudged(version: Version, entries: tuple[tuple[str, ...], ...]) -> str:
    """Say which declared slices are not watched because they were declared after the version was judged; "" if none."""
    judged = {cut.columns for cut in version.slices}
    missing = [" and ".join(entry) for entry in entries if entry not in judged]
    if not missing:
        return ""
    return (
        f"Slices by {', '.join(missing)} are watched from the next version on: {version.name} was judged before they "
        "were declared, so there is nothing to hold them against."
    )
