"""Logs: what one worker writes down before it replies: predictions once each tick, labels down to the disk."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from holdtrue.domain import Durability, LabelFact, Prediction
from holdtrue.errors import StoreFailed
from holdtrue.serving.log_terms import LogTerms
from holdtrue.store.segments import SegmentWriter

_Written = asyncio.Future[StoreFailed | None]
_Entry = tuple[list[bytes], _Written]


class PredictionLog:
    """Writes the predictions of one tick of the event loop in one write() for each loop, before their replies leave.

    What was written outlives a kill of this process. Nothing here waits for the disk, so a loss of power may take the
    last second; unless the terms say `durability="power"`: then replies wait for a sync in a thread, which those that
    come while the disk is busy share.

    Args:
        folder: where the logs of all loops are.
        name: begins the names of this process's segments.
        terms: the policy of the project; None for rows that outlive a kill, and no budget.
    """

    def __init__(self, folder: Path, name: str, *, terms: LogTerms | None = None) -> None:
        self._folder = folder
        self._name = name
        self._terms = terms
        self._writers: dict[str, SegmentWriter] = {}
        self._entries: dict[str, list[_Entry]] = {}
        self._unsynced: dict[str, list[_Written]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="log")
        self._runner: asyncio.Task[None] | None = None

    @property
    def is_power_safe(self) -> bool:
        """Say whether a row is to outlive a loss of power before its answer leaves."""
        return self._terms is not None and self._terms.policy.durability is Durability.POWER

    async def write(self, predictions: Sequence[Prediction]) -> None:
        """Write predictions of one loop; on return they are in the file, and on the disk where the terms say so.

        Raises:
            StoreFailed: the disk refused, or the budget is reached; none of them may be answered.
        """
        loop = asyncio.get_running_loop()
        payloads = [msgspec.json.encode(prediction) for prediction in predictions]
        written: _Written = loop.create_future()
        if not self._entries:
            loop.call_soon(self._flush)
        self._entries.setdefault(predictions[0].loop, []).append((payloads, written))
        if (failure := await written) is not None:
            raise failure

    def append_now(self, loop: str, payloads: list[bytes]) -> StoreFailed | None:
        """Write encoded predictions of one loop at once; return why they were refused, and then none may be answered.

        Where the terms ask for power safety this waits for the disk: `write` does not hold the event loop up.
        """
        failure = self._append(loop, payloads)
        if failure is None and self.is_power_safe:
            failure = self._sync([loop]).get(loop)
        return failure

    def _flush(self) -> None:
        entries, self._entries = self._entries, {}
        waits = self.is_power_safe
        for name, written in entries.items():
            failure = self._append(name, [payload for payloads, _ in written for payload in payloads])
            futures = [future for _, future in written]
            if failure is None and waits:
                self._unsynced.setdefault(name, []).extend(futures)
            else:
                _tell(futures, failure)
        if self._unsynced and self._runner is None:
            self._runner = asyncio.get_running_loop().create_task(self._sync_for_all())

    async def _sync_for_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._unsynced:
                waiting, self._unsynced = self._unsynced, {}
                failures = await loop.run_in_executor(self._thread, self._sync, list(waiting))
                for name, futures in waiting.items():
                    failure = failures.get(name)
                    if failure is not None:  # what was appended meanwhile goes with the rest, and is told so
                        self._writers[name].drop_unsynced()
                        _tell(self._unsynced.pop(name, []), failure)
                    _tell(futures, failure)
        finally:
            self._runner = None

    def _sync(self, names: Sequence[str]) -> dict[str, StoreFailed]:
        failures = {}
        for name in names:
            try:
                self._writers[name].sync()
            except (StoreFailed, OSError) as failure:
                failures[name] = _settle_failure(failure)
        return failures

    def _append(self, name: str, payloads: list[bytes]) -> StoreFailed | None:
        try:
            if self._terms is not None:
                refused = self._terms.take_room(name, sum(map(len, payloads)))
                if refused is not None:
                    return refused
            self._find_writer(name).append(payloads)
        except (StoreFailed, OSError) as failure:
            return _settle_failure(failure)
        return None

    def _find_writer(self, name: str) -> SegmentWriter:
        is_safe = self.is_power_safe
        writer = self._writers.get(name)
        # Terms that changed take hold when no reply waits for a sync of the file as it was opened.
        is_busy = self._runner is not None or name in self._unsynced
        if writer is not None and (writer.power_safe == is_safe or is_busy):
            return writer
        if writer is not None:
            writer.close()
        opened = SegmentWriter.open(self._folder / name, self._name, power_safe=is_safe, is_grouped=is_safe)
        self._writers[name] = opened
        return opened

    def leave_ripe(self) -> None:
        """Close files that are full or old though no row comes any more."""
        for writer in self._writers.values():
            writer.leave_if_ripe()

    def close(self) -> None:
        """Finish what is being brought down to the disk, and close the files."""
        self._thread.shutdown(wait=True)
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()


def _tell(futures: Sequence[_Written], failure: StoreFailed | None) -> None:
    for future in futures:
        if not future.done():
            future.set_result(failure)


def _settle_failure(failure: StoreFailed | OSError) -> StoreFailed:
    if isinstance(failure, StoreFailed):
        return failure
    return StoreFailed(
        f"the log cannot be written ({failure.strerror})", expected="a disk and descriptors to write with"
    )


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
