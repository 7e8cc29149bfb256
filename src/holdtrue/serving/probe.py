"""Probe: asks whoever listens at a front which group of workers it belongs to."""

import http.client
import json
import ssl

from holdtrue.serving.front import Front

PROBE_SECONDS = 2.0
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def ask_nonce(front: Front) -> str | None:
    """Return the nonce that whoever listens there answers with; None when nobody of ours does."""
    connection = _connect(front)
    try:
        connection.request("GET", "/v2/health/ready", headers={"Connection": "close"})
        nonce = json.loads(connection.getresponse().read(1 << 16)).get("nonce")
        return nonce if isinstance(nonce, str) else None
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        return None
    finally:
        connection.close()


def _connect(front: Front) -> http.client.HTTPConnection:
    host = _ANY.get(front.host, front.host)
    if not front.has_tls:
        return http.client.HTTPConnection(host, front.port, timeout=PROBE_SECONDS)
    # The certificate names how clients reach us, not this loopback way; the nonce says that it is our own worker.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, front.port, timeout=PROBE_SECONDS, context=context)
