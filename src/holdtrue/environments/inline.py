"""Inline: work in this process and thread, done before `submit` returns."""

from collections.abc import Callable
from concurrent.futures import Future

from holdtrue.domain import Json
from holdtrue.environments.entry import call_entry
from holdtrue.environments.failure import make_failure
from holdtrue.environments.progress import Progress, listening


class InlineEnvironment:
    """Runs work at once, where it is submitted: for tests, backtests and debugging.

    Payload and result still pass through JSON, so that work which runs here runs in a child process too. Nothing can be
    stopped, so `timeout_seconds` is not kept; an interrupt (Ctrl-C) passes through.

    >>> InlineEnvironment().submit("operator:neg", 2).result()
    -2
    """

    def submit(
        self,
        entry: str,
        payload: Json,
        *,
        timeout_seconds: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> "Future[Json]":
        """Run the work and return its future, done."""
        outcome: Future[Json] = Future()
        outcome.set_running_or_notify_cancel()
        refusals: list[Exception] = []

        def listen(progress: Progress) -> None:
            try:
                if on_progress is not None:
                    on_progress(progress)
            except Exception as refusal:
                refusals.append(refusal)
                raise

        try:
            with listening(listen):
                outcome.set_result(call_entry(entry, payload))
        except (Exception, SystemExit) as raised:
            outcome.set_exception(refusals[0] if refusals else make_failure(raised))
        return outcome

    def interrupt(self) -> None:
        """Do nothing: work has ended when `submit` returns."""

    def close(self) -> None:
        """Do nothing: nothing is held."""
