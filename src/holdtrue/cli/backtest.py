"""backtest: what would this loop have been worth on its own past?"""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.backtest import POLICIES, Progress, run_backtest
from holdtrue.domain import BacktestResult
from holdtrue.loop import load_loop
from holdtrue.project import read_settings

from .console import print_figures, print_json, progress_bar, say


def backtest(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")],
    policies: Annotated[str, typer.Option(help="What to compare, separated by commas.")] = ",".join(POLICIES),
    start_share: Annotated[float, typer.Option(help="Share of the rows before the replay begins.")] = 0.2,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report here.")] = None,
) -> None:
    """Replay the loop's own history: the declared loop beside a static model, a blind schedule and even retrains."""
    from holdtrue.report import check_targets

    check_targets(report)
    loop = load_loop(loop_file)
    with progress_bar("backtest") as bar:

        def show(progress: Progress) -> None:
            bar.update(done=progress.done, total=progress.total, text=f"backtest: {progress.text}")

        result = run_backtest(
            loop,
            folder=loop_file.resolve().parent,
            loop_file=loop_file.resolve(),
            policies=[name.strip() for name in policies.split(",") if name.strip()],
            start_share=start_share,
            compute=read_settings(loop_file.resolve().parent).compute,
            on_progress=show,
        )
    if report is not None:
        from holdtrue.report import render_backtest, write_text

        write_text(report, render_backtest(result))
    if json:
        print_json(result)
        return
    print_backtest(result)
    if report is not None:
        say(f"Report: {report}")


def print_backtest(result: BacktestResult) -> None:
    """Print the tables and the sentences of a backtest."""
    from holdtrue.report import tabulate_losses, tabulate_policies, tabulate_standards, tell_backtest

    print_figures(tabulate_policies(result).turn())
    print_figures(tabulate_losses(result))
    if result.standards:
        print_figures(tabulate_standards(result))
    for sentence in tell_backtest(result):
        say(sentence)
    for note in result.notes:
        say(f"note: {note}")


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(backtest)
