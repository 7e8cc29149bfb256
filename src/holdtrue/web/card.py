"""Card: one loop laid out for the page, in words and pictures that the template only has to place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from holdtrue.domain import (
    AuditEntry,
    Figure,
    LoopView,
    RolloutStatus,
    RolloutView,
    Run,
    RunState,
    StageKind,
    Version,
    Window,
    find_tuning,
    format_count,
)
from holdtrue.report import (
    draw_quality,
    draw_rollout,
    draw_trials,
    entitle_trials,
    format_day,
    format_moment,
    format_number,
    format_share,
    tell_beliefs,
    tell_coverage,
    tell_rollout,
    tell_watched_slices,
    tell_weights,
)
from holdtrue.web.gallery import Gallery

_MOST_SPANS = 120
_BAD = ("abort", "alert", "fail", "refuse", "reject", "roll_back", "rollback", "rolled_back", "stop")
_GOOD = ("promote", "install", "pass")


@dataclass(frozen=True, kw_only=True)
class VersionCard:
    """One version that answers or is on trial."""

    name: str
    role: str
    share: float
    since: str
    trained: str
    loss: str | None
    rests_on: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class StageStep:
    """One step on the way of a rollout; `state` is done, here or ahead."""

    name: str
    state: str
    days: str


@dataclass(frozen=True, kw_only=True)
class DecisionLine:
    """One decision: `tone` is good, bad or plain."""

    at: datetime
    actor: str
    sentence: str
    tone: str


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One run and what it cost."""

    at: str
    reason: str
    state: str
    seconds: float | None
    memory: str
    error: str


@dataclass(frozen=True, kw_only=True)
class PictureLine:
    """A picture of a run: `address` is None for one that is only named; a chart has a narrow form for telephones."""

    title: str
    kind: str
    address: str | None
    narrow: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunPictures:
    """What a run drew: what its steps kept, or a tuning's trials."""

    run_id: str
    at: str
    pictures: tuple[PictureLine, ...]


@dataclass(frozen=True, kw_only=True)
class LoopCard:
    """One loop; `quality` and `evidence` are digests of the gallery, None when there is nothing to draw yet."""

    name: str
    headline: str
    versions: tuple[VersionCard, ...]
    is_shadowed: bool
    has_rollout: bool
    rollout: tuple[str, ...]
    steps: tuple[StageStep, ...]
    evidence: str | None
    quality: str | None
    quality_words: str
    beliefs: tuple[str, ...]
    slices: tuple[str, ...]
    coverage: str
    alerts: tuple[tuple[datetime, str], ...]
    decisions: tuple[DecisionLine, ...]
    runs: tuple[RunLine, ...]
    pictures: tuple[RunPictures, ...]
    notes: tuple[str, ...]
    may_promote: bool
    may_rollback: bool
    is_watched: bool


def lay_card(loop: LoopView, gallery: Gallery) -> LoopCard:
    """Lay a loop out; its charts are hung in the gallery and not drawn yet."""
    view = loop.rollout
    is_active = view is not None and view.rollout.status is RolloutStatus.ACTIVE
    measured = [window for window in loop.windows if window.loss is not None]
    return LoopCard(
        name=loop.name,
        headline=_tell_headline(loop),
        versions=_list_versions(loop),
        is_shadowed=loop.traffic is not None and loop.traffic.is_shadowed,
        has_rollout=is_active,
        rollout=tell_rollout(view) if view is not None else (),
        steps=_list_steps(view) if view is not None and is_active else (),
        evidence=_hang_evidence(view, gallery) if view is not None and view.evidence else None,
        quality=_hang_quality(loop, gallery) if measured else None,
        quality_words=_tell_last(max(measured, key=lambda w: (w.ends_at, w.n_labelled))) if measured else "",
        beliefs=tell_beliefs(loop.beliefs),
        slices=tell_watched_slices(loop.slices),
        coverage=tell_coverage(loop.coverage) if loop.coverage is not None else "No prediction has been asked for yet.",
        alerts=tuple((alert.opened_at, alert.sentence) for alert in loop.alerts),
        decisions=tuple(_lay_decision(entry) for entry in loop.decisions),
        runs=tuple(_lay_run(run) for run in loop.runs),
        pictures=tuple(laid for run in loop.runs if (laid := _lay_pictures(run, gallery)).pictures),
        notes=loop.notes,
        may_promote=is_active,
        may_rollback=is_active or (not loop.is_watched and len({t.version for t in loop.takeovers}) > 1),
        is_watched=loop.is_watched,
    )


def _tell_headline(loop: LoopView) -> str:
    if loop.is_watched:
        return "The model is served elsewhere; its log is watched here."
    if loop.champion is None:
        return "No version has passed its checks yet, so that nobody answers."
    since = f" since {format_moment(loop.takeovers[-1].at)}" if loop.takeovers else ""
    trial = f"; {loop.challenger.name} is on trial" if loop.challenger is not None else ""
    return f"{loop.champion.name} is in charge{since}{trial}."


