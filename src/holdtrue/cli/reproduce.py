"""reproduce: a past training done again, and whether the same came of it."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.domain import format_clause
from holdtrue.project import find_run, hold_control, open_project, reproduce_run

from .console import print_json, print_table, progress_bar, say

EXIT_DIFFERS = 3


def reproduce(
    run: Annotated[str, typer.Argument(help="The id of a run, or its first digits.")],
    loop_file: Annotated[Path, typer.Option("--loop", help="The file that declares the loop.")] = Path("loop.py"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train again from a run's own rows and compare each output. Exit code: 0 equal, 3 different."""
    with (
        open_project(loop_file) as project,
        hold_control(project.store, loop=project.loop.name),
        progress_bar("training again"),
    ):
        found = reproduce_run(project, find_run(project, run))
    if json:
        told = {"run_id": found.run_id, "is_equal": found.is_equal}
        print_json({**told, "outputs": found.outputs, "causes": found.causes})
    else:
        n_changed = len(found.outputs)
        say(
            "Each step returned the same bytes."
            if found.is_equal
            else f"{format_clause(n_changed, 'output', one='is', many='are')} not the same."
        )
        rows = [(each.kind, each.name, _cut(each.first), _cut(each.second)) for each in (*found.outputs, *found.causes)]
        if rows:
            print_table("Not as it was", ("what", "name", "then", "now"), rows)
    if not found.is_equal:
        raise typer.Exit(EXIT_DIFFERS)


def _cut(value: object) -> str:
    return "" if value is None else str(value)[:16]


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(reproduce)
