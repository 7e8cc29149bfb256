"""Quality: what every version that answered was worth, window by window, and what the one in charge believes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from holdtrue.data import join_labels
from holdtrue.domain import Belief, Loop, Version
from holdtrue.monitoring import MeasuredWindows, measure_beliefs, measure_windows
from holdtrue.store import Store

from .memory import CHAMPION
from .risk import restore_watch


@dataclass(frozen=True, kw_only=True)
class QualityKeeper:
    """Measures and keeps the quality of a loop's versions.

    Attributes:
        loop: the declared loop.
        store: where windows and beliefs are kept.
        window: the length of a window.
        measured: the windows as this process measured them last.
    """

    loop: Loop
    store: Store
    window: timedelta
    measured: MeasuredWindows = field(default_factory=MeasuredWindows)

    def write(self, log: pl.DataFrame, labels: pl.DataFrame, *, label_delay: timedelta, now: datetime) -> None:
        """Measure every version that answered rows of the log, and ask the one in charge what it believes."""
        joined = join_labels(log, labels, label_delay=label_delay, as_of=now)
        with self.store.reading() as tx:
            versions = {v.number: v for v in tx.versions.all(self.loop.name)}
            champion = versions.get(tx.aliases.current(self.loop.name, CHAMPION) or 0)
        windows = [
            measured
            for number in sorted(set(log["version"].to_list()) & versions.keys())
            for measured in measure_windows(
                joined,
                loop=self.loop.name,
                version=number,
                loss=versions[number].loss,
                task=versions[number].signature.task,
                classes=versions[number].signature.classes,
                window=self.window,
                as_of=now,
                measured=self.measured,
            )
        ]
        beliefs = () if champion is None else self._ask_beliefs(joined, champion, now)
        with self.store.transaction() as tx:
            tx.windows.put(windows)
            tx.beliefs.put(beliefs)

    def _ask_beliefs(self, joined: pl.DataFrame, champion: Version, now: datetime) -> tuple[Belief, ...]:
        # The loss is to be known as well as the watch looks at it.
        tolerance = restore_watch(champion, self.loop).tolerance
        return measure_beliefs(
            joined,
            loop=self.loop.name,
            version=champion.number,
            loss=champion.loss,
            task=champion.signature.task,
            classes=champion.signature.classes,
            as_of=now,
            early=self.loop.table.early_labels,
            loss_precision=tolerance,
        )
