"""backtest: what would this loop have been worth on its own past?"""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.backtest import POLICIES, Progress, run_backtest
from holdtrue.domain import BacktestResult
from holdtrue.loop import load_loop

from .console import print_json, print_table, progress_bar, say


def backtest(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")],
    policies: Annotated[str, typer.Option(help="What to compare, separated by commas.")] = ",".join(POLICIES),
    start_share: Annotated[float, typer.Option(help="Share of the rows before the replay begins.")] = 0.2,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report here.")] = None,
) -> None:
    """Replay the loop's own history: the declared loop beside a static model, a blind schedule and even retrains."""
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
            on_progress=show,
        )
    if report is not None:
        from holdtrue.report import render_backtest

        report.write_text(render_backtest(result), encoding="utf-8")
    if json:
        print_json(result)
        return
    print_backtest(result)
    if report is not None:
        say(f"Report: {report}")


def print_backtest(result: BacktestResult) -> None:
    """Print the table and the sentences of a backtest."""
    names = ("auc", "brier", "accuracy", "predicted_share", "actual_share", "mean_absolute_error")
    shown = [name for name in names if any(name in policy.metrics for policy in result.policies)]
    rows = []
    for policy in result.policies:
        interval = "" if policy.loss_low is None else f"{policy.loss_low:.4f} .. {policy.loss_high:.4f}"
        value = "" if policy.value is None else f"{policy.value.amount:,.0f} {policy.value.unit}"
        rows.append(
            (policy.policy, policy.loss, interval, *[policy.metrics.get(name) for name in shown],
             policy.n_retrains, policy.n_promotions, policy.n_rejected, value)
        )  # fmt: skip
    loss = result.policies[0].loss_name.replace("_", " ")
    head = ["policy", loss, "95 % interval", *[name.replace("_", " ") for name in shown]]
    title = f"{result.loop}: {result.started_at:%Y-%m-%d} to {result.ended_at:%Y-%m-%d}"
    print_table(title, [*head, "retrains", "promotions", "rejected", "worth"], rows)
    for policy in result.policies:
        if policy.policy == "loop":
            for other in policy.versus:
                say(tell_comparison("the loop", other.other, other.difference, other.low, other.high))
    for note in result.notes:
        say(f"note: {note}")


def tell_comparison(name: str, other: str, difference: float, low: float | None, high: float | None) -> str:
    """Say how two policies differ in loss, and how sure that is."""
    if low is None or high is None:
        return f"Against {other}: {name} differs by {difference:+.4f}; too few weeks to say how sure that is."
    if high < 0:
        said = "surely better"
    elif low > 0:
        said = "surely worse"
    else:
        said = "not surely different"
    return f"Against {other}: {name} loses {difference:+.4f} (95 %: {low:+.4f} .. {high:+.4f}): {said}."


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(backtest)
