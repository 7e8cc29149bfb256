"""Token: a secret that lets its holder call the server in a role; only its digest is kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PREFIX = "ht_"
_SECRET_BYTES = 32


class TokenRole(StrEnum):
    """What the holder of a token may do. Each role may do all that those before it may."""

    PREDICT = "predict"
    OBSERVE = "observe"
    DEVELOP = "develop"

    def covers(self, wanted: "TokenRole") -> bool:
        """Say whether this role may do what the wanted one may.

        >>> TokenRole.DEVELOP.covers(TokenRole.OBSERVE), TokenRole.PREDICT.covers(TokenRole.OBSERVE)
        (True, False)
        """
        return _RANKS[self] >= _RANKS[wanted]


_RANKS = {role: rank for rank, role in enumerate(TokenRole)}


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token as it is kept: `sha256` is the hex digest of the secret, which nobody keeps."""

    name: str
    role: TokenRole
    sha256: str
    created_at: datetime


def make_secret() -> str:
    """Return a new secret of 256 random bits, as it is shown once and sent by its holder."""
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def digest_secret(secret: str) -> str:
    """Return the digest that is kept. A random secret of 256 bits needs neither salt nor a slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
