"""score: a file of rows answered by the version in charge."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from holdtrue.domain import format_clause, format_count
from holdtrue.project import Scored, open_project, score_file

from .console import Bar, print_json, progress_bar, say

EXIT_FAILED = 3


def score(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")],
    source: Annotated[Path, typer.Argument(help="Parquet, CSV or JSON lines file of rows, or a glob.")],
    target: Annotated[Path, typer.Argument(help="Parquet, CSV or JSON lines file to write.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Answer a file of rows, and log each row as the server does. A run that was killed goes on when it is repeated.

    Exit code 3 when not one row could be answered.
    """
    with open_project(loop_file) as project, progress_bar("scoring") as bar:
        scored = score_file(project, source, target, on_progress=_tell_progress(bar))
    if json:
        print_json(scored)
    else:
        _tell(scored)
    if scored.n_rows and scored.n_refused == scored.n_rows:
        raise typer.Exit(EXIT_FAILED)


def _tell(scored: Scored) -> None:
    if scored.note:
        say(scored.note)
    if scored.n_resumed:
        say(
            f"{format_count(scored.n_resumed, 'row')} had been "
            "answered by a run that was cut short; it was gone on with."
        )
    n_answered = scored.n_rows - scored.n_refused
    say(
        f"{format_count(n_answered, 'row')} answered by {scored.version} "
        f"({scored.rows_a_second:,.0f} rows/s): {scored.path}"
    )
    if scored.n_refused:
        say(
            f"{format_clause(scored.n_refused, 'row', one='was', many='were')} not answered; the column error says why."
        )


def _tell_progress(bar: Bar) -> Callable[[int, int], None]:
    """Return what shows how far it is, how fast it goes and how long it will take."""
    began: list[tuple[float, int]] = []

    def tell(n_done: int, n_rows: int) -> None:
        began.append((time.monotonic(), n_done))
        seconds, n_new = time.monotonic() - began[0][0], n_done - began[0][1]
        text = f"{n_done:,} of {format_count(n_rows, 'row')}"
        if n_new and seconds:
            speed = n_new / seconds
            text += f", {speed:,.0f} rows/s, {(n_rows - n_done) / speed:,.0f} s left"
        bar.update(done=n_done, total=n_rows, text=text)

    return tell


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(score)
