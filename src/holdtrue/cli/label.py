"""label: labels from a file, and which events want an early one."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.data import read_label_file, record_label_file
from holdtrue.domain import format_count
from holdtrue.errors import LabelError
from holdtrue.project import list_wanted, open_project

from .console import print_json, progress_bar, say


def label(
    file: Annotated[
        Path | None, typer.Argument(help="Parquet or CSV with key (or prediction_id), label and at.")
    ] = None,
    loop_file: Annotated[Path, typer.Option("--loop", help="The file that declares the loop.")] = Path("loop.py"),
    wanted: Annotated[
        bool, typer.Option("--wanted", help="List, as CSV, the events drawn for an early label that have none yet.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Take labels from a file; the last one received for a key counts, earlier ones are kept."""
    if wanted:
        _list_wanted(loop_file, as_json=json)
        return
    if file is None:
        raise LabelError("no file is named", expected="a file of labels, or --wanted")
    table = read_label_file(file)
    with open_project(loop_file) as project, progress_bar("taking labels") as bar:
        done = record_label_file(
            project.store,
            project.loop.name,
            table,
            on_progress=lambda done, total: bar.update(done=done, total=total, text="taking labels"),
        )
    if json:
        print_json(done)
        return
    changed = f", {done.n_changed:,} in place of another label" if done.n_changed else ""
    say(f"{format_count(done.n_rows, 'label')} read, {done.n_new:,} of them new{changed}")


def _list_wanted(loop_file: Path, *, as_json: bool) -> None:
    with open_project(loop_file) as project:
        found = list_wanted(project)
    if as_json:
        print_json({"loop": project.loop.name, "wanted": found})
        return
    say("key,answered_at,by")
    for each in found:
        say(f"{each.key},{each.answered_at.isoformat()},{each.by.isoformat()}")


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(label)
