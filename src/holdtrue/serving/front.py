"""Front: where a group of workers listens, and what shields it there."""

import ssl
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from holdtrue.errors import DeclarationError
from holdtrue.serving.access.token_file import list_tokens
from holdtrue.serving.address import Address
from holdtrue.serving.unix_socket import MODE

HOST = "127.0.0.1"
PORT = 8080


@dataclass(frozen=True, kw_only=True)
class Front:
    """Where workers listen.

    Attributes:
        host: the address of the port.
        port: the port of HTTP; 0 for any free one, None for none.
        uds: path of a Unix socket, beside the port or instead of it.
        uds_mode: the mode of its file, which says who on this machine may connect.
        grpc_port: the port of gRPC on the same host; 0 for any free one, None for none.
        tls_cert: path of the certificate chain (PEM) for TLS; with it goes `tls_key`.
        tls_key: path of the private key (PEM, without a passphrase).
        is_insecure: whether tokens and answers may travel unencrypted beyond this machine.
    """

    host: str = HOST
    port: int | None = PORT
    uds: str | None = None
    uds_mode: int = MODE
    grpc_port: int | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    is_insecure: bool = False

    @property
    def address(self) -> Address | None:
        """Return the address of the port; None without one."""
        return None if self.port is None else Address(self.host, self.port, has_tls=self.has_tls)

    @property
    def grpc_address(self) -> Address | None:
        """Return the address of gRPC; None without it."""
        return None if self.grpc_port is None else Address(self.host, self.grpc_port, has_tls=self.has_tls)

    @property
    def url(self) -> str:
        """Return where clients reach it; the port, if there is one."""
        return f"unix:{self.uds}" if self.address is None else self.address.url

    @property
    def has_tls(self) -> bool:
        """Say whether connections to the port are encrypted."""
        return self.tls_cert is not None

    @property
    def is_exposed(self) -> bool:
        """Say whether others than this machine can reach a port."""
        return any(not each.is_loopback for each in (self.address, self.grpc_address) if each is not None)

    def settle(self) -> "Front":
        """Probe the ports plainly, and return the front with free ports for port 0. Raises as `Address.settle` does."""
        return replace(self, port=_settle(self.address), grpc_port=_settle(self.grpc_address))

    def is_met_by(self, found: "Front") -> bool:
        """Say whether workers that listen at the found front listen as this one wants; port 0 is met by any port.

        A Unix socket is never met: the next supervisor has no hold on the one that its workers have inherited.
        """
        if self.uds is not None:
            return False
        port = found.port if self.port == 0 and found.port else self.port
        grpc_port = found.grpc_port if self.grpc_port == 0 and found.grpc_port else self.grpc_port
        return found == replace(self, port=port, grpc_port=grpc_port)

    def check(self, folder: Path) -> None:
        """Refuse what would open a project to others without a word, and files of TLS that cannot be used.

        Args:
            folder: the `.holdtrue` folder.

        Raises:
            DeclarationError: beyond loopback there is no token yet, or neither TLS nor `is_insecure`.
            StoreFailed: the token file cannot be read.
        """
        if (self.tls_cert is None) != (self.tls_key is None):
            raise DeclarationError(
                "TLS has a certificate or a key, and not both",
                expected="the files of both",
                remedy="give --tls-cert and --tls-key",
            )
        if self.port is None and self.uds is None:
            raise DeclarationError("there is neither a port nor a socket", expected="one of them, or both")
        if self.has_tls and self.uds is not None:
            raise DeclarationError(
                "TLS is for the port, and the socket would want it too",
                expected="TLS, or a Unix socket, which never leaves this machine",
                remedy="run one server for each",
            )
        if self.grpc_port is not None and find_spec("grpc") is None:
            raise DeclarationError(
                "gRPC is wanted, and its library is not installed", remedy="pip install 'holdtrue[grpc]'"
            )
        self._check_files()
        self._check_exposure(folder)

    def _check_exposure(self, folder: Path) -> None:
        if not self.is_exposed:
            return
        if not self.has_tls and not self.is_insecure:
            raise DeclarationError(
                f"others than this machine can reach {self.host}, and tokens and answers would travel unencrypted",
                expected="TLS, or your word that something in front of this server encrypts",
                remedy="give --tls-cert and --tls-key, or --insecure",
            )
        if not list_tokens(folder):
            raise DeclarationError(
                f"others than this machine can reach {self.host}, and there is no token that they could be asked for",
                expected="at least one token",
                remedy="holdtrue token create --role predict --name NAME",
            )

    def _check_files(self) -> None:
        if self.tls_cert is None or self.tls_key is None:
            return
        try:
            # Without a word for the passphrase, OpenSSL would ask the terminal for it, and a server has none.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.tls_cert, self.tls_key, password=lambda: "")
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise DeclarationError(
                f"TLS cannot be set up from {self.tls_cert} and {self.tls_key} ({error})",
                expected="a certificate chain and its private key without a passphrase, both PEM",
            ) from None


def _settle(address: Address | None) -> int | None:
    return None if address is None else address.settle().port
