"""backfill: the trainings that a loop would have done at past moments."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.domain import format_clause, parse_span
from holdtrue.project import Backfill, backfill_loop, hold_control, list_moments, open_project

from .console import print_json, print_table, progress_bar, say
from .moment import read_moment

EXIT_FAILED = 3
N_DIGITS = 12


def backfill(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")],
    begin: Annotated[str, typer.Option("--from", help="The first moment, such as 2013-01-31.")],
    until: Annotated[str, typer.Option(help="The last moment.")],
    every: Annotated[str, typer.Option(help='The time between two moments, such as "7 days".')] = "7 days",
    parallel: Annotated[int, typer.Option(min=1, help="How many run at a time.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train as of past moments, each a run without a version; go on where it was cut short. Exit code 3: one failed."""
    moments = list_moments(read_moment(begin, "--from"), read_moment(until, "--until"), parse_span(every))
    with open_project(loop_file, n_children=parallel) as project, hold_control(project.store, loop=project.loop.name):
        with progress_bar("backfill") as bar:

            def show(done: int, total: int) -> None:
                bar.update(done=done, total=total, text=f"backfill: {done} of {total} windows")

            found = backfill_loop(project, moments, n_parallel=parallel, on_window=show)
        name = project.loop.name
    if json:
        print_json({"loop": name, "n_new": found.n_new, "n_failed": found.n_failed, **_list_fields(found)})
    else:
        _print(found, name)
    if found.n_failed:
        raise typer.Exit(EXIT_FAILED)


def _list_fields(found: Backfill) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__dataclass_fields__}


def _print(found: Backfill, name: str) -> None:
    columns = ("as of", "run", "how", "ruling", "loss", "of the baseline", "rows", "seconds")
    rows = [
        (
            f"{each.as_of:%Y-%m-%d %H:%M}",
            each.run_id[:N_DIGITS],
            "run" if each.is_new else "kept",
            each.ruling or each.state.value,
            each.loss,
            each.baseline_loss,
            each.n_rows,
            None if each.cost is None else each.cost.wall_seconds,
        )
        for each in found.windows
    ]
    print_table(f"Backfill of {name}", columns, rows)
    for each in found.windows:
        if each.error:
            say(f"{each.as_of:%Y-%m-%d %H:%M} failed: {each.error.splitlines()[0]}")
    price = "" if found.price is None else f", {found.price:.4f} {found.currency}"
    took = f"{found.wall_seconds:.1f} s, {found.cpu_seconds:.1f} s CPU{price}"
    kept = len(found.windows) - found.n_new
    say(
        f"{format_clause(found.n_new, 'window', one='was', many='were')} run and {kept} "
        f"{'was' if kept == 1 else 'were'} there already: {took}. No version was registered."
    )


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(backfill)
