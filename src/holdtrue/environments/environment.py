"""Environment: a place that runs finite work, named by `module:function` and given JSON."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from holdtrue.domain import Json
from holdtrue.environments.progress import Progress


class Environment(Protocol):
    """Runs work somewhere. Submitting the same work twice runs it twice: idempotence is the work's."""

    def submit(
        self,
        entry: str,
        payload: Json,
        *,
        timeout_seconds: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> "Future[Json]":
        """Run `entry`, a "module:function" of one argument, with `payload`; both payload and result are JSON.

        The future raises the error of holdtrue that the work raised, with its type; anything else that goes wrong in
        the work (an exception, death by a signal, the timeout) as `TrainingFailed`. An `on_progress` that raises
        stops the work, and its error is the outcome.
        """
        ...

    def interrupt(self) -> None:
        """End the work under way, whose future then fails; what waits is done. From any thread."""
        ...

    def close(self) -> None:
        """Stop all work and give the place back. Closing twice does nothing more."""
        ...
