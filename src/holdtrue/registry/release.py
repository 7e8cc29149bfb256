"""Release: the signed document by which a version travels; what is not signed by a believed key is not read."""

import hashlib
from typing import TYPE_CHECKING

import msgspec

from holdtrue.domain import Release, encode_canonically
from holdtrue.errors import NotFound, StateConflict, StoreFailed
from holdtrue.registry.keyring import Keyring

if TYPE_CHECKING:  # serving workers open releases, and speak no SQL
    from holdtrue.store import Store, Transaction

MAX_BYTES = 16 << 20


def publish_release(store: "Store", tx: "Transaction", release: Release, keyring: Keyring) -> str:
    """Sign a release, keep it as an artifact, note it for its version, and return its digest.

    The bytes are on disk before the row is written. Publishing the same release again changes nothing.

    Raises:
        StateConflict: the version has another release; releases are immutable.
        StoreFailed: the disk refused.
    """
    document = encode_canonically(release)
    known = tx.versions.read_release(release.loop, release.version.number)
    digest = hashlib.sha256(document).hexdigest()
    if known is not None:
        if known.release_digest == digest:
            return digest
        raise StateConflict(
            f"{release.version.name} of {release.loop!r} has the release {known.release_digest[:12]} already",
            expected="one release for each version",
            remedy="register a new version",
        )
    signature = keyring.sign(document)
    artifact = store.artifacts.put(document)
    at = release.created_at or release.version.created_at
    tx.versions.append_release(release.loop, release.version.number, digest, artifact, signature, at)
    return digest


def read_release(store: "Store", tx: "Transaction", loop: str, number: int, keyring: Keyring) -> Release:
    """Return the release of a version, after checking its hash, its signature and that it is this version's.

    Raises:
        NotFound: the version has no release.
        StoreFailed: hash, signature or content are not what they should be.
    """
    row = tx.versions.read_release(loop, number)
    if row is None:
        raise NotFound(
            f"v{number} of {loop!r} has no release", expected="a version that passed its checks and was released"
        )
    release = open_release(store.artifacts.get(row.artifact), row.signature_hex, keyring)
    if (release.loop, release.version.number) != (loop, number):
        raise StoreFailed(
            f"the release document of v{number} of {loop!r} is that of {release.version.name} of {release.loop!r}",
            expected="the version's own document",
            remedy="bring the database back from a backup, or release the version anew",
        )
    return release


def open_release(document: bytes, signature_hex: str, keyring: Keyring) -> Release:
    """Return the release that a document holds; needs neither database nor store.

    Raises:
        StoreFailed: no believed key has signed exactly these bytes, or they are no release.
    """
    if len(document) > MAX_BYTES:
        raise StoreFailed(f"the release document has {len(document)} bytes", expected=f"at most {MAX_BYTES}")
    keyring.verify(document, signature_hex)
    try:
        return msgspec.json.decode(document, type=Release)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StoreFailed(
            f"the signed document is no release that this version of holdtrue can read ({error})",
            expected="a release",
            remedy="use the version of holdtrue that wrote it, or release the version anew",
        ) from error
