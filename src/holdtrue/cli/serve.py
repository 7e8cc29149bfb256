"""serve: answer requests. Imports little: a server must be there at once."""

import signal
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from holdtrue.domain import Durability, LogPolicy
from holdtrue.errors import DeclarationError, NotFound, StoreFailed
from holdtrue.project import FOLDER, read_settings, serving_lock
from holdtrue.serving import (
    Front,
    LogFormat,
    LogKeeper,
    read_cloud,
    read_traffic_file,
    start_workers,
    write_policy_file,
    write_traffic_file,
)
from holdtrue.store import Store, is_kept

from .console import say

HOST, PORT = "127.0.0.1", 8080
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
    if not is_kept(home):
        raise NotFound(f"{folder} holds no project", remedy="holdtrue train loop.py")
    policy = read_policy(folder, durability)
    with serving_lock(home):
        _answer(home, front, policy=policy, n_workers=workers, log_format=log_format)


def _answer(home: Path, front: Front, *, policy: LogPolicy, n_workers: int, log_format: LogFormat) -> None:
    """Keep workers answering until a signal comes."""
    stop, keeper, copier = stop_on_signals(), LogKeeper(home), TrafficCopier(home)
    copier.copy()
    write_policy_file(home, policy)
    running = start_workers(home, front=front, n_workers=n_workers, log_format=log_format)
    try:
        running.wait_until_ready()
        beside = "" if front.grpc_port is None else f", and gRPC on port {running.front.grpc_port}"
        say(f"Answering on {running.url}{beside}")
        while not stop.is_set():
            copier.copy()
            running.tend()
            keeper.tend()
            time.sleep(0.25)
    finally:
        keeper.stop()
        running.stop()
        copier.close()


class TrafficCopier:
    """Copies the wanted traffic for the workers; while the database is away, the last copy stands."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._store: Store | None = None
        self._problem = ""

    def copy(self) -> None:
        """Copy once; a problem is said once, and raised when there is no copy yet."""
        try:
            if self._store is None:
                self._store = Store.open(self._home, reconnect_seconds=0.0)  # the workers must be tended meanwhile
            write_traffic_file(self._store)
        except StoreFailed as problem:
            if read_traffic_file(self._home) is None:
                raise
            if str(problem) != self._problem:
                say(f"The traffic stays as it was: {problem}")
            self._problem = str(problem)
        else:
            self._problem = ""

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()


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


def read_policy(folder: Path, durability: Durability | None) -> LogPolicy:
    """Return how the log is kept, as the folder's settings declare it and an option overrides it."""
    policy = read_settings(folder).log
    return policy if durability is None else replace(policy, durability=durability)


def stop_on_signals() -> threading.Event:
    """Return an event that is set when the process is asked to end."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):
            signal.signal(number, lambda *_: stop.set())
    return stop


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(serve)
