"""Parquet desk: has Parquet bodies read by one child process, which starts with the first of them."""

import asyncio
import base64
from typing import TYPE_CHECKING

from holdtrue.errors import TrainingFailed
from holdtrue.serving.answer.patience import Patience
from holdtrue.serving.request.body import Record
from holdtrue.serving.request.parquet import MEMORY_BYTES, make_records, refuse_file
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.wait import finish_reading

if TYPE_CHECKING:
    from holdtrue.environments import ProcessEnvironment

_ENTRY = "holdtrue.serving.request.parquet:read_columns_in_child"
_MOST_WAITING = 8
_SECONDS = 15.0


class ParquetDesk:
    """Reads Parquet bodies one after the other, off the event loop.

    Args:
        memory_bytes: what the child may take; a file that wants more kills it, and is refused.
    """

    def __init__(self, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._child: ProcessEnvironment | None = None
        self._n_waiting = 0

    async def read(self, body: bytes, patience: Patience) -> list[Record]:
        """Read a body into records.

        Raises:
            Refused: it cannot be read in the time that its request gives, or so many wait that this one would wait too
                long.
        """
        if self._n_waiting >= _MOST_WAITING:
            raise Refused(Code.OVERLOADED, "more Parquet bodies wait than can be read in time", remedy="try again")
        if self._child is None:
            from holdtrue.environments import ProcessEnvironment  # not before it is needed: a worker starts quickly

            self._child = ProcessEnvironment(1, variables={"POLARS_MAX_THREADS": "1"})
        self._n_waiting += 1
        payload = {"data": base64.b64encode(body).decode(), "memory_bytes": self._memory_bytes}
        reading = asyncio.wrap_future(self._child.submit(_ENTRY, payload, timeout_seconds=_SECONDS))
        reading.add_done_callback(self._count_done)
        try:
            # The child goes on with what nobody waits for any more: it is not started anew for the next body.
            told = await finish_reading(patience, asyncio.shield(reading))
        except TrainingFailed:  # it died of the file, or took too long over it
            raise refuse_file("it wants more memory or time than a body may take") from None
        return make_records(told)

    def _count_done(self, _: object) -> None:
        self._n_waiting -= 1

    async def close(self) -> None:
        """End the child."""
        if self._child is not None:
            await asyncio.to_thread(self._child.close)
