"""serve and up: answer requests; keep the loop true while doing so."""

import signal
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from holdtrue.domain import Durability, LogPolicy, Predictions
from holdtrue.errors import DeclarationError, NotFound
from holdtrue.loop import HoldRollout, Move, load_loop
from holdtrue.project import FOLDER, Live, StoredView, WatchedProject, control_lock, open_project, read_settings
from holdtrue.serving import (
    Front,
    LogFormat,
    LogKeeper,
    read_cloud,
    start_workers,
    write_policy_file,
    write_traffic_file,
)
from holdtrue.store import Store

from .console import say

HOST, PORT = "127.0.0.1", 8080
Port = Annotated[int, typer.Option(help="Where predictions and labels are answered.")]
LOOK_SECONDS = 5.0
N_Workers = Annotated[int, typer.Option("--workers", help="How many processes answer.")]
ServePort = Annotated[
    int | None, typer.Option("--port", help="The port; else AIP_HTTP_PORT, PORT or 8080, unless there is --uds.")
]
Uds = Annotated[Path | None, typer.Option(help="A Unix socket to listen on, instead of a port or beside it.")]
UdsMode = Annotated[str, typer.Option(help="The mode of its file: who on this machine may connect.")]
GrpcPort = Annotated[int | None, typer.Option(help="The port of gRPC, if it is to be answered too.")]
Host = Annotated[str, typer.Option(help="The address to listen on; beyond this machine it needs tokens.")]
TlsCert = Annotated[Path | None, typer.Option(help="The certificate chain for TLS, PEM.")]
TlsKey = Annotated[Path | None, typer.Option(help="The private key for TLS, PEM.")]
AsFormat = Annotated[LogFormat, typer.Option("--log-format", help="How the workers write .holdtrue/run/worker-N.log.")]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Let tokens and answers travel unencrypted beyond this machine.")
]
Safety = Annotated[
    Durability | None,
    typer.Option("--durability", help="What a logged row outlives before its answer leaves; else as declared."),
]


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

    stop, loop = _stop_on_signals(), load_loop(loop_file)
    if isinstance(loop.data, Predictions):
        _show_watched(WatchedProject(loop=loop, folder=loop_file.resolve().parent), page_port, stop)
        return
    with open_project(loop_file, loop=loop) as project, control_lock(project.store.folder):
        policy = _read_policy(project.folder, durability)
        live = Live(project=project, port=port, n_workers=workers, log=policy, on_move=_tell_move)
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


def serve(
    folder: Annotated[Path, typer.Option(help="The project's folder.")] = Path(),
    port: ServePort = None,
    workers: N_Workers = 1,
    durability: Safety = None,
    uds: Uds = None,
    uds_mode: UdsMode = "600",
    grpc_port: GrpcPort = None,
    host: Host = HOST,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    insecure: Insecure = False,
    log_format: AsFormat = LogFormat.TEXT,
) -> None:
    """Answer predictions and labels of every loop of a project, as its traffic says. Ctrl-C ends it."""
    front = Front(
        host=host,
        port=read_cloud().port if port is None and uds is None else port,
        uds=_spell(uds),
        uds_mode=_read_mode(uds_mode),
        grpc_port=grpc_port,
        tls_cert=_spell(tls_cert),
        tls_key=_spell(tls_key),
        is_insecure=insecure,
    )
    home = folder / FOLDER
    if not (home / "holdtrue.db").exists():
        raise NotFound(f"{folder} holds no project", remedy="holdtrue train loop.py")
    _answer(home, front, policy=_read_policy(folder, durability), n_workers=workers, log_format=log_format)


def _answer(home: Path, front: Front, *, policy: LogPolicy, n_workers: int, log_format: LogFormat) -> None:
    """Keep workers answering until a signal comes."""
    stop, keeper = _stop_on_signals(), LogKeeper(home)
    with Store.open(home) as store:
        write_traffic_file(store)
        write_policy_file(home, policy)
        running = start_workers(home, front=front, n_workers=n_workers, log_format=log_format)
        try:
            running.wait_until_ready()
            beside = "" if front.grpc_port is None else f", and gRPC on port {running.front.grpc_port}"
            say(f"Answering on {running.url}{beside}")
            while not stop.is_set():
                write_traffic_file(store)
                running.tend()
                keeper.tend()
                time.sleep(0.25)
        finally:
            keeper.stop()
            running.stop()


def _spell(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())


def _read_mode(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise DeclarationError(f"--uds-mode is {text[:20]!r}", expected="a mode as chmod writes it, such as 660")
    return mode


def _read_policy(folder: Path, durability: Durability | None) -> LogPolicy:
    policy = read_settings(folder).log
    return policy if durability is None else replace(policy, durability=durability)


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
