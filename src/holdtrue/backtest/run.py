"""Run: a backtest of a declared loop and of simpler policies on the loop's own history."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from holdtrue.data import History, read_history, take_snapshot
from holdtrue.domain import BacktestResult, DatasetRecord, Every, Loop, Loss, Ruling, StandardResult, Version
from holdtrue.environments import LOCAL, Compute, ProcessEnvironment
from holdtrue.errors import DeclarationError
from holdtrue.loop import (
    EnvironmentTrainer,
    InlineTrainer,
    LoopPolicy,
    Trainer,
    TrainingOrder,
    TrainingResult,
    derive_rows,
    lay_golden,
    leave_golden_out,
    make_policy,
)
from holdtrue.store import Store
from holdtrue.validation import baseline_predictions

from .calendar import N_PARTS, choose_look, lay_moments, lay_periods
from .measure import PolicyTrace, measure_policy
from .policies import PHASES, BlindPolicy, space_evenly
from .replay import Replay
from .replayed_loop import ReplayedLoop
from .roster import Roster
from .standards import tally_standards
from .trainings import Trainings

POLICIES = ("static", "schedule", "even", "loop")
MARGIN_SHARE = 0.05
HERE = Compute()


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a backtest has come, for a progress bar."""

    done: int
    total: int
    text: str


@dataclass(kw_only=True)
class Backtest:
    """A backtest in the making: the replay, the first training, and one roster for each policy."""

    loop: Loop
    store: Store
    trainer: Trainer
    replay: Replay
    record: DatasetRecord
    loop_file: Path | None
    policy: LoopPolicy
    schedule: Every
    on_progress: Callable[[Progress], None]
    aside: Trainer
    golden: str | None = None
    total: int = 0
    done: int = 0
    standards: tuple[StandardResult, ...] = ()
    _blind: "dict[datetime, Future[TrainingResult]]" = field(default_factory=dict)

    def train_first(self) -> TrainingResult:
        """Have the training done that brings the first version."""
        return self.trainer.submit(self._order(self.replay.start)).result()

    def train_aside(self, moments: Sequence[datetime], *, is_alone: bool = False) -> None:
        """Begin blind trainings beside what else is going on; when nothing else is, both trainers take their share."""
        trainers = (self.aside, self.trainer) if is_alone else (self.aside,)
        for place, moment in enumerate(moment for moment in moments if moment not in self._blind):
            trainer = trainers[place % len(trainers)]
            self._blind[moment] = trainer.submit(self._order(moment, is_blind=True))

    def train_blindly(self, moment: datetime) -> TrainingResult:
        """Return a blind training on what was known at a moment."""
        self.train_aside([moment])
        return self._blind[moment].result()

    def _carry_out(self, order: TrainingOrder) -> TrainingResult:
        # While the gate looks at a candidate, an idle trainer fits what would ship: most pass, and the fit is cached.
        is_idle = self.aside is not self.trainer and all(done.done() for done in self._blind.values())
        if is_idle and not order.catches_up:
            self.train_aside([order.as_of])
        return self.trainer.submit(order).result()

    def _order(
        self, moment: datetime, *, champion: Version | None = None, is_blind: bool = False, catches_up: bool = False
    ) -> TrainingOrder:
        return TrainingOrder(
            folder=str(self.store.folder),
            loop_file=None if self.loop_file is None else str(self.loop_file),
            loop=self.loop.name,
            dataset=self.record.digest,
            as_of=moment,
            run_id="backtest",
            champion=champion,
            is_blind=is_blind,
            catches_up=catches_up,
            is_for_service=False,
            golden=self.golden,
        )

    def advance(self, text: str) -> None:
        """Tell the progress bar of one more piece of work."""
        self.done += 1
        self.on_progress(Progress(done=min(self.done, self.total), total=self.total, text=text))

    def replay_blindly(self, name: str, moments: Sequence[datetime]) -> PolicyTrace:
        """Return the trace of a policy that replaces blindly at each moment."""
        roster = Roster(replay=self.replay, artifacts=self.store.artifacts)

        def train(moment: datetime) -> tuple[Version, int]:
            result = self.train_blindly(moment)
            assert result.refit is not None, "a blind training brings a refit"
            version = roster.enlist(result.refit, result, dataset=self.record.digest, now=moment)
            return version, result.refit.n_rows

        policy = BlindPolicy(name=name, moments=moments)
        return policy.replay(self.replay, roster, train, self.loop.outcome, self.advance)

    def replay_loop(self, first: TrainingResult) -> PolicyTrace:
        """Return the trace of the declared loop."""
        roster = Roster(replay=self.replay, artifacts=self.store.artifacts)
        shipped = first.refit if first.refit is not None else self.train_blindly(self.replay.start).refit
        assert shipped is not None, "a training that is not refused brings a model"
        trainings = Trainings(
            roster=roster,
            dataset=self.record.digest,
            tolerance=self.policy.on_risk.tolerance if self.policy.on_risk is not None else 0.1,
            order=lambda at, champion, catches_up: self._order(at, champion=champion, catches_up=catches_up),
            carry_out=self._carry_out,
        )
        trainings.open(first, shipped, self.replay.start)
        replayed = ReplayedLoop(
            policy=self.policy,
            replan=lambda at: make_policy(
                self.loop, self.replay.history.known_at(at), default=Every(span=self.policy.interval), is_running=True
            ),
            replay=self.replay,
            trainings=trainings,
            loss=first.loss,
            outcome=self.loop.outcome,
        )
        looks = lay_moments(self.replay.start, self.replay.end, choose_look(self.policy.interval))
        trace = replayed.run(looks, advance=self.advance)
        self.standards = tally_standards(
            trainings.judgements, replay=self.replay, roster=roster, loss=first.loss, span=self.policy.interval
        )
        return trace


