"""Cloud: what the platform that runs a container asks for by environment variables; the only place that reads them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from holdtrue.errors import DeclarationError

DEFAULT_PORT = 8080
_PORTS = ("AIP_HTTP_PORT", "PORT")
_HEALTH_ROUTE = "AIP_HEALTH_ROUTE"
_PREDICT_ROUTE = "AIP_PREDICT_ROUTE"


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """What a platform asks for.

    Attributes:
        port: where to listen: `AIP_HTTP_PORT` (Vertex AI), else `PORT` (Cloud Run and others), else 8080.
        health_route: the path that it asks for health, `AIP_HEALTH_ROUTE`; None for none of its own.
        predict_route: the path that it sends instances to, `AIP_PREDICT_ROUTE`; None for none of its own.
    """

    port: int = DEFAULT_PORT
    health_route: str | None = None
    predict_route: str | None = None


def read_cloud(environment: Mapping[str, str] | None = None) -> Cloud:
    """Read what the platform asks for; by default from the environment of this process. An empty variable says nothing.

    Raises:
        DeclarationError: a variable holds no port, or no path.
    """
    said = os.environ if environment is None else environment
    name = next((name for name in _PORTS if said.get(name)), None)
    return Cloud(
        port=DEFAULT_PORT if name is None else _read_port(name, said[name]),
        health_route=_read_route(_HEALTH_ROUTE, said.get(_HEALTH_ROUTE, "")),
        predict_route=_read_route(_PREDICT_ROUTE, said.get(_PREDICT_ROUTE, "")),
    )


def _read_port(name: str, text: str) -> int:
    port = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else 0
    if not 0 < port < 1 << 16:
        raise DeclarationError(
            f"the environment variable {name} is {text!r}", expected="a port from 1 to 65535", remedy=f"unset {name}"
        )
    return port


def _read_route(name: str, text: str) -> str | None:
    if not text:
        return None
    if not text.startswith("/") or not text.isascii() or set(text) & set("{}?# "):
        raise DeclarationError(
            f"the environment variable {name} is {text!r}",
            expected="the path of a URL, such as /predict",
            remedy=f"unset {name}",
        )
    return text
