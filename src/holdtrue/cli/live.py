"""up: answer requests, and keep the loop true while doing so."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from holdtrue.domain import Durability, Predictions
from holdtrue.errors import DeclarationError, NotFound
from holdtrue.loop import HoldRollout, Move, load_loop
from holdtrue.project import Live, StoredView, WatchedProject, hold_up, open_project

from .console import say
from .serve import PORT, N_Workers, Safety, read_policy, stop_on_signals

Port = Annotated[int, typer.Option(help="Where predictions and labels are answered.")]
LOOK_SECONDS = 5.0


def up(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")],
    port: Port = PORT,
    page_port: Annotated[int, typer.Option(help="Where the page is shown.")] = 8787,
    workers: N_Workers = 1,
    durability: Safety = None,
) -> None:
    """Train if need be, serve, watch, retrain and roll out, with one page that shows it. Ctrl-C ends it.

    A loop with data=ht.predictions(...) has the page alone: its log is read again as it grows.
    """
    from holdtrue.web import start_page

    stop, loop = stop_on_signals(), load_loop(loop_file)
    if isinstance(loop.data, Predictions):
        _refuse_serving(port, workers, durability)
        _show_watched(WatchedProject(loop=loop, folder=loop_file.resolve().parent), page_port, stop)
        return
    with open_project(loop_file, loop=loop) as project, hold_up(project):
        policy = read_policy(project.folder, durability)
        live = Live(project=project, port=port, n_workers=workers, log=policy, on_move=_tell_move, on_problem=say)
        say("Starting ...")
        live.start()
        if not live.has_champion and not live.is_waiting:
            live.stop()
            raise NotFound(
                "no version has passed its checks, so there is nothing to serve",
                remedy=f"holdtrue train {loop_file} shows the verdicts"
                if project.loop.trains
                else f"holdtrue register {loop_file} MODEL brings one of your own",
            )
        try:
            url = live.workers.url if live.workers is not None else ""
            with start_page(StoredView(project=project, predict_url=url), port=page_port) as page:
                waiting = " as soon as a first version is in charge" if live.is_waiting else ""
                say(f"Answering on {url}{waiting}; the page is {page.url}")
                live.run(stop.is_set)
        finally:
            live.stop()


def _refuse_serving(port: int, workers: int, durability: Durability | None) -> None:
    """Refuse options of a server where there is none: whoever gave them thinks that something answers."""
    given = {"--port": port != PORT, "--workers": workers != 1, "--durability": durability is not None}
    names = [name for name, is_given in given.items() if is_given]
    if names:
        raise DeclarationError(
            f"{', '.join(names)} given for a loop that is served elsewhere, and only watched here",
            expected="--page-port alone",
        )


def _show_watched(watched: WatchedProject, page_port: int, stop: threading.Event) -> None:
    """Show the page of a loop that only watches, and read its log again as it grows."""
    from holdtrue.web import start_page

    opened = watched.look()
    with start_page(watched, port=page_port) as page:
        say(f"Watching {watched.loop.name}, which is served elsewhere; the page is {page.url}")
        while True:
            for alert in opened:
                say(f"ALERT from {alert.opened_at:%Y-%m-%d}: {alert.sentence}")
            if stop.wait(LOOK_SECONDS):
                return
            opened = watched.look()


def _tell_move(move: Move) -> None:
    if not isinstance(move, HoldRollout):
        said = getattr(move, "sentence", "") or getattr(move, "reason", "")
        say(f"{type(move).__name__}: {said}")


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(up)
