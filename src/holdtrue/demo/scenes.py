"""Scenes: what the live act showed, as sentences, a table and charts."""

from collections.abc import Sequence

from holdtrue.domain import Rollout, RolloutStatus
from holdtrue.report import Chart, Figures, Section, draw_quality, draw_rollout
from holdtrue.rollout import tell_stage

from .live import Scene


def tell_scene(scene: Scene) -> str:
    """Say what a scene showed."""
    promoted = [f"v{r.challenger}" for r in scene.rollouts if r.status is RolloutStatus.PROMOTED]
    aborted = [f"v{r.challenger}" for r in scene.rollouts if r.status is RolloutStatus.ABORTED]
    said = f"{scene.sent.get('n_answered', 0):,} flights were answered, {scene.sent.get('n_labels', 0):,} labels came. "
    said += f"Promoted: {', '.join(promoted) or 'none'}. Stopped: {', '.join(aborted) or 'none'}"
    if aborted:
        said += " before it answered anyone" if not scene.n_exposed else f" after {scene.n_exposed:,} answers"
    return said + "."


def tabulate_scenes(scenes: Sequence[Scene]) -> Figures:
    """Return the scenes below each other: what became of each challenger, where, when, and whom it answered."""
    header = ("Challenger", "Ended", "In", "Days", "Exposed", "Flights", "Labels")
    rows = tuple(
        (
            scene.name,
            *_tell_end(scene.rollouts),
            scene.n_exposed,
            int(scene.sent.get("n_answered", 0)),
            int(scene.sent.get("n_labels", 0)),
        )
        for scene in scenes
    )
    return Figures("Three challengers, live", header, rows)


def describe_scene(scene: Scene) -> Section:
    """Return a scene as a part of the report: sentences, the evidence of its rollout, the quality of its answers."""
    return Section(
        heading=f"Live, {scene.name}", sentences=(tell_scene(scene), *scene.sentences), charts=draw_scene(scene)
    )


def draw_scene(scene: Scene) -> tuple[Chart, ...]:
    """Draw what a scene has evidence of: its last rollout, and the measured quality of its answers."""
    view = scene.view
    if view is None:
        return ()
    evidence = None if view.rollout is None else draw_rollout(view.rollout)
    quality = draw_quality(
        view.windows, takeovers=view.takeovers, loss_name=view.loss.value, baseline_loss=view.baseline_loss
    )
    return tuple(chart for chart in (evidence, quality) if chart is not None)


def _tell_end(rollouts: Sequence[Rollout]) -> tuple[str, str, float | None]:
    if not rollouts:
        return "no rollout", "", None
    last = rollouts[-1]
    days = None if last.ended_at is None else (last.ended_at - last.started_at).total_seconds() / 86_400
    words = {RolloutStatus.PROMOTED: "promoted", RolloutStatus.ABORTED: "stopped", RolloutStatus.ACTIVE: "on its way"}
    return words[last.status], tell_stage(last.stage), None if days is None else round(days, 2)
