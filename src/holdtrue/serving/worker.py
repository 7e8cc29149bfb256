"""Worker: the process that answers requests: `python -m holdtrue.serving.worker --folder .holdtrue --port 8080`."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DRAIN_SECONDS = 10
KEEP_ALIVE_SECONDS = 75
ROLL_SECONDS = 1.0
ROLL_GRACE_SECONDS = 5.0
EXIT_PORT_TAKEN = 5


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """What a worker is told on its command line; `nonce` is empty for one that was started by hand."""

    folder: Path
    host: str
    port: int
    slot: int
    nonce: str


def name_command(options: WorkerOptions) -> list[str]:
    """Return the command that starts a worker. `-P` keeps the user's folder from shadowing modules."""
    return [
        *(sys.executable, "-P", "-m", "holdtrue.serving.worker"),
        *("--folder", str(options.folder), "--host", options.host, "--port", str(options.port)),
        *("--slot", str(options.slot), "--nonce", options.nonce),
    ]


def read_options(arguments: Sequence[str]) -> WorkerOptions:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m holdtrue.serving.worker", description="Answer requests.")
    parser.add_argument("--folder", type=Path, default=Path(".holdtrue"))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--slot", type=int, default=0)
    parser.add_argument("--nonce", default="")
    told = parser.parse_args(arguments)
    return WorkerOptions(folder=told.folder.resolve(), host=told.host, port=told.port, slot=told.slot, nonce=told.nonce)


async def run_worker(options: WorkerOptions) -> None:
    """Load, listen, and answer until SIGTERM; then answer what was accepted.

    Raises:
        PortTaken: another process listens on the port.
    """
    import uvicorn

    from holdtrue.serving.address import Address
    from holdtrue.serving.app import make_app
    from holdtrue.serving.fast.protocol import find_protocol
    from holdtrue.serving.replica import Replica, Seat

    # Only siblings of one supervisor share a port: it has probed the port plainly before it started them.
    listener = Address(options.host, options.port).bind(beside_siblings=bool(options.nonce))
    replica = Replica(options.folder, Seat(slot=options.slot, nonce=options.nonce, owns_process=True))
    config = uvicorn.Config(
        make_app(replica),
        loop="uvloop",
        http=find_protocol(replica.lane) or "httptools",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = uvicorn.Server(config)
    watch = asyncio.create_task(_end_when_off_the_roll(options, server))
    await server.serve(sockets=[listener])
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

    options = read_options(sys.argv[1:] if arguments is None else arguments)
    try:
        uvloop.run(run_worker(options))
    except HoldtrueError as error:
        print(error, file=sys.stderr, flush=True)
        return EXIT_PORT_TAKEN
    return 0


if __name__ == "__main__":
    sys.exit(main())
