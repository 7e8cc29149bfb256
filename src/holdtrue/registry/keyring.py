"""Keyring: the ed25519 key of a project, made on first use and readable by its owner alone."""

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from holdtrue.errors import FormatRefused, StoreFailed

KEY_FILE = "release.ed25519"
KEY_BYTES = 32


@dataclass(frozen=True)
class Keyring:
    """Signs what is released, and tells whether a signature is this project's own."""

    private: Ed25519PrivateKey

    @classmethod
    def open(cls, folder: Path) -> "Keyring":
        """Open the key in a folder; make it when there is none. Two processes that make it at once get the same one.

        Raises:
            StoreFailed: the key cannot be read or written, or is damaged.
        """
        path = folder / KEY_FILE
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists():
                _make_key(path)
            raw = path.read_bytes()
        except OSError as error:
            raise StoreFailed(f"the signing key {path} cannot be kept ({error.strerror})") from error
        if len(raw) != KEY_BYTES:
            raise StoreFailed(
                f"the signing key {path} holds {len(raw)} bytes",
                expected=f"{KEY_BYTES}",
                remedy="bring it back from a backup; a new key makes all releases unverifiable",
            )
        return cls(Ed25519PrivateKey.from_private_bytes(raw))

    @property
    def public(self) -> Ed25519PublicKey:
        """Return the public half."""
        return self.private.public_key()

    def sign(self, document: bytes) -> str:
        """Return the signature of a document, as 128 hex digits."""
        return self.private.sign(document).hex()

    def verify(self, document: bytes, signature_hex: str) -> None:
        """Raise FormatRefused unless the signature of the document is this project's own."""
        try:
            self.public.verify(bytes.fromhex(signature_hex), document)
        except (InvalidSignature, ValueError) as error:
            raise FormatRefused(
                "a release carries a signature that this project's key did not make",
                expected="a release as it was published",
                remedy="train again, or bring the project's key back from a backup",
            ) from error


def _make_key(path: Path) -> None:
    raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails when another process was first, where a rename would replace its key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
