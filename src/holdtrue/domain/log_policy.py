"""Log policy: how safe a logged row is before its answer leaves, how long it is kept, and what a full budget means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TypeVar

from holdtrue.domain.span import parse_span
from holdtrue.errors import DeclarationError

_SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(B|kB|MB|GB|TB)\s*")
KEYS = ("durability", "keep", "budget", "when_full")


class Durability(Enum):
    """What a logged row outlives when its answer leaves: a kill of the process, or a loss of power too."""

    PROCESS = "process"
    POWER = "power"


class WhenFull(Enum):
    """What happens when a log reaches its budget: requests are refused, or the oldest rows go, as far as they may."""

    REFUSE = "refuse"
    DROP_OLDEST = "drop_oldest"


@dataclass(frozen=True, kw_only=True)
class LogPolicy:
    """How the prediction logs of a project are kept.

    Attributes:
        durability: what a row outlives when its answer leaves.
        keep: how long rows are kept; None for ever. A row that is younger than twice its loop's label delay stays.
        budget_bytes: how large the log of one loop may become on the disk; None for as large as the disk.
        when_full: what happens then.
    """

    durability: Durability = Durability.PROCESS
    keep: timedelta | None = None
    budget_bytes: int | None = None
    when_full: WhenFull = WhenFull.REFUSE


Choice = TypeVar("Choice", Durability, WhenFull)


def read_log_policy(told: Mapping[str, object], *, where: str) -> LogPolicy:
    """Return the policy that a table of settings says.

    Args:
        told: keys `durability`, `keep`, `budget`, `when_full`; each may be left out.
        where: what to call the table in an error.

    Raises:
        DeclarationError: a key is unknown, or a value cannot be meant.

    >>> read_log_policy({"keep": "90d", "budget": "20GB"}, where="[log]").budget_bytes
    20000000000
    """
    for key in told:
        if key not in KEYS:
            raise DeclarationError(f"{where} has the key {key!r}", expected=f"one of {list(KEYS)}")
    texts = {key: _read_text(value, where=f"{key} in {where}") for key, value in told.items()}
    keep, budget = texts.get("keep"), texts.get("budget")
    policy = LogPolicy(
        durability=_choose(Durability, texts.get("durability", "process"), where=f"durability in {where}"),
        keep=None if keep is None else parse_span(keep),
        budget_bytes=None if budget is None else parse_size(budget),
        when_full=_choose(WhenFull, texts.get("when_full", "refuse"), where=f"when_full in {where}"),
    )
    if policy.when_full is WhenFull.DROP_OLDEST and policy.budget_bytes is None:
        raise DeclarationError(
            f'{where} says when_full = "drop_oldest", and no budget',
            expected='a size beside it, such as budget = "20GB"',
        )
    return policy


def parse_size(text: str) -> int:
    """Return a size in bytes as people write it.

    >>> parse_size("1.5GB"), parse_size("64 kB")
    (1500000000, 64000)
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise DeclarationError(
            f"the size {text!r} cannot be read", expected='a number and B, kB, MB, GB or TB, such as "20GB"'
        )
    return int(float(match.group(1)) * _SIZES[match.group(2)])


def _read_text(value: object, *, where: str) -> str:
    if isinstance(value, str):
        return value
    raise DeclarationError(f"{where} is {value!r}", expected='a text, such as "90d", "20GB" or "power"')


def _choose(kind: type[Choice], text: str, *, where: str) -> Choice:
    allowed = [each.value for each in kind]
    if text not in allowed:
        raise DeclarationError(f"{where} is {text!r}", expected=f"one of {allowed}")
    return kind(text)