def run_backtest(
    loop: Loop,
    *,
    folder: Path | str = ".",
    loop_file: Path | None = None,
    policies: Sequence[str] = POLICIES,
    start_share: float = 0.2,
    start: datetime | None = None,
    schedule: Every | None = None,
    compute: Compute = HERE,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> BacktestResult:
    """Replay a loop's history under several policies: what would each have been worth?

    Args:
        loop: the declared loop.
        folder: where its table's path starts from, and where `.holdtrue` is kept.
        loop_file: the file that declares it; with it trainings run in a child process, without in this one.
        policies: of "static", "schedule", "even", "loop".
        start_share: share (0..1) of the rows before the replay begins.
        start: the moment at which it begins, instead of a share.
        schedule: the schedule of the policy "schedule"; None for the loop's own.
        compute: where the steps are done; with a cluster it needs `loop_file`.
        on_progress: is told of each piece of work.

    Raises:
        DeclarationError: an unknown policy; a start that leaves nothing to train on or to replay; a loop without
            `train` has nothing to replay.
    """
    _ = loop.table, loop.recipe  # said before any work: what only watches, or trains nothing, has no past to replay
    unknown = [policy for policy in policies if policy not in POLICIES]
    if unknown or not policies:
        raise DeclarationError(f"policies={list(policies)}", expected=f"some of {list(POLICIES)}")
    base = Path(folder)
    history = read_history(loop.table, folder=base, task=loop.declared_task, schema=loop.schema)
    with Store.open(base / ".holdtrue") as store, ExitStack() as stack:
        history, rows = _set_golden_aside(loop, history, store, base)
        derived = derive_rows(history, loop)
        replay = _lay_replay(derived, start_share=start_share, start=start)
        trainer, aside = _hire_trainers(loop, store, loop_file, compute, stack)
        every = Every(span=(history.ends_at - history.starts_at) / N_PARTS)
        policy = make_policy(loop, history.known_at(replay.start), default=every)
        job = Backtest(
            loop=loop,
            store=store,
            trainer=trainer,
            aside=aside,
            replay=replay,
            record=take_snapshot(store, loop.name, history, as_of=replay.end),
            loop_file=loop_file,
            policy=policy,
            golden=rows,
            schedule=schedule or Every(span=policy.interval),
            on_progress=on_progress,
        )
        return _run(job, tuple(policies))


def _hire_trainers(
    loop: Loop, store: Store, loop_file: Path | None, compute: Compute, stack: ExitStack
) -> tuple[Trainer, Trainer]:
    if loop_file is None:
        if compute.engine != LOCAL:
            raise DeclarationError("a cluster cannot do the steps of a loop without a file", expected="loop_file=")
        inline = InlineTrainer(loop=loop, store=store)
        return inline, inline
    # Children of one thread each: the blind policies train while the loop is replayed.
    variables = {"OMP_NUM_THREADS": "1", **compute.variables}
    pair = [ProcessEnvironment(n_children=n, variables=variables) for n in (1, compute.at_once - 1)]
    first, second = (EnvironmentTrainer(stack.enter_context(environment)) for environment in pair)
    return first, second


def _set_golden_aside(loop: Loop, history: History, store: Store, folder: Path) -> tuple[History, str | None]:
    """Return the rows without those of the golden set, and the digest of these; None where none is declared."""
    golden = None if loop.guards is None else loop.guards.golden
    if golden is None:
        return history, None
    rows = lay_golden(store.artifacts, loop, golden, folder=folder, task=history.task)
    return leave_golden_out(history, store.artifacts, rows), rows


def _lay_replay(history: History, *, start_share: float, start: datetime | None) -> Replay:
    if start is None:
        if not 0 < start_share < 1:
            raise DeclarationError(f"start_share={start_share} is not between 0 and 1")
        row = min(history.n_rows - 1, max(1, int(history.n_rows * start_share)))
        start = history.frame["__time"][row]
    if not history.starts_at < start <= history.ends_at:
        raise DeclarationError(
            f"the replay would start at {start.isoformat()}",
            expected=f"a moment between the first row ({history.starts_at}) and the last ({history.ends_at})",
        )
    return Replay(history, start, history.ends_at + timedelta(microseconds=1))


def _run(job: Backtest, policies: tuple[str, ...]) -> BacktestResult:
    replay = job.replay
    needs_loop = "loop" in policies or "even" in policies
    moments = lay_moments(replay.start, replay.end, job.schedule.span)[:-1]
    looks = lay_moments(replay.start, replay.end, choose_look(job.policy.interval))
    n_looks = len(looks)
    n_even = len(lay_moments(replay.start, replay.end, job.policy.interval))
    job.total = 1 + n_looks * needs_loop + len(PHASES) * n_even * ("even" in policies)
    job.total += ("static" in policies) + (len(moments) + 1) * ("schedule" in policies)
    job.on_progress(Progress(done=0, total=job.total, text="first training"))
    if "schedule" in policies:
        job.train_aside([replay.start, *moments])
    first = job.train_first()
    job.advance("first training")
    traces: dict[str, PolicyTrace] = {}
    even: list[list[datetime]] = []
    if needs_loop:
        traces["loop"] = job.replay_loop(first)
    if "even" in policies:
        n_retrains = traces["loop"].n_retrains
        even = [space_evenly(looks, n_retrains, phase=phase) for phase in PHASES if n_retrains]
        job.train_aside([moment for moments in even for moment in moments], is_alone=True)
    for name in policies:
        if name == "static":
            traces[name] = job.replay_blindly(name, [])
        elif name == "schedule":
            traces[name] = job.replay_blindly(name, moments)
        elif name == "even":
            traces[name] = PolicyTrace.join([job.replay_blindly(name, moments) for moments in even or [[]]])
    job.on_progress(Progress(done=job.total, total=job.total, text="figures"))
    return _report(job, first, [traces[name] for name in policies])


def _report(job: Backtest, first: TrainingResult, traces: list[PolicyTrace]) -> BacktestResult:
    replay, loss = job.replay, first.loss
    periods = lay_periods(replay.start, replay.end)
    evaluation = first.evaluation
    gain = 0.0 if evaluation is None else evaluation.baseline_loss - evaluation.candidate_loss
    notes = [*replay.history.notes, f"Rollouts: {job.policy.plan.note}."]
    notes += [f"Figures of {each.policy} are means over {len(each.draws)} phases." for each in traces if each.phases]
    if evaluation is not None and evaluation.ruling is not Ruling.PASSED:
        notes.append(f"The first version did not pass its checks and was replayed all the same: {evaluation.sentence}")
    return BacktestResult(
        loop=job.loop.name,
        policies=tuple(measure_policy(trace, replay, loss, periods, traces) for trace in traces),
        margin=max(MARGIN_SHARE * gain, 1e-4 * loss.spread),
        baseline_loss=_baseline_loss(replay, loss),
        started_at=replay.start,
        ended_at=replay.end,
        notes=tuple(notes),
        standards=job.standards,
    )


def _baseline_loss(replay: Replay, loss: Loss) -> float | None:
    known = replay.is_labelled
    if not known.any():
        return None
    past = replay.history.known_at(replay.start).encoded_labels()
    constant = baseline_predictions(past, n_rows=1, task=replay.task, classes=replay.history.classes)
    answers = np.repeat(constant, int(known.sum()), axis=0)
    return float(loss.rows(answers, replay.labels[known]).mean())
