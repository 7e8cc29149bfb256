"""Head: the first lines of a request, and whether the request may go the short way."""

from collections.abc import Sequence
from dataclasses import dataclass

from holdtrue.serving.request.body import BODY_LIMIT_BYTES, JSON_TYPE

HEAD_LIMIT_BYTES = 2_048
N_KEPT = 512
# Headers that change what a request means; all others only describe the client.
_MEANINGFUL = frozenset(
    {
        b"content-encoding",
        b"expect",
        b"inference-header-content-length",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_OURS = (b"x-holdtrue-", b"x-request-timeout")


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the short way: the form of its bodies, the loop that it names (None: the only one), its template."""

    form: str
    loop: str | None
    template: str


@dataclass(frozen=True, slots=True)
class Head:
    """A head that was parsed: where the request goes, how many bytes its body has, and who sent it."""

    route: Route
    n_bytes: int
    authorization: str | None = None


def read_route(method: bytes, path: bytes) -> Route | None:
    """Return the route of the short way that a request takes, if it takes one."""
    if method != b"POST" or not path.isascii() or b"%" in path:
        return None
    parts = path.decode("ascii").split("/")
    match parts:
        case ["", "v1", "predict"]:
            return Route("native", None, "/v1/predict")
        case ["", "v1", "predict", str(loop)] if loop:
            return Route("native", loop, "/v1/predict/{loop}")
        case ["", "v2", "models", str(loop), "infer"] if loop:
            return Route("v2", loop, "/v2/models/{loop}/infer")
    return None


def read_length(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """Return how long the body is that these headers (names in lower case) announce; None unless all is plain."""
    length: int | None = None
    has_type = False
    for name, value in headers:
        if name == b"content-length":
            if length is not None or not value.isdigit() or len(value) > len(str(BODY_LIMIT_BYTES)):
                return None
            length = int(value)
        elif name == b"content-type":
            if has_type or value.split(b";")[0].strip().lower() != JSON_TYPE.encode():
                return None
            has_type = True
        elif name == b"connection":
            if value.lower() != b"keep-alive":
                return None
        elif name in _MEANINGFUL or name.startswith(_OURS):
            return None
    return length if has_type and length is not None and 0 < length <= BODY_LIMIT_BYTES else None


def read_authorization(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Return the header of that name; the first one, as the app reads it."""
    found = next((value for name, value in headers if name == b"authorization"), None)
    return None if found is None else found.decode("latin-1")


class Heads:
    """Heads that were parsed before. A client sends the same one again and again; it need not be parsed again."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}
        self.find = self._known.get
        """Returns what a head was found to mean; None for one that is not known."""

    def learn(self, head: bytes, meaning: Head) -> None:
        """Remember a head; when too many are known, begin anew."""
        if len(self._known) >= N_KEPT:
            self._known.clear()
        self._known[head] = meaning
