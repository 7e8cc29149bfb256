"""View: a project gathered for people: the page, `holdtrue status` and `holdtrue why`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from holdtrue.clock import ScaledClock
from holdtrue.data import PredictionReader, latest_labels
from holdtrue.domain import (
    AuditEntry,
    Explanation,
    Figure,
    LabelCoverage,
    LabelFact,
    LoopView,
    LossKind,
    Overview,
    Prediction,
    Role,
    Rollout,
    RolloutView,
    Run,
    ShareChange,
    Takeover,
    Version,
    Window,
    default_kind,
)
from holdtrue.domain.task import Task
from holdtrue.errors import NotFound
from holdtrue.loop import REFUSAL
from holdtrue.store import Transaction

from .evidence import EvidenceTracer
from .log import tell_log
from .project import CHAMPION, Project
from .slices import SliceTracer, note_unjudged

N_DECISIONS = 40
N_RUNS = 12
N_REFUSALS = 5


@dataclass(frozen=True, kw_only=True)
class StoredView:
    """Reads a project's store afresh each time that it is asked."""

    project: Project
    predict_url: str | None = None

    @cached_property
    def _tracer(self) -> EvidenceTracer:
        return EvidenceTracer(self.project)

    @cached_property
    def _slice_tracer(self) -> SliceTracer:
        return SliceTracer(self.project)

    def overview(self) -> Overview:
        """Return the whole project as it stands."""
        clock = self.project.clock
        with self.project.store.reading() as tx:
            loop = view_loop(tx, self.project.loop.name, self.project.loop.declared_task, clock.now())
        if loop.champion is not None and loop.takeovers:
            loop = self._add_slices(loop, loop.champion)
        if loop.rollout is not None:
            evidence = self._tracer.trace(loop.rollout.rollout)
            loop = replace(loop, rollout=replace(loop.rollout, evidence=evidence))
        return Overview(
            project=self.project.folder.name,
            now=clock.now(),
            loops=(loop,),
            clock_speed=clock.speed if isinstance(clock, ScaledClock) else 1.0,
            predict_url=self.predict_url,
            notes=tell_log(self.project),
        )

    def _add_slices(self, loop: LoopView, champion: Version) -> LoopView:
        slices = self._slice_tracer.trace(champion, since=loop.takeovers[-1].at)
        note = note_unjudged(champion, self.project.loop.watched_slices)
        return replace(loop, slices=slices, notes=(*loop.notes, note) if note else loop.notes)

    def explain(self, prediction_id: str) -> Explanation:
        """Return the way from an answer, or the first one to a key, back to all that it rests on.

        Raises:
            NotFound: the log has no such prediction.
        """
        prediction = self._find_prediction(prediction_id)
        name = self.project.loop.name
        with self.project.store.reading() as tx:
            chain = tx.audit.all(name)
            version = tx.versions.read(name, prediction.version)
            release = tx.versions.read_release(name, version.number)
            elder = next((v for v in tx.versions.all(name) if v.digest == version.lineage.refit_of), None)
            subjects = [text for v in (version, elder) if v is not None for text in (v.name, v.lineage.run_id)]
            return Explanation(
                prediction=prediction,
                label=self._find_label(prediction),
                version=version,
                release=None if release is None else release.release_digest,
                run=tx.runs.read(version.lineage.run_id),
                dataset=tx.datasets.read(name, version.lineage.dataset),
                verdicts=tuple(
                    record
                    for digest in (version.lineage.refit_of, version.digest)
                    if digest is not None
                    for record in tx.verdicts.for_challenger(name, digest)
                ),
                decisions=tuple(entry for entry in chain if entry.subject in subjects),
                refusals=tuple(entry for entry in chain if entry.action == REFUSAL)[-N_REFUSALS:],
            )

    def read_figure(self, artifact: str) -> tuple[Figure, bytes]:
        """Return a picture that one of the newest runs kept, with its bytes; only what can be shown as an image.

        Raises:
            NotFound: none of them kept it, it cannot be shown, or its bytes are gone.
        """
        with self.project.store.reading() as tx:
            runs = list_newest_runs(tx, self.project.loop.name)
        kept = {figure.artifact: figure for run in runs for _, figure in run.figures if figure.can_be_shown}
        if artifact not in kept or not self.project.store.artifacts.has(artifact):
            raise NotFound(
                f"no run that is shown kept a picture {artifact[:12]!r}",
                expected="one that stands on the page",
                remedy="holdtrue runs show RUN --figures FOLDER writes those of older runs",
            )
        return kept[artifact], self.project.store.artifacts.get(artifact)

    def promote(self, loop: str, reason: str) -> str:
        """Put the challenger in charge."""
        self._check_loop(loop)
        return self.project.promote(reason)

    def rollback(self, loop: str, reason: str) -> str:
        """Go back."""
        self._check_loop(loop)
        return self.project.rollback(reason)

    def _check_loop(self, loop: str) -> None:
        if loop != self.project.loop.name:
            raise NotFound(f"there is no loop {loop!r}", expected=self.project.loop.name)

    def _find_prediction(self, prediction_id: str) -> Prediction:
        name = self.project.loop.name
        log = PredictionReader(self.project.store.folder / "log" / name, with_forced=True).read()
        answers = log.filter(log["role"] != "shadow")
        found = answers.filter(answers["prediction_id"] == prediction_id)
        if not found.height:
            found = answers.filter((answers["key"] == prediction_id) & answers["is_first"])
        if not found.height:
            raise NotFound(
                f"the log of {name!r} has no prediction {prediction_id!r}",
                expected=f"an id as a reply carries it, or the key of an event; the log has {log.height:,} rows",
            )
        row = found.row(0, named=True)
        return Prediction(
            **{
                **{field: row[field] for field in Prediction.__struct_fields__ if field in row},
                "loop": name,
                "role": Role(row["role"]),
                "time": row["time"].timestamp(),
                "received_at": row["received_at"].timestamp(),
                "answer": tuple(row["answer"]),
                "features": dict(row["features"] or {}),
            }
        )

    def _find_label(self, prediction: Prediction) -> LabelFact | None:
        now = self.project.clock.now()
        labels = latest_labels(self.project.store, self.project.loop.name, as_of=now)
        found = labels.filter(labels["key"] == prediction.key)
        if not found.height:
            return None
        row = found.row(0, named=True)
        at = row["known_at"].timestamp()
        return LabelFact(loop=prediction.loop, label=row["label"], at=at, received_at=at, key=prediction.key)


