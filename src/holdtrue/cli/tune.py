"""tune: parameters looked for by trials, on rows that no gate will judge."""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.project import hold_control, open_to_tune, tune_loop

from .console import print_figures, print_json, progress_bar, say


def tune(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")],
    trials: Annotated[int | None, typer.Option(min=1, help="How many trials, in place of the declared number.")] = None,
    parallel: Annotated[int, typer.Option(min=1, help="How many trials run at a time.")] = 1,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report here.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look for the parameters that tune= names; trainings use what is found. What was cut short is gone on with."""
    from holdtrue.report import check_targets, render_tuning, tabulate_trials, tell_tuning, write_text

    check_targets(report)
    with open_to_tune(loop_file, n_parallel=parallel) as project, hold_control(project.store, loop=project.loop.name):
        with progress_bar("tuning") as bar:

            def show(done: int, total: int) -> None:
                bar.update(done=done, total=total, text=f"tuning: {done} of {total} trials")

            found = tune_loop(project, n_trials=trials, n_parallel=parallel, on_trial=show)
        name = project.loop.name
    if report is not None:
        write_text(report, render_tuning(found))
    if json:
        print_json({"loop": name, "tuning": found})
        return
    print_figures(tabulate_trials(found))
    for sentence in tell_tuning(found):
        say(sentence)
    say(f"Trainings use them from now on. Run: {found.run_id[:12]}")


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(tune)
