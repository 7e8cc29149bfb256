"""Address: where workers listen; binding it alone, or beside siblings of the same supervisor."""

import errno
import socket
from dataclasses import dataclass, replace
from ipaddress import ip_address

from holdtrue.errors import DeclarationError, PortTaken


@dataclass(frozen=True)
class Address:
    """A host and a port. Port 0 stands for any free one, see `settle`."""

    host: str
    port: int
    has_tls: bool = False

    @property
    def url(self) -> str:
        """Return the address as people and clients write it."""
        scheme = "https" if self.has_tls else "http"
        return f"{scheme}://[{self.host}]:{self.port}" if ":" in self.host else f"{scheme}://{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Say whether this machine alone can reach the address. A name is one only if all that it stands for is."""
        try:
            found = socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
            return bool(found) and all(ip_address(str(address[0])).is_loopback for *_, address in found)
        except (OSError, ValueError):
            return False

    def settle(self) -> "Address":
        """Probe the address plainly: return it, with a free port for port 0.

        A plain bind is refused when anyone listens there. With SO_REUSEPORT the same bind would succeed in silence, and
        the kernel would share our clients with a stranger.

        Raises:
            PortTaken: another process listens there.
            DeclarationError: the host is no address of this machine, or the port may not be used.
        """
        with self.bind(beside_siblings=False) as probe:
            return replace(self, port=int(probe.getsockname()[1]))

    def bind(self, *, beside_siblings: bool) -> socket.socket:
        """Bind a socket that does not listen yet; beside siblings the kernel shares the connections out.

        Raises:
            PortTaken: another process listens there.
            DeclarationError: the host is no address of this machine, or the port may not be used.
        """
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
        except (socket.gaierror, OverflowError, UnicodeError) as error:
            raise self._refuse(str(error)) from None
        bound = socket.socket(family, kind, protocol)
        try:
            # Lets us bind while connections of the last server linger; a listening socket still refuses us.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if beside_siblings:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound.bind(address)
        except OSError as error:
            bound.close()
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(
                    f"another process listens on {self.host}:{self.port}",
                    expected="a port that nobody listens on",
                    remedy="stop that process, or choose another port with --port",
                ) from None
            raise self._refuse(error.strerror or str(error)) from None
        bound.set_inheritable(False)
        return bound

    def _refuse(self, reason: str) -> DeclarationError:
        return DeclarationError(
            f"nobody can listen on {self.host}:{self.port} here ({reason})",
            expected="an address of this machine and a port from 1024 to 65535",
        )