def view_loop(tx: Transaction, name: str, task: Task | None, now: datetime) -> LoopView:
    """Return one loop as the store knows it."""
    history = [event for event in tx.aliases.history(name) if event.alias == CHAMPION]
    champion = tx.versions.read(name, history[-1].version) if history else None
    active = tx.rollouts.active(name)
    rollouts = tx.rollouts.all(name)
    shown = active if active is not None else (rollouts[-1] if rollouts else None)
    windows = tuple(tx.windows.all(name))
    return LoopView(
        name=name,
        loss=_name_loss(champion, task),
        champion=champion,
        challenger=None if active is None else tx.versions.read(name, active.challenger),
        traffic=tx.traffic.read("main", name),
        rollout=None if shown is None else _view_rollout(shown, tx.audit.all(name), clock_now=now),
        windows=windows,
        takeovers=tuple(Takeover(at=event.at, version=event.version) for event in history),
        coverage=_count_coverage(windows),
        decisions=tuple(reversed(tx.audit.all(name)))[:N_DECISIONS],
        alerts=tuple(tx.alerts.open(name)),
        runs=list_newest_runs(tx, name),
        baseline_loss=None if champion is None else champion.metrics.get("baseline_loss"),
        beliefs=() if champion is None else tuple(tx.beliefs.read(name, champion.number)),
    )


def list_newest_runs(tx: Transaction, name: str) -> tuple[Run, ...]:
    """Return the runs of a loop that are shown, newest first."""
    return tuple(reversed(tx.runs.all(name)))[:N_RUNS]


def _name_loss(champion: Version | None, task: Task | None) -> LossKind:
    if champion is not None:
        return champion.loss.kind
    return default_kind(task) if task is not None else LossKind.LOG_LOSS


def _view_rollout(rollout: Rollout, chain: Sequence[AuditEntry], *, clock_now: datetime) -> RolloutView:
    name, actions = f"v{rollout.challenger}", ("begin rollout", "advance")
    began = [entry.at for entry in chain if entry.subject == name and entry.action in actions]
    stages = rollout.plan.stages[: rollout.stage_index + 1]
    passed = (clock_now - rollout.stage_started_at) / timedelta(days=1)
    ahead = [stage.expected_days for stage in rollout.plan.stages[rollout.stage_index :]]
    left = None if rollout.ended_at is not None or not ahead else max(0.0, ahead[0] - passed) + sum(ahead[1:])
    return RolloutView(
        rollout=rollout,
        sentence=rollout.sentence,
        expected_days_left=left,
        shares=tuple(ShareChange(at=at, share=stage.share) for at, stage in zip(began, stages, strict=False)),
    )


def _count_coverage(windows: tuple[Window, ...]) -> LabelCoverage | None:
    if not windows:
        return None
    return LabelCoverage(
        n_predictions=sum(window.n_rows for window in windows),
        n_due=sum(window.n_due for window in windows),
        n_labelled=sum(window.n_labelled for window in windows),
    )
