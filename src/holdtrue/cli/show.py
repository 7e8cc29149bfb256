"""status and why: where a loop stands, and what an answer rests on."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.domain import Contributions, LoopView, Prediction, format_count
from holdtrue.errors import HoldtrueError
from holdtrue.project import Project, StoredView, explain_prediction, open_project
from holdtrue.report import (
    draw_contributions,
    tell_beliefs,
    tell_contributions,
    tell_explanation,
    tell_watched_slices,
    tell_weights,
)

from .console import print_json, say

LoopFile = Annotated[Path, typer.Argument(help="The file that declares the loop.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
N_SHOWN = 12


def status(loop_file: LoopFile = Path("loop.py"), json: AsJson = False) -> None:
    """Say who is in charge, what is on its way, how good the answers were, and what was decided."""
    with open_project(loop_file) as project:
        overview = StoredView(project=project).overview()
    if json:
        print_json(overview)
        return
    for loop in overview.loops:
        _print_loop(loop)
    for note in overview.notes:
        say(note)


def _print_loop(loop: LoopView) -> None:
    say(f"{loop.name}: " + (f"{loop.champion.name} is in charge" if loop.champion else "no version is in charge yet"))
    if loop.champion is not None and tell_weights(loop.champion):
        say(tell_weights(loop.champion))
    if loop.rollout is not None and loop.challenger is not None:
        say(f"On its way: {loop.challenger.name}. {loop.rollout.sentence}")
    if loop.coverage is not None and loop.coverage.share is not None:
        found = loop.coverage
        say(
            f"{format_count(found.n_predictions, 'answer')}; {found.n_labelled:,} "
            f"of {format_count(found.n_due, 'due label')} have come"
        )
    measured = [w for w in loop.windows if w.loss is not None]
    if measured:
        last = measured[-1]
        spread = "" if last.loss_low is None else f" ({last.loss_low:.4f} .. {last.loss_high:.4f})"
        say(
            f"Latest measured {loop.loss.value}: {last.loss:.4f}{spread}, "
            f"v{last.version}, {format_count(last.n_labelled, 'label')}"
        )
    for sentence in tell_beliefs(loop.beliefs):
        say(sentence)
    for sentence in tell_watched_slices(loop.slices):
        say(sentence)
    for note in loop.notes:
        say(f"note: {note}")
    for alert in loop.alerts:
        say(f"ALERT since {alert.opened_at:%Y-%m-%d %H:%M}: {alert.sentence}")
    for entry in loop.decisions[:N_SHOWN]:
        say(f"{entry.at:%Y-%m-%d %H:%M}  {entry.action}  {entry.subject[:12]}  {entry.sentence}")


def why(
    prediction_id: Annotated[str, typer.Argument(help="The id that a reply carries, or the key of an event.")],
    loop_file: Annotated[Path, typer.Option("--loop", help="The file that declares the loop.")] = Path("loop.py"),
    json: AsJson = False,
) -> None:
    """Print what each value of a row added to its answer, and the way back to version, run, data, code and verdicts."""
    with open_project(loop_file) as project:
        found = StoredView(project=project).explain(prediction_id)
        contributions, reason = _weigh(project, found.prediction)
    if json:
        told = None if contributions is None else contributions.describe()
        print_json({**found.describe(), "contributions": told})
        return
    answer, *origin = tell_explanation(found)
    say(answer)
    if contributions is None:
        say(f"What its values added cannot be told: {reason}")
    else:
        for line in (*tell_contributions(contributions), *draw_contributions(contributions)):
            say(line)
    for line in origin:
        say(line)


def _weigh(project: Project, prediction: Prediction) -> tuple[Contributions | None, str]:
    """Return what each value of a row added, or why that cannot be told; the way back is told in any case."""
    try:
        return explain_prediction(project, prediction), ""
    except HoldtrueError as error:
        return None, error.found


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(status)
    app.command()(why)
