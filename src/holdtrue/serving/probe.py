"""Probe: asks whoever listens at a front which group of workers it belongs to."""

import http.client
import json
import socket
import ssl

from holdtrue.serving.address import Address
from holdtrue.serving.front import Front

PROBE_SECONDS = 2.0
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class _UnixConnection(http.client.HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PROBE_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PROBE_SECONDS)
        self.sock.connect(self._path)


def ask_nonces(front: Front) -> set[str | None]:
    """Return the nonces that those who listen at the port and at the socket answer with; None for nobody of ours."""
    address = front.address
    connections = [] if address is None else [_connect(address)]
    connections += [] if front.uds is None else [_UnixConnection(front.uds)]
    return {_ask(connection) for connection in connections}


def _ask(connection: http.client.HTTPConnection) -> str | None:
    try:
        connection.request("GET", "/v2/health/ready", headers={"Connection": "close"})
        nonce = json.loads(connection.getresponse().read(1 << 16)).get("nonce")
        return nonce if isinstance(nonce, str) else None
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        return None
    finally:
        connection.close()


def _connect(address: Address) -> http.client.HTTPConnection:
    host = _ANY.get(address.host, address.host)
    if not address.has_tls:
        return http.client.HTTPConnection(host, address.port, timeout=PROBE_SECONDS)
    # The certificate names how clients reach us, not this loopback way; the nonce says that it is our own worker.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, address.port, timeout=PROBE_SECONDS, context=context)
