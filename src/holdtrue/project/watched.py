"""Watched: the log of a model that is served elsewhere, read again and again, as the page shows it."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from holdtrue.clock import Clock, RealClock
from holdtrue.data import print_files, read_logged
from holdtrue.domain import Alert, Explanation, Figure, Loop, LoopView, Overview, Predictions, WatchResult
from holdtrue.errors import DeclarationError, HoldtrueError, NotFound, StateConflict
from holdtrue.loop import watch_log
from holdtrue.report import tell_beliefs, tell_watch, tell_watched_slices

# Labels fall due without a file being written: so often what is known is judged anew all the same.
SECONDS_KEPT = 60.0


@dataclass
class WatchedProject:
    """A project that only watches. `look` reads its log; the view shows what the last look found.

    Attributes:
        loop: the declared loop.
        folder: where its log's path starts.
        clock: business time.
    """

    loop: Loop
    folder: Path
    clock: Clock = field(default_factory=RealClock)
    _result: WatchResult | None = None
    _problem: str = ""
    _written: tuple[tuple[str, int, int], ...] = ()
    _looked_at: float = 0.0

    def look(self) -> tuple[Alert, ...]:
        """Read the log when its files have changed or a minute has passed; return the alerts that opened since.

        A log that cannot be read leaves what is shown as it was, with a note of why.

        Raises:
            HoldtrueError: it cannot be read at the first look (see `read_logged`).
        """
        data = self._declared
        try:
            written = print_files(data.path, folder=self.folder)
            is_new = written != self._written or time.monotonic() - self._looked_at >= SECONDS_KEPT
            if self._result is not None and not is_new:
                return ()
            logged = read_logged(data, folder=self.folder, task=self.loop.declared_task)
            found = watch_log(self.loop, logged, as_of=self.clock.now())
        except (HoldtrueError, OSError) as problem:
            if self._result is None:
                raise
            self._problem = f"The log cannot be read now, and this is how it stood before: {problem}"
            return ()
        known = set() if self._result is None else {alert.alert_id for alert in _list_open(self._result)}
        self._result, self._problem = found, ""
        self._written, self._looked_at = written, time.monotonic()
        return tuple(alert for alert in _list_open(found) if alert.alert_id not in known)

    def overview(self) -> Overview:
        """Return what the last look found."""
        assert self._result is not None, "the first look comes before the page"
        notes = (self._problem,) if self._problem else ()
        return Overview(
            project=self.folder.name, now=self.clock.now(), loops=(view_watched(self._result, notes=notes),)
        )

    def explain(self, prediction_id: str) -> Explanation:
        """Refuse: an answer that was given elsewhere rests on what is not here. Raises `NotFound`."""
        raise NotFound(
            f"nothing is known of how {prediction_id!r} came about: {self.loop.name} is served elsewhere",
            remedy="holdtrue watch shows how good its predictions were",
        )

    def read_figure(self, artifact: str) -> tuple[Figure, bytes]:
        """Refuse: there are no runs here that could have kept one. Raises `NotFound`."""
        raise NotFound(f"no run kept a picture {artifact[:12]!r}: {self.loop.name} is trained elsewhere")

    def promote(self, loop: str, reason: str) -> str:
        """Refuse: there is nothing to promote. Raises `StateConflict`."""
        raise StateConflict(f"{loop} is served elsewhere and only watched", expected="a loop with data=ht.table(...)")

    def rollback(self, loop: str, reason: str) -> str:
        """Refuse: there is nothing to go back to. Raises `StateConflict`."""
        return self.promote(loop, reason)

    @property
    def _declared(self) -> Predictions:
        if not isinstance(self.loop.data, Predictions):
            raise DeclarationError(f"{self.loop.name} declares a table", expected="data=ht.predictions(...)")
        return self.loop.data


def view_watched(result: WatchResult, *, notes: tuple[str, ...] = ()) -> LoopView:
    """Return a watch as the page shows a loop."""
    baselines = [version.baseline_loss for version in result.versions if version.baseline_loss is not None]
    slices = result.versions[-1].slices
    said = (*tell_watched_slices(slices), *tell_beliefs(result.beliefs))  # the page says these by itself
    told = [sentence for sentence in tell_watch(result) if sentence not in said]
    return LoopView(
        name=result.loop,
        loss=result.loss_kind,
        windows=result.windows,
        takeovers=result.takeovers,
        coverage=result.coverage,
        alerts=_list_open(result),
        baseline_loss=baselines[-1] if baselines else None,
        slices=slices,
        beliefs=result.beliefs,
        notes=(*notes, *told, *result.notes),
        is_watched=True,
    )


def _list_open(result: WatchResult) -> tuple[Alert, ...]:
    return tuple(alert for alert in result.alerts if alert.closed_at is None)
