"""Together: pieces of work that one child does at once, a thread for each, since they wait for machines elsewhere.

A process that has steps done on a cluster is a user of it, and Ray keeps processes of each user apart: several children
that hand on their steps make machines start and end processes all the time. So such work goes to one child, in batches.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec

from holdtrue.domain import Json
from holdtrue.environments.environment import Environment
from holdtrue.environments.failure import make_failure, pack_failure, unpack_failure
from holdtrue.environments.message import Failed


class _Outcome(msgspec.Struct, frozen=True):
    """What came of a piece: what it returned, or the error that it raised."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    failure: Failed | None = None


@dataclass
class Together:
    """Gathers work for an environment, and hands it over as one piece when somebody waits for it.

    Attributes:
        environment: where the work is done.
        entry: "module:function" of a list of payloads, which returns what `run_together` does.
    """

    environment: Environment
    entry: str
    _gathered: "list[tuple[Json, Future[Json]]]" = field(default_factory=list)
    _sent: "list[Future[Json]]" = field(default_factory=list)

    def submit(self, payload: Json) -> "Future[Json]":
        """Gather a piece of work and return its future, which is done after `send` and `hand_over`."""
        outcome: Future[Json] = Future()
        self._gathered.append((payload, outcome))
        return outcome

    def send(self) -> "Future[Json]":
        """Hand over what was gathered; return the future of the whole, which is for `hand_over`."""
        self._sent = [outcome for _, outcome in self._gathered]
        payloads = [payload for payload, _ in self._gathered]
        self._gathered = []
        return self.environment.submit(self.entry, payloads)

    def hand_over(self, batch: "Future[Json]") -> None:
        """Give each future what came of its piece; all get the error of a whole that failed."""
        problem = batch.exception()
        for place, future in enumerate(self._sent):
            if problem is not None:
                future.set_exception(problem)
                continue
            outcome = msgspec.json.decode(msgspec.json.encode(batch.result()[place]), type=_Outcome)
            if outcome.failure is not None:
                future.set_exception(unpack_failure(outcome.failure))
            else:
                future.set_result(msgspec.json.decode(outcome.result))


def run_together(work: Sequence[Callable[[], Json]]) -> Json:
    """Do pieces of work at once, a thread for each, and return what came of each; none ends another."""
    with ThreadPoolExecutor(max_workers=max(1, len(work))) as pool:
        return list(pool.map(_run, work))


def _run(work: Callable[[], Json]) -> Json:
    try:
        outcome = _Outcome(result=msgspec.Raw(msgspec.json.encode(work())))
    except Exception as raised:
        outcome = _Outcome(failure=pack_failure(make_failure(raised)))
    return msgspec.json.decode(msgspec.json.encode(outcome))
