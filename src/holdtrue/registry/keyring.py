"""Keyring: the ed25519 key that signs releases here, and the public keys whose releases are believed."""

import os
import stat
import uuid
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from holdtrue.errors import StoreFailed

KEY_FILE = "release.key"
PUBLIC_FILE = "release.pub"

_PURPOSE = b"holdtrue release v1\n"  # so that no signature of ours can be passed off as one of another thing


class Keyring:
    """A folder of keys: `release.key` signs, every `*.pub` is believed. Each holds 32 bytes as 64 hex digits.

    The key is made when something is signed for the first time, so a server that only reads never makes one. To believe
    the releases of another place, put its `release.pub` into the folder under another name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def open(cls, folder: Path) -> "Keyring":
        """Return the keyring of a folder, which need not be there yet."""
        return cls(folder)

    def sign(self, document: bytes) -> str:
        """Return the signature of a document, 128 hex digits; makes the key if there is none.

        Raises:
            StoreFailed: the key cannot be read or made, or others than its owner can read it.
        """
        return self._read_key().sign(_PURPOSE + document).hex()

    def verify(self, document: bytes, signature_hex: str) -> None:
        """Return when a believed key has signed exactly this document.

        Raises:
            StoreFailed: none has, or there is no key to check with.
        """
        try:
            signature = bytes.fromhex(signature_hex)
        except ValueError as error:
            raise _broken(f"the signature {signature_hex[:16]!r} is no hex number") from error
        keys = self._believed()
        for key in keys:
            try:
                key.verify(signature, _PURPOSE + document)
            except InvalidSignature:
                continue
            return
        raise _broken(
            f"none of the {len(keys)} public keys in {self.folder} has signed this document"
            if keys
            else f"there is no public key in {self.folder} to check a signature with"
        )

    def has_signed(self, document: bytes, signature_hex: str) -> bool:
        """Say whether this place's own key has signed a document, not another that is believed.

        It is that of `release.key`; where only `release.pub` is, as beside a server that signs nothing, it is that one.
        """
        public = self.folder / PUBLIC_FILE
        if (self.folder / KEY_FILE).exists():
            own = self._read_key().public_key()
        elif public.is_file():
            own = Ed25519PublicKey.from_public_bytes(_read_hex(public))
        else:
            return False
        try:
            own.verify(bytes.fromhex(signature_hex), _PURPOSE + document)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _believed(self) -> list[Ed25519PublicKey]:
        return [
            Ed25519PublicKey.from_public_bytes(_read_hex(path))
            for path in sorted(self.folder.glob("*.pub"))
            if path.is_file()
        ]

    def _read_key(self) -> Ed25519PrivateKey:
        path = self.folder / KEY_FILE
        if not path.exists():
            self._make_key(path)
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise StoreFailed(
                f"others than its owner can read the private key {path} (mode {mode:o})",
                expected="mode 600",
                remedy=f"chmod 600 {path}, and make a new key if someone may have read it",
            )
        key = Ed25519PrivateKey.from_private_bytes(_read_hex(path))
        public = self.folder / PUBLIC_FILE
        if not public.exists():  # also when an earlier process died between the two files
            _write_first(public, key.public_key().public_bytes_raw(), mode=0o644)
        return key

    def _make_key(self, path: Path) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _refused(self.folder, error) from error
        _write_first(path, Ed25519PrivateKey.generate().private_bytes_raw(), mode=0o600)


def _write_first(path: Path, key: bytes, *, mode: int) -> None:
    """Write a key file that appears whole or not at all; when two processes race, the first file stays."""
    incoming = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        handle = os.open(incoming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(key.hex().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(incoming, path)
        except FileExistsError:
            pass
        finally:
            incoming.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        incoming.unlink(missing_ok=True)
        raise _refused(path, error) from error


def _read_hex(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError as error:
        raise _refused(path, error) from error
    except ValueError as error:
        raise _broken(f"the key file {path} is not hex") from error
    if len(key) != 32:
        raise _broken(f"the key file {path} holds {len(key)} bytes")
    return key


def _broken(found: str) -> StoreFailed:
    return StoreFailed(
        found,
        expected="a document signed by a key whose public half is in the folder of keys",
        remedy="bring the document or the key back from a backup, or release the version anew",
    )


def _refused(path: Path, error: OSError) -> StoreFailed:
    return StoreFailed(
        f"the key file {path} cannot be used ({error})",
        expected="a folder of keys that this user may read and write",
        remedy="mend its permissions or free some space, then do it again",
    )
