"""Worker: the process that answers requests: `python -m holdtrue.serving.worker --folder .holdtrue --port 8080`."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from holdtrue.serving.options import WorkerOptions, read_options
from holdtrue.serving.unix_socket import bind_unix

if TYPE_CHECKING:
    from holdtrue.serving.replica import Replica

DRAIN_SECONDS = 10
KEEP_ALIVE_SECONDS = 75
ROLL_SECONDS = 1.0
ROLL_GRACE_SECONDS = 5.0
EXIT_PORT_TAKEN = 5


def _listen(options: WorkerOptions) -> list[socket.socket]:
    """Bind the port and take the Unix socket, whichever the front has."""
    front, listeners = options.front, []
    if front.address is not None:
        # Only siblings of one supervisor share a port: it has probed the port plainly before it started them.
        listeners.append(front.address.bind(beside_siblings=bool(options.nonce)))
    if options.uds_fd is not None:
        listeners.append(socket.socket(fileno=options.uds_fd))
    elif front.uds is not None:
        listeners.append(bind_unix(Path(front.uds), mode=front.uds_mode))
    return listeners


@asynccontextmanager
async def _serve_beside(replica: "Replica", options: WorkerOptions) -> AsyncIterator[None]:
    """Serve gRPC beside HTTP, where the front has a port for it."""
    address = options.front.grpc_address
    if address is None:
        yield
        return
    from holdtrue.serving.grpc.server import serve_grpc

    async with serve_grpc(replica, options.front, address, beside_siblings=bool(options.nonce)):
        yield


async def run_worker(options: WorkerOptions) -> None:
    """Load, listen, and answer until SIGTERM; then answer what was accepted.

    Raises:
        PortTaken: another process listens on the port.
        DeclarationError: the front would open the project to others without tokens or encryption.
    """
    import uvicorn

    from holdtrue.serving.app import make_app
    from holdtrue.serving.fast.protocol import find_protocol
    from holdtrue.serving.log_format import log_event
    from holdtrue.serving.replica import Replica, Seat
    from holdtrue.serving.trace import find_tracing

    front = options.front
    if not options.nonce:  # else the supervisor has; a worker that it replaces later must not depend on tokens left
        front.check(options.folder)
    listeners = _listen(options)
    seat = Seat(slot=options.slot, nonce=options.nonce, owns_process=True, is_exposed=front.is_exposed)
    tracing = find_tracing()
    replica = Replica(options.folder, seat, tracing=tracing)
    # The short way opens no spans; the waits for heads and bodies are those of its protocol all the same.
    short = find_protocol(replica.lane, replica.gate, is_short=tracing is None)
    if short is None:
        log_event("problem", {"said": "this uvicorn is not the one that the short way was made for; it is not taken"})
    config = uvicorn.Config(
        make_app(replica, beside=partial(_serve_beside, replica, options)),
        loop="uvloop",
        http=short or "httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",  # a warning for each malformed request would let a stranger fill the disk
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_certfile=front.tls_cert,
        ssl_keyfile=front.tls_key,
    )
    server = uvicorn.Server(config)
    watch = asyncio.create_task(_end_when_off_the_roll(options, server))
    await server.serve(sockets=listeners)
    watch.cancel()


async def _end_when_off_the_roll(options: WorkerOptions, server: object) -> None:
    """End a worker that its supervisor does not know: one that it replaced, or was killed before it could note."""
    if not options.nonce:
        return
    from holdtrue.serving.roll import read_roll

    await asyncio.sleep(ROLL_GRACE_SECONDS)
    while True:
        roll = read_roll(options.folder / "run")
        if roll is not None and all(worker.pid != os.getpid() for worker in roll.workers):
            os.kill(os.getpid(), signal.SIGTERM)
            return
        await asyncio.sleep(ROLL_SECONDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker from its command line; return its exit code."""
    import uvloop

    from holdtrue.errors import HoldtrueError
    from holdtrue.serving.log_format import log_event, start_log

    options = read_options(sys.argv[1:] if arguments is None else arguments)
    start_log(options.log_format, slot=options.slot)
    try:
        uvloop.run(run_worker(options))
    except HoldtrueError as error:
        log_event("refused_to_start", {"why": str(error)}, level=logging.ERROR)
        return EXIT_PORT_TAKEN
    return 0


if __name__ == "__main__":
    sys.exit(main())
