"""StoredState: where a loop stands, read from the store, which is all that a loop remembers."""

from collections.abc import Sequence
from datetime import datetime

from holdtrue.domain import Rollout, RolloutStatus
from holdtrue.store import Transaction

from .act import CHAMPION
from .state import LoopState


def read_state(tx: Transaction, loop: str) -> LoopState:
    """Return where the loop stands."""
    kept = tx.states.read(loop)
    state = kept[1] if kept is not None else {}
    champion = tx.aliases.current(loop, CHAMPION)
    last_run_at = _read_moment(state.get("last_run_at"))
    return LoopState(
        champion=champion,
        rollout=tx.rollouts.active(loop),
        is_training=state.get("run_id") is not None,
        last_run_at=last_run_at,
        open_alerts=tuple(tx.alerts.open(loop)),
        is_undecided=bool(state.get("is_undecided")),
        owes_catch_up=owes_catch_up(tx.rollouts.all(loop), champion, last_run_at),
    )


def owes_catch_up(rollouts: Sequence[Rollout], champion: int | None, last_run_at: datetime | None) -> bool:
    """Say whether the last rollout, the oldest first, put the champion in charge and no training began since."""
    if not rollouts or last_run_at is None:
        return False
    last = rollouts[-1]
    is_in_charge = last.status is RolloutStatus.PROMOTED and last.challenger == champion
    wants_one = last.plan.catches_up and not last.plan.is_gate_only
    return is_in_charge and wants_one and last.ended_at is not None and last_run_at < last.ended_at


def _read_moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
