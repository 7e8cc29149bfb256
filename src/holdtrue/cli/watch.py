"""watch: how good were the predictions of a model that is served elsewhere?"""

from pathlib import Path
from typing import Annotated

import typer

from holdtrue.clock import RealClock
from holdtrue.data import read_logged
from holdtrue.domain import Predictions, WatchResult, Window, parse_span
from holdtrue.errors import DeclarationError
from holdtrue.loop import load_loop, watch_log
from holdtrue.report import format_number

from .console import print_figures, print_json, print_table, progress_bar, say
from .moment import read_moment

N_SHOWN = 16
EXIT_INCONCLUSIVE = 4


def watch(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop, with data=ht.predictions(...).")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report here.")] = None,
    window: Annotated[str | None, typer.Option(help='Length of a window of quality, such as "7d".')] = None,
    reference_until: Annotated[
        str | None, typer.Option(help="Rows due before this day (ISO 8601) are what the risk is held against.")
    ] = None,
) -> None:
    """Replay the log of a model that is served elsewhere: its true quality over time, and when its risk rose.

    Exit code: 4 where there is not enough data to watch the risk of any version.
    """
    from holdtrue.report import check_targets

    check_targets(report)
    loop = load_loop(loop_file)
    if not isinstance(loop.data, Predictions):
        raise DeclarationError(
            f"{loop.name} declares a table, not the log of a model that is served elsewhere",
            expected="data=ht.predictions(...)",
            remedy=f"holdtrue status {loop_file} shows how good the answers of a loop's own versions were",
        )
    until = None if reference_until is None else read_moment(reference_until, "--reference-until")
    with progress_bar("watching"):
        logged = read_logged(loop.data, folder=loop_file.resolve().parent, task=loop.declared_task)
        result = watch_log(
            loop,
            logged,
            as_of=RealClock().now(),
            window=None if window is None else parse_span(window),
            reference_until=until,
        )
    _give_out(result, report, json=json)
    if not result.has_reference:
        raise typer.Exit(EXIT_INCONCLUSIVE)


def _give_out(result: WatchResult, report: Path | None, *, json: bool) -> None:
    from holdtrue.report import render_watch, write_text

    if report is not None:
        write_text(report, render_watch(result))
    if json:
        print_json(result)
        return
    print_watch(result)
    if report is not None:
        say(f"Report: {report}")


def print_watch(result: WatchResult) -> None:
    """Print the latest windows, the versions and the sentences of a watch."""
    from holdtrue.report import name_loss, tabulate_watched, tell_watch

    shown = result.windows[-N_SHOWN:]
    rows = [
        (f"{w.starts_at:%Y-%m-%d}", f"v{w.version}", w.n_rows, w.n_due, w.n_labelled, *map(_say, _ends_of(w)))
        for w in shown
    ]
    left_out = f" (the last {len(shown)} of {len(result.windows)}; --report shows all)" if rows[N_SHOWN - 1 :] else ""
    columns = ("from", "version", "rows", "due", "labels", name_loss(result.loss_kind.value), "low", "high")
    print_table(f"Windows{left_out}", columns, rows)
    print_figures(tabulate_watched(result))
    for alert in result.alerts:
        end = "" if alert.closed_at is None else f" until {alert.closed_at:%Y-%m-%d}"
        say(f"ALERT from {alert.opened_at:%Y-%m-%d}{end}: {alert.sentence}")
    for sentence in tell_watch(result):
        say(sentence)
    for note in result.notes:
        say(f"note: {note}")


def _ends_of(window: Window) -> tuple[float | None, ...]:
    return window.loss, window.loss_low, window.loss_high


def _say(figure: float | None) -> str:
    return "" if figure is None else format_number(figure)


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(watch)
