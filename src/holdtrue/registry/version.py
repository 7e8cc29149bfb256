"""Version: registered once, never changed, found by number or by alias."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from holdtrue.domain import AliasEvent, Lineage, Loss, ModelFormat, Signature, SliceCut, Version, digest_of
from holdtrue.errors import DeclarationError, NotFound
from holdtrue.registry.format import StoredModel
from holdtrue.store import Artifacts, Transaction

CHAMPION = "champion"

_NUMBER = re.compile(r"^v?([1-9][0-9]{0,8})$")
_ALIAS = re.compile(r"^[a-z][a-z_-]{1,63}$")


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
    slices: Sequence[SliceCut] = (),
) -> Version:
    """Keep a stored model as the next version of its loop, and return it.

    Registering the same model, signature, lineage and loss again returns the version that is there.

    Raises:
        StoreFailed: the disk refused the artifact.
    """
    artifact = artifacts.put(stored.data)
    digest = digest_version(artifact, stored.format, signature=signature, lineage=lineage, loss=loss)
    known = tx.versions.find_digest(loop, digest)
    if known is not None:
        return known
    return tx.versions.append(
        Version(
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
            slices=tuple(slices),
        )
    )


def digest_version(
    artifact: str, model_format: ModelFormat, *, signature: Signature, lineage: Lineage, loss: Loss
) -> str:
    """Return the digest that names a version in verdicts: the hash of its artifact and all that gives it meaning."""
    return digest_of([artifact, model_format, signature, lineage, loss])


def resolve_version(tx: Transaction, loop: str, name: str) -> Version:
    """Return the version that a person means by "champion" (or another alias), "v3" or "3".

    Raises:
        NotFound: no version or alias is called so; the message lists those that there are.
    """
    number = _NUMBER.match(name.strip())
    if number:
        return tx.versions.read(loop, int(number.group(1)))
    pointed = tx.aliases.current(loop, name)
    if pointed is not None:
        return tx.versions.read(loop, pointed)
    aliases = sorted({event.alias for event in tx.aliases.history(loop)})
    names = aliases + [version.name for version in tx.versions.all(loop)]
    raise NotFound(
        f"loop {loop!r} has no version called {name!r}",
        expected=f"one of {', '.join(names)}" if names else "a version; this loop has none yet",
        remedy="" if names else "train one with `holdtrue train`",
    )


def point_alias(
    tx: Transaction, *, loop: str, alias: str, version: int, at: datetime, actor: str, reason: str
) -> AliasEvent:
    """Point an alias at a version; where it pointed before stays in the history.

    Raises:
        DeclarationError: the alias could be taken for a version's number.
        NotFound: the loop has no such version.
    """
    if not _ALIAS.match(alias) or _NUMBER.match(alias):
        raise DeclarationError(
            f"the alias {alias!r} cannot be used", expected='lower-case letters and hyphens, such as "champion"'
        )
    tx.versions.read(loop, version)
    return tx.aliases.append(AliasEvent(loop=loop, alias=alias, version=version, at=at, actor=actor, reason=reason))
