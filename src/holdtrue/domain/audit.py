"""Audit: a hash chain of everything that was decided, by whom, for each loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from holdtrue.domain.digest import Json, digest_of

FIRST = "0" * 64


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One link: `digest` covers this entry and, through `previous`, all before it."""

    loop: str
    sequence: int
    at: datetime
    actor: str
    action: str
    subject: str
    sentence: str
    detail: Mapping[str, Json]
    previous: str
    digest: str


def link_digest(
    *,
    loop: str,
    sequence: int,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    sentence: str,
    detail: Mapping[str, Json],
    previous: str,
) -> str:
    """Return the digest of a link of the chain."""
    return digest_of([loop, sequence, at.isoformat(), actor, action, subject, sentence, detail, previous])