def _list_versions(loop: LoopView) -> tuple[VersionCard, ...]:
    shares = loop.traffic.shares if loop.traffic is not None else {}
    cards = []
    for version, role in ((loop.champion, "in charge"), (loop.challenger, "on trial")):
        if version is not None:
            alone = 1.0 if role == "in charge" else 0.0
            cards.append(_lay_version(version, role=role, share=shares.get(version.number, alone)))
    return tuple(cards)


def _lay_version(version: Version, *, role: str, share: float) -> VersionCard:
    loss = version.metrics.get("candidate_loss", version.metrics.get(version.loss.kind.value))
    return VersionCard(
        name=version.name,
        role=role,
        share=share,
        since=format_moment(version.created_at),
        trained=format_day(version.lineage.trained_until),
        loss=None if loss is None else format_number(loss),
        rests_on=tell_weights(version),
        digest=version.digest,
    )


def _list_steps(view: RolloutView) -> tuple[StageStep, ...]:
    rollout = view.rollout
    steps = []
    for place, stage in enumerate(rollout.plan.stages):
        state = "done" if place < rollout.stage_index else "here" if place == rollout.stage_index else "ahead"
        name = "shadow" if stage.kind is StageKind.SHADOW else format_share(stage.share)
        days = f"{stage.expected_days:.1f}".removesuffix(".0")
        steps.append(StageStep(name=name, state=state, days=f"{days} {'day' if days == '1' else 'days'} expected"))
    steps.append(StageStep(name="in charge", state="ahead", days="promotion"))
    return tuple(steps)


def _hang_evidence(view: RolloutView, gallery: Gallery) -> str:
    facts = ("rollout", view.rollout.rollout_id, view.rollout.terms, view.rollout.ended_at, view.evidence, view.shares)
    return gallery.hang(facts, lambda: draw_rollout(view))


def _hang_quality(loop: LoopView, gallery: Gallery) -> str:
    windows = _keep_newest(loop.windows)
    facts = ("quality", windows, loop.takeovers, loop.loss, loop.baseline_loss)
    return gallery.hang(
        facts,
        lambda: draw_quality(
            windows, takeovers=loop.takeovers, loss_name=loop.loss.value, baseline_loss=loop.baseline_loss
        ),
    )


def _keep_newest(windows: Sequence[Window]) -> tuple[Window, ...]:
    starts = sorted({window.starts_at for window in windows})[-_MOST_SPANS:]
    return tuple(window for window in windows if window.starts_at >= starts[0])


def _tell_last(window: Window) -> str:
    loss = f"Last measured: {format_number(window.loss or 0.0)} for v{window.version}"
    if window.loss_low is not None and window.loss_high is not None:
        loss += f", between {format_number(window.loss_low)} and {format_number(window.loss_high)} with 95 % confidence"
    return f"{loss}, from {format_count(window.n_labelled, 'label')}."


def _lay_decision(entry: AuditEntry) -> DecisionLine:
    action = entry.action.lower()
    tone = "bad" if action.startswith(_BAD) else "good" if action.startswith(_GOOD) else "plain"
    return DecisionLine(at=entry.at, actor=entry.actor, sentence=entry.sentence, tone=tone)


def _lay_pictures(run: Run, gallery: Gallery) -> RunPictures:
    pictures = [_lay_figure(step, figure) for step, figure in run.figures]
    tuning = find_tuning(run)
    if tuning is not None:
        digest = gallery.hang(("trials", run.run_id, run.revision), lambda: draw_trials(tuning))
        address = f"/chart/{digest}"
        title = f"{entitle_trials(tuning)}; number {tuning.best} was the best"
        pictures.append(PictureLine(title=title, kind="svg", address=f"{address}.svg", narrow=f"{address}-narrow.svg"))
    return RunPictures(run_id=run.run_id, at=format_moment(run.as_of), pictures=tuple(pictures))


def _lay_figure(step: str, figure: Figure) -> PictureLine:
    title = f"{figure.name}, kept by the step {step}"
    if figure.can_be_shown:
        return PictureLine(title=title, kind=figure.kind, address=f"/figure/{figure.artifact}")
    return PictureLine(title=f"{title} ({figure.kind}, {figure.n_bytes / 1e6:,.1f} MB)", kind=figure.kind, address=None)


def _lay_run(run: Run) -> RunLine:
    cost = run.cost
    last = (run.error or "").strip().splitlines()
    return RunLine(
        at=format_moment(run.as_of),
        reason=run.reason,
        state=run.state.value,
        seconds=None if cost is None else cost.wall_seconds,
        memory="" if cost is None else f"{cost.peak_memory_bytes / 1e6:,.0f} MB",
        error=last[-1] if last and run.state is RunState.FAILED else "",
    )
