"""serve and up: answer requests; keep the loop true while doing so."""

import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from holdtrue.errors import NotFound
from holdtrue.loop import HoldRollout, Move
from holdtrue.project import FOLDER, Live, StoredView, control_lock, open_project
from holdtrue.serving import read_cloud, start_workers, write_traffic_file
from holdtrue.store import Store

from .console import say

Port = Annotated[int, typer.Option(help="Where predictions and labels are answered.")]
N_Workers = Annotated[int, typer.Option("--workers", help="How many processes answer.")]


def up(
    loop_file: Annotated[Path, typer.Argument(help="The file that declares the loop.")],
    port: Port = 8080,
    page_port: Annotated[int, typer.Option(help="Where the page is shown.")] = 8787,
    workers: N_Workers = 1,
) -> None:
    """Train if need be, serve, watch, retrain and roll out, with one page that shows it. Ctrl-C ends it."""
    from holdtrue.web import start_page

    stop = _stop_on_signals()
    with open_project(loop_file) as project, control_lock(project.store.folder):
        live = Live(project=project, port=port, n_workers=workers, on_move=_tell_move)
        say("Starting ...")
        live.start()
        if not live.has_champion:
            live.stop()
            raise NotFound(
                "no version has passed its checks, so there is nothing to serve",
                remedy=f"holdtrue train {loop_file} shows the verdicts"
                if project.loop.train is not None
                else f"holdtrue register {loop_file} MODEL brings one of your own",
            )
        try:
            url = live.workers.url if live.workers is not None else ""
            with start_page(StoredView(project=project, predict_url=url), port=page_port) as page:
                say(f"Answering on {url}; the page is {page.url}")
                live.run(stop.is_set)
        finally:
            live.stop()


def serve(
    folder: Annotated[Path, typer.Option(help="The project's folder.")] = Path(),
    port: Annotated[
        int | None, typer.Option(help="Where predictions and labels are answered; else AIP_HTTP_PORT, PORT or 8080.")
    ] = None,
    workers: N_Workers = 1,
) -> None:
    """Answer predictions and labels of every loop of a project, as its traffic says. Ctrl-C ends it."""
    stop = _stop_on_signals()
    home, cloud = folder / FOLDER, read_cloud()
    if not (home / "holdtrue.db").exists():
        raise NotFound(f"{folder} holds no project", remedy="holdtrue train loop.py")
    with Store.open(home) as store:
        write_traffic_file(store)
        running = start_workers(home, port=cloud.port if port is None else port, n_workers=workers)
        try:
            running.wait_until_ready()
            say(f"Answering on {running.url}")
            while not stop.is_set():
                write_traffic_file(store)
                running.tend()
                time.sleep(0.25)
        finally:
            running.stop()


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):
            signal.signal(number, lambda *_: stop.set())
    return stop


def _tell_move(move: Move) -> None:
    if not isinstance(move, HoldRollout):
        said = getattr(move, "sentence", "") or getattr(move, "reason", "")
        say(f"{type(move).__name__}: {said}")


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(up)
    app.command()(serve)
