"""Rescue: rows that their version did not answer get the fallback that its release declares, and say so."""

from collections.abc import Sequence

from holdtrue.domain import BROKEN_ROW, FallbackCause, FallbackKind, Role, tell_failed, tell_late
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.answer.entry import Entry
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop
from holdtrue.serving.answer.patience import LAST_GOOD_SHARE, Patience
from holdtrue.serving.counts.counter import Counters, Metric
from holdtrue.serving.request.refusal import Refused

_LONGEST = 500


class Rescue:
    """Answers entries in the place of their version. What no fallback answers either keeps its failure."""

    def __init__(self, engine: Engine, counters: Counters) -> None:
        self._engine = engine
        self._counters = counters

    async def answer(self, served: ServedLoop, entries: Sequence[Entry], patience: Patience) -> None:
        """Answer those of the entries that were not, where a fallback is declared for the cause."""
        by_version: list[Entry] = []
        for entry in entries:
            if entry.cause is None or not entry.version.has_fallback(entry.cause):
                continue
            if entry.version.substitute is None:
                by_version.append(entry)
                continue
            answer = entry.version.substitute(entry.row.features)
            if answer is not None:
                self._settle(entry, answer, by=_name_kind(entry.version))
        for role, version in ((Role.CHALLENGER, served.champion), (Role.CHAMPION, served.last_good)):
            mine = [entry for entry in by_version if entry.role is role]
            if mine and version is not None:
                await self._ask_last_good(served, version, mine, patience)

    async def _ask_last_good(
        self, served: ServedLoop, version: LoadedVersion, entries: Sequence[Entry], patience: Patience
    ) -> None:
        """Ask the champion before, or for a challenger the champion, in a thread that the late model does not hold."""
        asked: list[Entry] = []
        for entry in entries:
            try:
                row = version.read(
                    entry.record.fields, entry.record.place, known=served.known_names, time=entry.event.time
                )
            except Refused:
                continue
            if version is not entry.version:
                entry.row = row
                asked.append(entry)
        batcher = self._engine.spare_batcher(version)
        if not asked or not batcher.has_room(len(asked)):
            return
        (outcomes,) = await patience.wait([batcher.score([entry.row.values for entry in asked])])
        for entry, outcome in zip(asked, outcomes or (), strict=False):
            if not isinstance(outcome, Exception):
                self._settle(entry, outcome, by=f"{FallbackKind.LAST_GOOD.value} v{version.number}")
                entry.version = version
                entry.role = Role.CHAMPION if version is served.champion else Role.LAST_GOOD

    def _settle(self, entry: Entry, answer: tuple[float, ...], *, by: str) -> None:
        """Take a fallback's answer, and mark and count that it is one."""
        cause, name = entry.cause, f"v{entry.version.number}"
        assert cause is not None, "only what was not answered needs a fallback"
        number = entry.version.number
        reason = {FallbackCause.SCHEMA: BROKEN_ROW, FallbackCause.DEADLINE: tell_late(number)}
        entry.fallback = f"{by}: {reason.get(cause, tell_failed(number))}: {entry.outcome}"[:_LONGEST]
        entry.outcome = answer
        kind = _name_kind(entry.version)
        self._counters.add(Metric.FALLBACKS, entry.version.release.loop, name, cause.value, kind)


def keep_share(versions: Sequence[LoadedVersion]) -> float:
    """Return the share of a request's time to keep for the champion before, should one of these versions be late."""
    kinds = {_name_kind(v) for v in versions if v.has_fallback(FallbackCause.DEADLINE)}
    return LAST_GOOD_SHARE if FallbackKind.LAST_GOOD.value in kinds else 0.0


def _name_kind(version: LoadedVersion) -> str:
    return "" if version.release.fallback is None else version.release.fallback.kind.value
