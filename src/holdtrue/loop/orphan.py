"""Orphan: a run that is under way in the store and that no living worker does; who claims it may go on with it."""

from datetime import datetime

from holdtrue.domain import Run
from holdtrue.errors import NotFound
from holdtrue.pipeline import Claim, fail_lost_run
from holdtrue.store import Transaction


def claim_orphan(tx: Transaction, loop: str, claim: Claim) -> Run | None:
    """Return the run that the loop waits for, claimed; None when another worker does it still."""
    kept = tx.states.read(loop)
    if kept is None or kept[1].get("run_id") is None:
        raise NotFound("the run that the loop waits for is not in the store")
    run = tx.runs.read(str(kept[1]["run_id"]))
    return run if claim.take(tx, run.run_id) else None


def bury_orphan(tx: Transaction, loop: str, claim: Claim, *, now: datetime) -> bool:
    """Record the run that the loop waits for as lost; False when another worker does it still."""
    run, kept = claim_orphan(tx, loop, claim), tx.states.read(loop)
    if run is None or kept is None:
        return False
    tx.states.write(loop, {**kept[1], "run_id": None}, kept[0])
    fail_lost_run(tx, run, now=now, seen_at=claim.find_last_sign(now))
    claim.give_back(tx)
    return True
