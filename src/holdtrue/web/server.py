"""Server: the page on a port of the loopback, in a thread beside the loop."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from holdtrue.errors import PortTaken
from holdtrue.web.app import make_app
from holdtrue.web.guard import LOOPBACK
from holdtrue.web.view import ProjectView

_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class PageServer:
    """The running page; `url` is its address."""

    url: str


@contextmanager
def start_page(view: ProjectView, *, host: str = "127.0.0.1", port: int = 8787) -> Iterator[PageServer]:
    """Show the page while the block runs.

    Args:
        view: where its facts come from; it is called from other threads.
        host: the address to listen on; another than the loopback lets others in, who need no password.
        port: the port; 0 for any that is free.

    Raises:
        PortTaken: another process listens there.
    """
    bound = _bind(host, port)
    shown_port = int(bound.getsockname()[1])
    app = make_app(view, hosts=LOOPBACK | {host})
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="holdtrue-page", daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield PageServer(f"http://[{host}]:{shown_port}" if ":" in host else f"http://{host}:{shown_port}")
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_SECONDS)
        bound.close()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)


def _bind(host: str, port: int) -> socket.socket:
    # A plain bind, without SO_REUSEPORT: that would succeed in silence beside a stranger.
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise PortTaken(
            f"the page cannot listen on {host}:{port} ({error.strerror})",
            expected="a port that nobody listens on",
            remedy="choose another one with --page-port",
        ) from error
    return bound
