"""Engine: pulls the traffic file, loads what it names, then moves one pointer; requests in flight keep the old one."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from holdtrue.clock import Clock, RealClock
from holdtrue.errors import HoldtrueError, StoreFailed
from holdtrue.serving.answer.batcher import Batcher
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop, load_version, settle_traffic
from holdtrue.serving.answer.shelf import FollowedLookup
from holdtrue.serving.counts.counter import Counters, Metric
from holdtrue.serving.traffic_file import TRAFFIC_FILE, LoopTraffic, TrafficFile, read_traffic_file

PULL_SECONDS = 0.05
RETRY_SECONDS = 2.0


class Engine:
    """The loaded versions of one worker, and what each loop serves.

    Args:
        folder: the `.holdtrue` folder.
        counters: the worker's counters.
        is_lean: whether this process only serves, so that imports may be trimmed.
    """

    def __init__(self, folder: Path, counters: Counters, *, is_lean: bool = False) -> None:
        self._is_lean = is_lean
        self.clock: Clock = RealClock()
        self._folder = folder
        self._counters = counters
        self._served: Mapping[str, ServedLoop] = {}
        self._file: TrafficFile | None = None
        self._seen: tuple[int, ...] | None = None
        self._loaded: dict[str, LoadedVersion] = {}
        self._batchers: dict[LoadedVersion, Batcher] = {}
        self._followed: dict[str, FollowedLookup] = {}
        self._problems: dict[str, str] = {}
        self._spares: dict[LoadedVersion, Batcher] = {}
        self._model_thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._spare_thread = ThreadPoolExecutor(1, thread_name_prefix="spare")

    @property
    def served(self) -> Mapping[str, ServedLoop]:
        """Return what each loop serves at this moment."""
        return self._served

    @property
    def is_lean(self) -> bool:
        """Say whether this process only serves."""
        return self._is_lean

    @property
    def problems(self) -> tuple[str, ...]:
        """Return in sentences what of the traffic file could not be taken over."""
        return tuple(self._problems.values())

    @property
    def wanted(self) -> tuple[str, ...]:
        """Return the names of the loops that the traffic file names, loaded or not."""
        return tuple(self._file.loops) if self._file is not None else ()

    @property
    def is_ready(self) -> bool:
        """Say whether there is something to serve, and every loop of the file can answer."""
        return bool(self.wanted) and all(name in self._served for name in self.wanted)

    @property
    def n_waiting(self) -> int:
        """Return how many rows wait for a model."""
        return sum(batcher.n_waiting for batcher in self._batchers.values())

    def batcher(self, version: LoadedVersion) -> Batcher:
        """Return the queue of a version; all models share one thread."""
        batcher = self._batchers.get(version)
        if batcher is None:
            batcher = Batcher(version.answer, self._model_thread, is_inline=lambda: version.is_fast)
            self._batchers[version] = batcher
        return batcher

    def spare_batcher(self, version: LoadedVersion) -> Batcher:
        """Return the queue of a version that answers as a fallback; its thread is free while a slow model runs."""
        batcher = self._spares.get(version)
        if batcher is None:
            batcher = self._spares[version] = Batcher(version.answer, self._spare_thread)
        return batcher

    async def run(self) -> None:
        """Pull for ever; what could not be loaded is tried again every two seconds."""
        loop = asyncio.get_running_loop()
        retry_at = loop.time() + RETRY_SECONDS
        while True:
            await asyncio.sleep(PULL_SECONDS)
            if self._problems and loop.time() >= retry_at:
                self._seen = None
                retry_at = loop.time() + RETRY_SECONDS
            await self.pull()
            await self.refresh_lookups()

    async def refresh_lookups(self) -> None:
        """Read the lookup files that have changed, beside the event loop; each is one copy for all versions."""
        for followed in {version.shelf.followed for version in self._loaded.values()}:
            if followed is not None and followed.has_changed():
                await asyncio.to_thread(followed.read)

    async def pull(self) -> bool:
        """Take over the traffic file if it changed; return whether it had. Failures leave what is served as it was."""
        seen = _stamp_file(self._folder / TRAFFIC_FILE)
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            file = read_traffic_file(self._folder)
        except StoreFailed as error:
            self._problems[TRAFFIC_FILE] = str(error)
            return False
        self._problems = {}
        if file is None:  # a file that vanished changes nothing: the last good one counts
            return False
        self.clock = file.clock or RealClock()
        self._file = file
        for name, wanted in file.loops.items():
            await self._take_over(name, wanted)
        self._served = {name: served for name, served in self._served.items() if name in file.loops}
        await self._warm_up(file)
        self._forget(file)
        return True

    async def _take_over(self, name: str, wanted: LoopTraffic) -> None:
        """Load what answers, champion first, and swap; without a champion the loop stays as it was."""
        versions: dict[int, LoadedVersion] = {}
        for number in wanted.traffic.shares:
            version = await self._load(name, number, wanted)
            if version is None and number == wanted.traffic.champion:
                return
            if version is not None:
                versions[number] = version
        served = ServedLoop(settle_traffic(wanted.traffic, versions), versions)
        before = self._served.get(name)
        served = replace(served, last_good=None if before is None else before.last_good)
        if before is None or before.traffic != served.traffic or before.versions != served.versions:
            self._served = {**self._served, name: served}
            self._counters.add(Metric.SWAPS, name)

    async def _warm_up(self, file: TrafficFile) -> None:
        """Keep the champion before loaded too, so that a rollback moves a pointer only."""
        for name, wanted in file.loops.items():
            for number in wanted.versions.keys() - wanted.traffic.shares.keys():
                await self._load(name, number, wanted)
            self._name_last_good(name, wanted)

    def _name_last_good(self, name: str, wanted: LoopTraffic) -> None:
        served = self._served.get(name)
        pointer = None if wanted.last_good is None else wanted.versions.get(wanted.last_good)
        last_good = None if pointer is None else self._loaded.get(pointer.release)
        if served is not None and served.last_good is not last_good:
            self._served = {**self._served, name: replace(served, last_good=last_good)}

    async def _load(self, name: str, number: int, wanted: LoopTraffic) -> LoadedVersion | None:
        pointer = wanted.versions.get(number)
        if pointer is None:
            self._problems[f"{name} v{number}"] = f"the traffic file names no release of v{number} of {name!r}."
            return None
        if pointer.release in self._loaded:
            return self._loaded[pointer.release]
        followed = self._followed.setdefault(name, FollowedLookup(self._folder, name))
        try:
            loaded = await asyncio.to_thread(
                load_version, pointer, folder=self._folder, is_lean=self._is_lean, followed=followed
            )
        except Exception as error:  # whatever a file makes a loader raise, the versions that answer go on
            reason = str(error) if isinstance(error, HoldtrueError) else f"{type(error).__name__}: {error}"
            self._problems[f"{name} v{number}"] = f"v{number} of {name!r} cannot be loaded: {reason}"
            self._counters.add(Metric.LOAD_FAILURES, name, f"v{number}")
            return None
        self._loaded[pointer.release] = loaded
        return loaded

    def _forget(self, file: TrafficFile) -> None:
        """Let go of versions that nothing names any more; a request in flight still holds its own."""
        named = {pointer.release for loop in file.loops.values() for pointer in loop.versions.values()}
        in_use = {id(version) for served in self._served.values() for version in served.versions.values()}
        self._loaded = {
            digest: version for digest, version in self._loaded.items() if digest in named or id(version) in in_use
        }
        kept = set(self._loaded.values())
        self._batchers = {version: batcher for version, batcher in self._batchers.items() if version in kept}
        self._spares = {version: batcher for version, batcher in self._spares.items() if version in kept}

    def close(self) -> None:
        """End the model thread when it has answered."""
        self._model_thread.shutdown(wait=True)
        self._spare_thread.shutdown(wait=True)


def _stamp_file(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
