"""Replayed loop: the declared loop on its own past, moved by the very functions that move it live."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import (
    Alert,
    Decision,
    DecisionKind,
    Loss,
    Money,
    Rollout,
    Ruling,
)
from holdtrue.loop import (
    AbortRollout,
    AdvanceRollout,
    BeginRollout,
    CloseAlert,
    Facts,
    FollowUp,
    Install,
    LoopPolicy,
    LoopState,
    Move,
    OpenAlert,
    Promote,
    RefuseRun,
    Reject,
    RiskWatch,
    Spending,
    StartRun,
    Trained,
    TrainingLost,
    cut_slices,
    decide,
    find_top_source,
    place_risk,
    take_rows,
)
from holdtrue.monitoring import SliceRows, SlicesReading

from .calendar import DAY
from .measure import PolicyTrace
from .replay import Replay, to_microseconds
from .trainings import Finished, Trainings
from .trial import Trial

DAY_MICROSECONDS = 86_400_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class _JudgedRows:
    losses: NDArray[np.float64]
    days: NDArray[np.int64]
    places: NDArray[np.int64]


@dataclass
class ReplayedLoop:
    """Drives `loop.decide` through the replayed rows with a virtual clock.

    Attributes:
        policy: the loop's policy at the start.
        replan: returns its policy as of a moment: rollouts are fitted to the traffic of their time.
        replay: the rows.
        trainings: carries trainings out; version 1 must be in its roster and takes charge at the start.
        loss: what answers are judged by.
        outcome: what an action is worth; None when none was declared.
    """

    policy: LoopPolicy
    replan: Callable[[datetime], LoopPolicy]
    replay: Replay
    trainings: Trainings
    loss: Loss
    outcome: Money | None = None
    state: LoopState = field(default_factory=lambda: LoopState(champion=1))
    trial: Trial | None = None
    decisions: list[Decision] = field(default_factory=list)
    n_retrains: int = 0
    n_catch_ups: int = 0
    n_exposed: int = 0
    _in_charge_since: int = 0
    _finished: Finished | None = None
    _begun: list[datetime] = field(default_factory=list)
    _answers: list[NDArray[np.float64]] = field(default_factory=list)
    _worth: list[NDArray[np.float64]] = field(default_factory=list)
    _losses: list[NDArray[np.float64]] = field(default_factory=list)
    _parts: dict[int, tuple[SliceRows, ...]] = field(default_factory=dict)

    def run(self, looks: list[datetime], *, advance: Callable[[str], None]) -> PolicyTrace:
        """Replay all rows, looking at each of the moments; `advance` is told of each look."""
        self.state = replace(self.state, last_run_at=self.replay.start, last_asked_at=self.replay.start)
        begin = 0
        for now in looks:
            end = self.replay.find_row(now) if now < looks[-1] else self.replay.n_rows
            self._answer(begin, end)
            begin = end
            # A training may end at the very look that ordered it, so moves are asked for until there are no more.
            for _ in range(3):
                moves = decide(self.policy, self.state, self._observe(now, end), now)
                self._finished = None
                for move in moves:
                    self._act(move, now, end)
                if self._finished is None:
                    break
            advance("loop")
        return PolicyTrace(
            policy="loop",
            answers=np.concatenate(self._answers),
            worth=np.concatenate(self._worth) if self.outcome is not None else None,
            unit=self.outcome.unit if self.outcome is not None else "money",
            decisions=tuple(self.decisions),
            n_retrains=self.n_retrains,
            n_catch_ups=self.n_catch_ups,
        )

    def _answer(self, begin: int, end: int) -> None:
        if end <= begin or self.state.champion is None:
            return
        labels = self.replay.labels[begin:end]
        champion = self.state.champion
        answers = self.trainings.roster.answer(champion, begin, end)
        worth = self.trainings.roster.worth(champion, answers, labels)
        is_exposed = np.zeros(end - begin, dtype=np.bool_)
        if self.trial is not None:
            challenger = self.trial.rollout.challenger
            others = self.trainings.roster.answer(challenger, begin, end)
            is_exposed = chosen = self.trial.assign(begin, end)
            self.trial.record(begin, end, answers, others, chosen)
            self.n_exposed += int(chosen.sum())
            worth = np.where(chosen, self.trainings.roster.worth(challenger, others, labels), worth)
            answers = np.where(chosen[:, None] if answers.ndim == 2 else chosen, others, answers)
        self._answers.append(answers)
        self._worth.append(worth)
        # What a challenger answered says nothing of the version in charge.
        known = self.replay.is_labelled[begin:end] & ~is_exposed
        losses = np.full(end - begin, np.nan)
        losses[known] = self.loss.rows(answers[known], labels[known])
        self._losses.append(losses)

    def _observe(self, now: datetime, end: int) -> Facts:
        moment = to_microseconds(now)
        last = self.state.last_run_at or self.replay.start
        due = self.replay.due[:end]
        recent = (due <= moment) & (due > to_microseconds(last)) & self.replay.is_labelled[:end]
        n_rows, n_days = self._count_news(moment, end)
        evidence = None if self.trial is None else self.trial.weigh(now)
        facts = Facts(
            finished=self._finished, n_new_labels=int(recent.sum()), n_new_rows=n_rows, n_new_days=n_days,
            spent=Spending(n_runs=sum(now - DAY < began <= now for began in self._begun)),
            top_source=self._find_top_source(now), evidence=evidence,
        )  # fmt: skip
        champion = self.state.champion
        watch = None if champion is None else self.trainings.watches.get(champion)
        if champion is None or watch is None or self._finished is not None:
            return facts
        watched = self._judge(moment, end)
        risk, alert = watch.read_both(watched.losses, watched.days, on_risk=self.policy.on_risk)
        slices = self._read_slices(champion, watched, watch)
        facts = replace(facts, alert=place_risk(alert, slices), slices=slices)
        return facts if evidence is not None else replace(facts, risk=risk)

    def _judge(self, moment: int, end: int) -> "_JudgedRows":
        """Return the matured answers that the version in charge has given since it took charge."""
        begin = self._in_charge_since
        losses = np.concatenate(self._losses)[begin:end] if self._losses else np.zeros(0)
        due = self.replay.due[begin:end]
        ripe = np.flatnonzero((due <= moment) & ~np.isnan(losses))
        ripe = ripe[np.argsort(due[ripe], kind="stable")]
        return _JudgedRows(losses=losses[ripe], days=due[ripe] // DAY_MICROSECONDS, places=begin + ripe)

    def _read_slices(self, champion: int, watched: "_JudgedRows", watch: RiskWatch) -> SlicesReading | None:
        if not watch.slices:
            return None
        if champion not in self._parts:
            self._parts[champion] = cut_slices(self.replay.part.frame, watch.slices)
        rows = take_rows(self._parts[champion], watched.places)
        return watch.read_slices(watched.losses, watched.days, rows)

    def _find_top_source(self, now: datetime) -> tuple[str, float] | None:
        if self.policy.guards.max_source_share is None:
            return None
        return find_top_source(self.replay.history.known_at(now))

    def _count_news(self, moment: int, end: int) -> tuple[int, int]:
        if self.state.champion is None:
            return 0, 0
        seen = to_microseconds(self.trainings.roster.versions[self.state.champion].lineage.trained_until)
        is_new = (self.replay.times[:end] > seen) & (self.replay.due[:end] <= moment) & self.replay.is_labelled[:end]
        return int(is_new.sum()), len(np.unique(self.replay.days[:end][is_new]))

    def _act(self, move: Move, now: datetime, end: int) -> None:
        if isinstance(move, StartRun | RefuseRun):
            self.state = replace(self.state, asked=self.state.answer(move.firings))
        if isinstance(move, StartRun):
            self._start_run(move, now)
        elif isinstance(move, Install):
            self.state = replace(self.state, champion=move.version)
        elif isinstance(move, FollowUp):
            self.n_catch_ups += 1
            self._note(now, DecisionKind.CAUGHT_UP, move.version, move.sentence)
            self.state = replace(self.state, champion=move.version)
        elif isinstance(move, Reject):
            self._note(now, DecisionKind.REJECTED, move.version, move.sentence)
        elif isinstance(move, BeginRollout):
            self._begin(move, now, end)
        elif isinstance(move, AdvanceRollout):
            moved = replace(move.rollout, stage_index=move.rollout.stage_index + 1, stage_started_at=now)
            self._hold(moved)
        elif isinstance(move, Promote):
            self._note(now, DecisionKind.PROMOTED, move.rollout.challenger, move.sentence)
            self.state = replace(self.state, champion=move.rollout.challenger, rollout=None)
            self.trial = None
            self._in_charge_since = end
        elif isinstance(move, AbortRollout):
            self._note(now, DecisionKind.ABORTED, move.rollout.challenger, move.sentence)
            self.state = replace(self.state, rollout=None)
            self.trial = None
        elif isinstance(move, OpenAlert | CloseAlert):
            self._follow_alert(move, now)

    def _follow_alert(self, move: OpenAlert | CloseAlert, now: datetime) -> None:
        kept = self.state.open_alerts
        if isinstance(move, CloseAlert):
            self._note(now, DecisionKind.CALMED, move.alert.version, move.sentence)
            self.state = replace(self.state, open_alerts=tuple(a for a in kept if a is not move.alert))
            return
        concern, champion = move.concern, self.state.champion
        self._note(now, DecisionKind.ALERTED, champion, move.sentence)
        opened = Alert(
            alert_id=f"{concern.cause}-{now.isoformat()}", loop="replay", version=champion or 0, cause=concern.cause,
            sentence=move.sentence, opened_at=now, evidence=concern.evidence,
        )  # fmt: skip
        self.state = replace(self.state, open_alerts=(*kept, opened))

    def _start_run(self, move: StartRun, now: datetime) -> None:
        champion = self.state.champion
        assert champion is not None, "version 1 takes charge before a replay begins"
        if not move.catches_up:
            self.n_retrains += 1
            self._note(now, DecisionKind.RETRAINED, None, f"Retrained: {move.reason}.")
        asked_at = self.state.last_asked_at if move.catches_up else now
        self.state = replace(self.state, last_run_at=now, last_asked_at=asked_at)
        self._begun.append(now)
        self.policy = self.replan(now)
        self._finished = self.trainings.train(now, champion, catches_up=move.catches_up)
        is_undecided = isinstance(self._finished, Trained) and self._finished.ruling is Ruling.INCONCLUSIVE
        self.state = replace(self.state, is_undecided=is_undecided)
        if isinstance(self._finished, TrainingLost):
            self._note(now, DecisionKind.REJECTED, None, self._finished.sentence)

    def _begin(self, move: BeginRollout, now: datetime, end: int) -> None:
        champion = self.state.champion
        assert champion is not None, "a rollout needs a champion"
        rollout = move.open(rollout_id=f"replay-{move.version}", loop="replay", champion=champion, now=now)
        if move.plan.is_gate_only:
            self._act(Promote(rollout=rollout, sentence=f"{move.sentence} {move.plan.note}"), now, end)
            return
        self._note(now, DecisionKind.ROLLED_OUT, move.version, move.sentence)
        versions = self.trainings.roster.versions
        schemas = (versions[champion].signature.given, versions[move.version].signature.given)
        self.trial = Trial(rollout=rollout, begin=end, replay=self.replay, loss=self.loss, schemas=schemas)
        self._hold(rollout)

    def _hold(self, rollout: Rollout) -> None:
        self.state = replace(self.state, rollout=rollout)
        if self.trial is not None:
            self.trial.rollout = rollout

    def _note(self, at: datetime, kind: DecisionKind, version: int | None, sentence: str) -> None:
        self.decisions.append(Decision(at=at, action=kind, version=version, sentence=sentence))
