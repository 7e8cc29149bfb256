"""Logs: what one worker writes down before it replies: predictions once each tick, labels down to the disk."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from holdtrue.domain import LabelFact, Prediction
from holdtrue.errors import StoreFailed
from holdtrue.store.segments import SegmentWriter

_Entry = tuple[list[bytes], "asyncio.Future[StoreFailed | None]"]


class PredictionLog:
    """Writes the predictions of one tick of the event loop in one write() for each loop, before their replies leave.

    What was written outlives a kill of this process. Nothing here waits for the disk, so a loss of power may take the
    last second.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._writers: dict[str, SegmentWriter] = {}
        self._entries: dict[str, list[_Entry]] = {}

    async def write(self, predictions: Sequence[Prediction]) -> None:
        """Write predictions of one loop; on return they are in the file.

        Raises:
            StoreFailed: the disk refused; none of them was written.
        """
        loop = asyncio.get_running_loop()
        payloads = [msgspec.json.encode(prediction) for prediction in predictions]
        written: asyncio.Future[StoreFailed | None] = loop.create_future()
        if not self._entries:
            loop.call_soon(self._flush)
        self._entries.setdefault(predictions[0].loop, []).append((payloads, written))
        if (failure := await written) is not None:
            raise failure

    def append_now(self, loop: str, payloads: list[bytes]) -> StoreFailed | None:
        """Write encoded predictions of one loop at once; return why the disk refused, and then none was written."""
        return self._append(loop, payloads)

    def _flush(self) -> None:
        entries, self._entries = self._entries, {}
        for name, written in entries.items():
            failure = self._append(name, [payload for payloads, _ in written for payload in payloads])
            for _, future in written:
                if not future.done():
                    future.set_result(failure)

    def _append(self, name: str, payloads: list[bytes]) -> StoreFailed | None:
        try:
            writer = self._writers.get(name)
            if writer is None:
                writer = self._writers[name] = SegmentWriter.open(self._folder / name, self._name)
            writer.append(payloads)
        except StoreFailed as failure:
            return failure
        return None

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()


class LabelLog:
    """Writes labels through to the disk; those that come while it is busy share the next write."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._writer: SegmentWriter | None = None
        self._entries: list[_Entry] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="labels")
        self._runner: asyncio.Task[None] | None = None

    async def write(self, facts: Sequence[LabelFact]) -> None:
        """Write labels; on return they survive a loss of power.

        Raises:
            StoreFailed: the disk refused; none of them was written.
        """
        written: asyncio.Future[StoreFailed | None] = asyncio.get_running_loop().create_future()
        self._entries.append(([msgspec.json.encode(fact) for fact in facts], written))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        if (failure := await written) is not None:
            raise failure

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._entries:
            entries, self._entries = self._entries, []
            payloads = [payload for each, _ in entries for payload in each]
            failure = await loop.run_in_executor(self._thread, self._append, payloads)
            for _, future in entries:
                if not future.done():
                    future.set_result(failure)
        self._runner = None

    def _append(self, payloads: list[bytes]) -> StoreFailed | None:
        try:
            if self._writer is None:
                self._writer = SegmentWriter.open(self._folder, self._name, power_safe=True)
            self._writer.append(payloads)
        except StoreFailed as failure:
            return failure
        return None

    def close(self) -> None:
        """Finish what is being written and close the file."""
        self._thread.shutdown(wait=True)
        if self._writer is not None:
            self._writer.close()
