"""Release: the signed document of a version, kept as an artifact."""

import hashlib

import msgspec

from holdtrue.domain import Release, encode_canonically
from holdtrue.errors import FormatRefused, NotFound
from holdtrue.registry.keyring import Keyring
from holdtrue.store import Store, Transaction


def publish_release(store: Store, tx: Transaction, release: Release, keyring: Keyring) -> str:
    """Keep and sign a release; return the sha256 of its document. It is named in the database by the caller's commit."""
    document = encode_canonically(release)
    digest = store.artifacts.put(document)
    at = release.created_at if release.created_at is not None else release.version.created_at
    tx.versions.append_release(release.loop, release.version.number, digest, digest, keyring.sign(document), at)
    return digest


def read_release(store: Store, tx: Transaction, loop: str, number: int, keyring: Keyring) -> Release:
    """Return the release of a version after checking digest and signature.

    Raises:
        NotFound: the version has none.
        FormatRefused: the signature is not this project's own, or the document is none.
    """
    row = tx.versions.read_release(loop, number)
    if row is None:
        raise NotFound(f"v{number} of {loop!r} has no release", expected="a version that passed its checks")
    return decode_release(store.artifacts.get(row.artifact), row.signature_hex, keyring, digest=row.release_digest)


def decode_release(document: bytes, signature_hex: str, keyring: Keyring, *, digest: str) -> Release:
    """Return the release that a document holds, once digest and signature are found right."""
    found = hashlib.sha256(document).hexdigest()
    if found != digest:
        raise FormatRefused(f"a release document has the digest {found[:12]}", expected=digest[:12])
    keyring.verify(document, signature_hex)
    try:
        return msgspec.json.decode(document, type=Release)
    except msgspec.MsgspecError as error:
        raise FormatRefused(
            f"a release document cannot be read ({error})", expected="what this version of holdtrue publishes"
        ) from error
