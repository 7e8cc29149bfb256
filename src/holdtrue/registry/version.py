"""Version: registering what was trained, and finding it again by name."""

from collections.abc import Mapping
from datetime import datetime

from holdtrue.domain import Lineage, Loss, Signature, Version, digest_of
from holdtrue.errors import NotFound
from holdtrue.registry.format import StoredModel
from holdtrue.store import Artifacts, Transaction

CHAMPION = "champion"


def register_version(
    tx: Transaction,
    artifacts: Artifacts,
    *,
    loop: str,
    stored: StoredModel,
    signature: Signature,
    lineage: Lineage,
    loss: Loss,
    metrics: Mapping[str, float],
    now: datetime,
) -> Version:
    """Keep a version and return it with its number; the same artifact, signature and lineage twice are one version."""
    artifact = artifacts.put(stored.data)
    digest = digest_of([artifact, stored.format, signature, lineage, loss])
    known = tx.versions.find_digest(loop, digest)
    if known is not None:
        return known
    version = Version(
        loop=loop,
        number=tx.versions.next_number(loop),
        digest=digest,
        artifact=artifact,
        format=stored.format,
        signature=signature,
        lineage=lineage,
        loss=loss,
        created_at=now,
        metrics=dict(metrics),
    )
    return tx.versions.append(version)


def resolve_version(tx: Transaction, loop: str, name: str) -> Version:
    """Return the version that a name means: "champion", "v3" or "3".

    Raises:
        NotFound: there is none of that name; the error lists those that there are.
    """
    if name == CHAMPION:
        current = tx.aliases.current(loop, CHAMPION)
        if current is None:
            raise NotFound(f"no version of {loop!r} is in charge", remedy="holdtrue train loop.py")
        return tx.versions.read(loop, current)
    text = name.removeprefix("v")
    known = tx.versions.all(loop)
    for version in known:
        if text.isdecimal() and version.number == int(text):
            return version
    names = ", ".join(version.name for version in known) or "none yet"
    raise NotFound(f"{loop!r} has no version {name!r}", expected=f"one of: {names}")
