"""Memory: what the control of a loop remembers between two looks, in the store and nowhere else."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from holdtrue.domain import AliasEvent, Json, Rollout, RolloutStatus
from holdtrue.errors import NotFound
from holdtrue.store import Transaction

from .state import Firing, LoopState

CHAMPION = "champion"
# A clock that was farther ahead than this and was set right has left moments that tell nothing.
AHEAD = timedelta(days=1)


def read_memory(tx: Transaction, loop: str) -> dict[str, Any]:
    """Return what is remembered of a loop; empty before its first training."""
    kept = tx.states.read(loop)
    return {} if kept is None else dict(kept[1])


def change_memory(tx: Transaction, loop: str, changes: Mapping[str, Json]) -> None:
    """Remember these values beside the others; raises `StateConflict` when someone else did first."""
    kept = tx.states.read(loop)
    before = {} if kept is None else dict(kept[1])
    tx.states.write(loop, before | dict(changes), None if kept is None else kept[0])


def read_loop_state(tx: Transaction, loop: str, *, now: datetime) -> LoopState:
    """Return where a loop stands; a moment more than a day after `now` is not known: who waits for it waits in vain."""
    memory = read_memory(tx, loop)
    asked = {name: _read_moment(moment, now) for name, moment in memory.get("asked", {}).items()}
    champion, last_run_at = tx.aliases.current(loop, CHAMPION), _read_moment(memory.get("last_run_at"), now)
    return LoopState(
        champion=champion,
        rollout=tx.rollouts.active(loop),
        is_training=memory.get("run_id") is not None,
        last_run_at=last_run_at,
        last_asked_at=_read_moment(memory.get("last_asked_at"), now),
        open_alerts=tuple(tx.alerts.open(loop)),
        is_undecided=bool(memory.get("is_undecided")),
        owes_catch_up=owes_catch_up(tx.rollouts.all(loop), champion, last_run_at),
        asked={name: moment for name, moment in asked.items() if moment is not None},
    )


def remember_answer(tx: Transaction, loop: str, firings: Sequence[Firing]) -> None:
    """Remember that these moments of clocks were answered, so that each is answered once."""
    moments = {each.trigger: each.moment.isoformat() for each in firings if each.moment is not None}
    if moments:
        change_memory(tx, loop, {"asked": {**read_memory(tx, loop).get("asked", {}), **moments}})


def describe_firings(firings: Sequence[Firing]) -> Json:
    """Return firings as they are kept with their run."""
    described: Json = msgspec.to_builtins(list(firings))
    return described


def find_promotions(tx: Transaction, loops: Sequence[str]) -> Mapping[str, datetime]:
    """Return when each of these loops last put a version in charge that never was before; catch-ups do not count."""
    found: dict[str, datetime] = {}
    for loop in loops:
        events = [event for event in tx.aliases.history(loop) if event.alias == CHAMPION]
        known: set[int] = set()
        firsts = []
        for event in events:
            firsts += [event] if event.version not in known else []
            known.add(event.version)
        newest = next((event for event in reversed(firsts) if not _has_caught_up(tx, event)), None)
        if newest is not None:
            found[loop] = newest.at
    return found


def _has_caught_up(tx: Transaction, event: AliasEvent) -> bool:
    """Say whether a version came of a catch-up: it follows one that has been told of already."""
    try:
        order = tx.runs.read(tx.versions.read(event.loop, event.version).lineage.run_id).parameters.get("order")
    except NotFound:
        return False
    return isinstance(order, dict) and bool(order.get("catches_up"))


def owes_catch_up(rollouts: Sequence[Rollout], champion: int | None, last_run_at: datetime | None) -> bool:
    """Say whether the last rollout, the oldest first, put the champion in charge and no training began since."""
    if not rollouts or last_run_at is None:
        return False
    last = rollouts[-1]
    is_in_charge = last.status is RolloutStatus.PROMOTED and last.challenger == champion
    wants_one = last.plan.catches_up and not last.plan.is_gate_only
    return is_in_charge and wants_one and last.ended_at is not None and last_run_at < last.ended_at


def _read_moment(text: object, now: datetime) -> datetime | None:
    moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    return None if moment is None or moment > now + AHEAD else moment
