"""Server: the port of gRPC, opened when a worker can answer and drained before it ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from holdtrue.errors import PortTaken
from holdtrue.serving.address import Address
from holdtrue.serving.front import Front
from holdtrue.serving.grpc.service import make_handler
from holdtrue.serving.replica import Replica
from holdtrue.serving.request.body import BODY_LIMIT_BYTES

DRAIN_SECONDS = 4.0


@asynccontextmanager
async def serve_grpc(replica: Replica, front: Front, address: Address, *, beside_siblings: bool) -> AsyncIterator[int]:
    """Serve gRPC while the block runs; yield the port. On leaving, calls under way are answered and new ones refused.

    Args:
        replica: what answers.
        front: says whether connections are encrypted, and by which files.
        address: where to listen; port 0 for any free one.
        beside_siblings: whether other workers share the port; the kernel shares the connections out.

    Raises:
        PortTaken: another process listens there.
    """
    options = [("grpc.so_reuseport", int(beside_siblings)), ("grpc.max_receive_message_length", BODY_LIMIT_BYTES)]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((make_handler(replica),))
    host = f"[{address.host}]" if ":" in address.host else address.host
    try:
        port = _open(server, f"{host}:{address.port}", front)
    except RuntimeError as error:
        raise PortTaken(
            f"nobody can listen on {address.host}:{address.port} for gRPC ({error})",
            expected="a port that nobody listens on",
            remedy="stop that process, or choose another port with --grpc-port",
        ) from None
    await server.start()
    try:
        yield port
    finally:
        await server.stop(DRAIN_SECONDS)


def _open(server: grpc.aio.Server, place: str, front: Front) -> int:
    if front.tls_cert is None or front.tls_key is None:
        return int(server.add_insecure_port(place))
    pair = (Path(front.tls_key).read_bytes(), Path(front.tls_cert).read_bytes())
    return int(server.add_secure_port(place, grpc.ssl_server_credentials([pair])))
