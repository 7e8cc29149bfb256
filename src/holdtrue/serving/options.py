"""Options: what a worker is told on its command line, written by its supervisor and read back by the worker."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from holdtrue.serving.front import HOST, PORT, Front
from holdtrue.serving.log_format import LogFormat
from holdtrue.serving.unix_socket import MODE, read_mode


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """What a worker is told on its command line; `nonce` is empty for one that was started by hand.

    `uds_fd` is the front's Unix socket as the supervisor has bound it and this process has inherited it.
    """

    folder: Path
    front: Front
    slot: int
    nonce: str
    uds_fd: int | None = None
    log_format: LogFormat = LogFormat.TEXT


def name_command(options: WorkerOptions) -> list[str]:
    """Return the command that starts a worker. `-P` keeps the user's folder from shadowing modules."""
    return [
        *(sys.executable, "-P", "-m", "holdtrue.serving.worker"),
        *("--folder", str(options.folder), *_name_front(options.front)),
        *("--slot", str(options.slot), "--nonce", options.nonce),
        *("--log-format", options.log_format.value),
        *([] if options.uds_fd is None else ["--uds-fd", str(options.uds_fd)]),
    ]


def _name_front(front: Front) -> list[str]:
    said = {
        "--host": front.host,
        "--port": "none" if front.port is None else str(front.port),
        "--uds": front.uds,
        "--uds-mode": None if front.uds is None else f"{front.uds_mode:o}",
        "--grpc-port": None if front.grpc_port is None else str(front.grpc_port),
        "--tls-cert": front.tls_cert,
        "--tls-key": front.tls_key,
    }
    words = [word for name, value in said.items() if value is not None for word in (name, value)]
    return [*words, "--insecure"] if front.is_insecure else words


def read_options(arguments: Sequence[str]) -> WorkerOptions:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m holdtrue.serving.worker", description="Answer requests.")
    parser.add_argument("--folder", type=Path, default=Path(".holdtrue"))
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=_read_port, default=PORT)
    parser.add_argument("--uds")
    parser.add_argument("--uds-mode", type=read_mode, default=MODE)
    parser.add_argument("--uds-fd", type=int)
    parser.add_argument("--grpc-port", type=int)
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--insecure", action="store_true")
    parser.add_argument("--log-format", type=LogFormat, choices=list(LogFormat), default=LogFormat.TEXT)
    parser.add_argument("--slot", type=int, default=0)
    parser.add_argument("--nonce", default="")
    told = parser.parse_args(arguments)
    front = Front(
        host=told.host,
        port=told.port,
        uds=told.uds,
        uds_mode=told.uds_mode,
        grpc_port=told.grpc_port,
        tls_cert=told.tls_cert,
        tls_key=told.tls_key,
        is_insecure=told.insecure,
    )
    return WorkerOptions(
        folder=told.folder.resolve(),
        front=front,
        slot=told.slot,
        nonce=told.nonce,
        uds_fd=told.uds_fd,
        log_format=told.log_format,
    )


def _read_port(text: str) -> int | None:
    return None if text == "none" else int(text)
