"""Batch: rows answered without a server, by the same traffic, with the same checks and the same log."""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from holdtrue.domain import Json
from holdtrue.errors import NotFound
from holdtrue.serving.answer.answer import Answer
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.answer.router import Router
from holdtrue.serving.answer.shadow import ShadowQueue
from holdtrue.serving.counts.counter import Counters
from holdtrue.serving.log import PredictionLog
from holdtrue.serving.log_terms import LogTerms
from holdtrue.serving.request.body import Record
from holdtrue.serving.request.place import RowPlace

BATCH_ROWS = 1_000


def answer_rows(folder: Path, loop: str, rows: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
    """Answer rows as the server would; yield for each row the native form's entry, an answer or an error.

    An answer is in the prediction log before it is yielded; shadow versions are asked too. `write_traffic_file` first.

    Args:
        folder: the `.holdtrue` folder.
        loop: the name of the loop.
        rows: records as the native form takes them.

    Raises:
        NotFound: nothing is served under that name; says why.
        RequestInvalid: the log cannot be written; rows yielded before are in it.
    """
    counters = Counters()
    engine = Engine(folder, counters)
    log = PredictionLog(folder / "log", f"batch-{os.getpid()}-{time.time_ns():x}", terms=LogTerms(folder))
    shadow = ShadowQueue(log, counters)
    router = Router(engine, log, shadow, counters)
    with asyncio.Runner() as runner:
        try:
            runner.run(engine.pull())
            if loop not in engine.served:
                reasons = " ".join(engine.problems)
                found = f"no version of {loop!r} can answer. {reasons}".strip()
                raise NotFound(found, expected=f"one of {sorted(engine.served)}")
            remaining, start = iter(rows), 0
            while chunk := list(islice(remaining, BATCH_ROWS)):
                runner.run(engine.refresh_lookups())
                yield from runner.run(_answer_chunk(router, shadow, loop, chunk, start))
                start += len(chunk)
        finally:
            shadow.close()
            engine.close()
            log.close()


async def _answer_chunk(
    router: Router, shadow: ShadowQueue, loop: str, chunk: Sequence[Mapping[str, Json]], start: int
) -> list[dict[str, Json]]:
    records = [Record(row, RowPlace(start + i)) for i, row in enumerate(chunk)]
    answers = await router.answer(router.engine.served[loop], records)
    await shadow.drain()
    return [answer.describe() if isinstance(answer, Answer) else {"error": answer.describe()} for answer in answers]
