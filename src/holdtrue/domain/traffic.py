"""Traffic: who answers which share of the requests. Servers pull it; nobody pushes."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from holdtrue.errors import DeclarationError

_SCALE = float(2**64)


class Role(StrEnum):
    """The part that a version plays when it answers.

    `LAST_GOOD` is a former champion's, as a fallback. `FORCED` is the answer of a version that a developer asked for by
    name, for a test: it is logged, and it is evidence of nothing.
    """

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    SHADOW = "shadow"
    LAST_GOOD = "last_good"
    FORCED = "forced"


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The wanted split of one loop in one service.

    Attributes:
        service: the name of the service that pulls this row.
        loop: the name of the loop.
        revision: raised by one with each change; compare-and-set goes by it.
        salt: changes with each rollout, so that no unit is always among the first exposed.
        champion: number of the version in charge, which answers what the challenger does not.
        challenger: number of the version on trial, or None.
        challenger_share: the challenger's share of units, 0..1.
        is_shadowed: whether the version that does not answer is asked too, off the reply path.
        decided_at: business time of the decision.
    """

    service: str
    loop: str
    revision: int
    salt: str
    champion: int
    decided_at: datetime
    challenger: int | None = None
    challenger_share: float = 0.0
    is_shadowed: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.challenger_share <= 1.0:
            raise DeclarationError(f"the share {self.challenger_share} is not between 0 and 1")
        if self.challenger is None and (self.challenger_share or self.is_shadowed):
            raise DeclarationError("a share or shadow is given, but there is no challenger")

    @property
    def shares(self) -> dict[int, float]:
        """Return the share of each version; they sum to 1."""
        shares = {self.champion: 1.0 - self.challenger_share}
        if self.challenger is not None:
            shares[self.challenger] = self.challenger_share
        return shares


@dataclass(frozen=True)
class Assignment:
    """Which version answers a unit, in which role, and with what probability it was to be this one."""

    version: int
    role: Role
    probability: float
    shadow: int | None = None


def hash_unit(salt: str, unit: str) -> float:
    """Return a number in [0, 1) that depends on salt and unit alone (blake2b, 64 bits)."""
    digest = hashlib.blake2b(unit.encode(), key=salt.encode()[:64], digest_size=8).digest()
    return int.from_bytes(digest, "big") / _SCALE


def assign(traffic: Traffic, unit: str) -> Assignment:
    """Assign a unit to a version: sticky, and a unit once on the challenger stays there while its share grows."""
    share = traffic.challenger_share
    if traffic.challenger is None:
        return Assignment(traffic.champion, Role.CHAMPION, 1.0)
    is_challenger = hash_unit(traffic.salt, unit) < share
    version = traffic.challenger if is_challenger else traffic.champion
    other = traffic.champion if is_challenger else traffic.challenger
    role = Role.CHALLENGER if is_challenger else Role.CHAMPION
    probability = share if is_challenger else 1.0 - share
    return Assignment(version, role, probability, other if traffic.is_shadowed else None)
