"""gc: throw away what nothing names."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.domain import format_clause, format_count, parse_size, parse_span
from holdtrue.errors import StateConflict
from holdtrue.pipeline import collect_garbage, find_garbage
from holdtrue.project import hold_control, open_project

from .console import print_json, say


def gc(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")] = Path("loop.py"),
    budget: Annotated[str, typer.Option(help="How much of it may stay, the newest: such as 2GB.")] = "0B",
    older_than: Annotated[
        str, typer.Option("--older-than", help="What is younger stays: a backtest or training may be making it.")
    ] = "1d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and throw nothing away.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Throw away cached outputs of steps and artifacts that no version, release, run, verdict or dataset names."""
    budget_bytes, age = parse_size(budget), parse_span(older_than)
    with open_project(loop_file) as project, hold_control(project.store):
        if project.make_controller().read_state().is_training:
            found = "a training is under way or was lost, and what it has made is named by nothing yet"
            raise StateConflict(found, remedy="holdtrue tick or holdtrue train brings it to its end")
        garbage = find_garbage(project.store, budget_bytes=budget_bytes, older_than=age)
        if not dry_run:
            collect_garbage(project.store, garbage)
    if json:
        print_json({"is_dry_run": dry_run, **{name: getattr(garbage, name) for name in garbage.__dataclass_fields__}})
        return
    would = "would go" if dry_run else "are gone"
    gone, stays = f"{garbage.n_bytes / 1e6:,.1f} MB", f"{garbage.n_kept_bytes / 1e6:,.1f} MB"
    say(
        f"{format_count(len(garbage.artifacts), 'artifact')} ({gone}) and "
        f"{format_count(len(garbage.keys), 'output of a step', 'outputs of steps')} {would}."
    )
    say(
        f"{format_clause(garbage.n_named, 'artifact', one='is', many='are')} named; "
        f"{format_count(garbage.n_kept, 'other')} ({stays}) {'stays' if garbage.n_kept == 1 else 'stay'}."
    )


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(gc)
