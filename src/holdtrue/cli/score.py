"""score: a file of rows answered by the version in charge."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.project import open_project, score_file

from .console import print_json, progress_bar, say


def score(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")],
    source: Annotated[Path, typer.Argument(help="Parquet or CSV file of rows.")],
    target: Annotated[Path, typer.Argument(help="Parquet or CSV file to write.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Answer a file of rows, and log each row as the server does."""
    with open_project(loop_file) as project, progress_bar("scoring"):
        scored = score_file(project, source, target)
    if json:
        print_json(scored)
    else:
        say(f"{scored.n_rows:,} rows answered by {scored.version}: {scored.path}")


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(score)
