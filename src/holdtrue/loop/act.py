"""Act: carry out moves: each is one change of state, traffic, rollout and audit in one transaction."""

import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from holdtrue.domain import (
    Alert,
    AliasEvent,
    Json,
    Rollout,
    RolloutStatus,
    Traffic,
)
from holdtrue.store import Transaction

from .memory import CHAMPION, remember_answer
from .state import (
    AbortRollout,
    AdvanceRollout,
    BeginRollout,
    CloseAlert,
    FollowUp,
    Install,
    Move,
    NoteLoss,
    OpenAlert,
    Promote,
    RefuseRun,
    Reject,
)

LOOP_ACTOR = "holdtrue"
BEGINNINGS = ("train", "register")
REFUSAL = "refuse training"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Changes the records of one loop in one service, in the transaction that it is given.

    `name` says on whose behalf: the loop itself, or a person.
    """

    loop: str
    service: str = "main"
    name: str = LOOP_ACTOR

    def act(self, tx: Transaction, move: Move, now: datetime) -> None:
        """Carry out a move; moves that change nothing are only written down. Starting runs is the controller's."""
        if isinstance(move, Install):
            self.put_in_charge(tx, move.version, move.sentence, now, action="install")
        elif isinstance(move, FollowUp):
            self.put_in_charge(tx, move.version, move.sentence, now, action="catch up")
        elif isinstance(move, BeginRollout):
            self._begin(tx, move, now)
        elif isinstance(move, AdvanceRollout):
            self._advance(tx, move, now)
        elif isinstance(move, Promote):
            self._end(tx, move.rollout, RolloutStatus.PROMOTED, move.sentence, now)
            self.put_in_charge(tx, move.rollout.challenger, move.sentence, now, action="promote")
        elif isinstance(move, AbortRollout):
            self._end(tx, move.rollout, RolloutStatus.ABORTED, move.sentence, now)
            self._route(tx, now, champion=move.rollout.champion)
            self._note(tx, now, "abort", f"v{move.rollout.challenger}", move.sentence)
        elif isinstance(move, Reject):
            self._note(tx, now, "reject", f"v{move.version}", move.sentence)
        elif isinstance(move, NoteLoss):
            self._note(tx, now, "training failed", move.run_id, move.sentence)
        elif isinstance(move, RefuseRun):
            self._refuse_once(tx, move, now)
        else:
            self._act_on_alert(tx, move, now)

    def put_in_charge(self, tx: Transaction, version: int, sentence: str, now: datetime, *, action: str) -> None:
        """Give a version all of the traffic and the alias; the database refuses one that nothing stands behind."""
        self._route(tx, now, champion=version)
        tx.aliases.append(
            AliasEvent(loop=self.loop, alias=CHAMPION, version=version, at=now, actor=self.name, reason=sentence)
        )
        self._note(tx, now, action, f"v{version}", sentence)

    def note_run(self, tx: Transaction, run_id: str, reason: str, now: datetime) -> None:
        """Write down that a training began."""
        self._note(tx, now, "train", run_id, f"Training began: {reason}.")

    def note_brought(self, tx: Transaction, run_id: str, reason: str, now: datetime) -> None:
        """Write down that a model which was trained elsewhere is being judged."""
        self._note(tx, now, "register", run_id, f"Judging began: {reason}.")

    def note_tuning(self, tx: Transaction, run_id: str, sentence: str, now: datetime) -> None:
        """Write down what a tuning chose."""
        self._note(tx, now, "tune", run_id, sentence)

    def _begin(self, tx: Transaction, move: BeginRollout, now: datetime) -> None:
        champion = tx.aliases.current(self.loop, CHAMPION)
        assert champion is not None, "a rollout needs a champion"
        rollout = move.open(rollout_id=uuid.uuid4().hex, loop=self.loop, champion=champion, now=now)
        if move.plan.is_gate_only:
            done = replace(rollout, status=RolloutStatus.PROMOTED, ended_at=now)
            tx.rollouts.append(done)
            self.put_in_charge(tx, move.version, f"{move.sentence} {move.plan.note}", now, action="promote")
            return
        tx.rollouts.append(rollout)
        self._route_stage(tx, rollout, now)
        self._note(tx, now, "begin rollout", f"v{move.version}", f"{move.sentence} Rollout: {move.plan.note}.")

    def _advance(self, tx: Transaction, move: AdvanceRollout, now: datetime) -> None:
        moved = replace(
            move.rollout, stage_index=move.rollout.stage_index + 1, stage_started_at=now, sentence=move.sentence
        )
        tx.rollouts.update(moved, move.rollout.revision)
        self._route_stage(tx, moved, now)
        self._note(tx, now, "advance", f"v{move.rollout.challenger}", move.sentence)

    def _end(self, tx: Transaction, rollout: Rollout, status: RolloutStatus, sentence: str, now: datetime) -> None:
        tx.rollouts.update(replace(rollout, status=status, ended_at=now, sentence=sentence), rollout.revision)

    def _route_stage(self, tx: Transaction, rollout: Rollout, now: datetime) -> None:
        stage = rollout.stage
        self._route(
            tx, now, champion=rollout.champion, challenger=rollout.challenger, share=stage.share,
            is_shadowed=stage.is_paired, salt=rollout.rollout_id,
        )  # fmt: skip

    def _route(
        self,
        tx: Transaction,
        now: datetime,
        *,
        champion: int,
        challenger: int | None = None,
        share: float = 0.0,
        is_shadowed: bool = False,
        salt: str = "",
    ) -> None:
        before = tx.traffic.read(self.service, self.loop)
        wanted = Traffic(
            service=self.service,
            loop=self.loop,
            revision=0 if before is None else before.revision,
            salt=salt,
            champion=champion,
            decided_at=now,
            challenger=challenger,
            challenger_share=share,
            is_shadowed=is_shadowed,
        )
        tx.traffic.write(wanted, None if before is None else before.revision)

    def _act_on_alert(self, tx: Transaction, move: Move, now: datetime) -> None:
        if isinstance(move, OpenAlert):
            champion = tx.aliases.current(self.loop, CHAMPION)
            alert = Alert(
                alert_id=uuid.uuid4().hex,
                loop=self.loop,
                version=champion or 0,
                cause=move.concern.cause,
                sentence=move.sentence,
                opened_at=now,
                evidence=dict(move.concern.evidence),
            )
            tx.alerts.append(alert)
            self._note(tx, now, "alert", f"v{champion}", move.sentence)
        elif isinstance(move, CloseAlert):
            tx.alerts.close(move.alert.alert_id, now)
            self._note(tx, now, "close alert", f"v{move.alert.version}", move.sentence)

    def _refuse_once(self, tx: Transaction, move: RefuseRun, now: datetime) -> None:
        remember_answer(tx, self.loop, move.firings)
        # The same refusal at every look, with other figures, would bury the rest of the chain; another reason is news,
        # and so is the same one after the next training.
        said = set()
        for entry in reversed(tx.audit.all(self.loop)):
            if entry.action in BEGINNINGS:
                break
            if entry.action == REFUSAL:
                said.add(_leave_figures_out(entry.sentence))
        if _leave_figures_out(move.sentence) not in said:
            self._note(tx, now, REFUSAL, self.loop, move.sentence)

    def _note(
        self, tx: Transaction, now: datetime, action: str, subject: str, sentence: str, detail: Json = None
    ) -> None:
        tx.audit.append(
            loop=self.loop, at=now, actor=self.name, action=action, subject=subject, sentence=sentence,
            detail=detail or {},
        )  # fmt: skip


def _leave_figures_out(sentence: str) -> str:
    return re.sub(r"[\d.,]+", "", sentence)
