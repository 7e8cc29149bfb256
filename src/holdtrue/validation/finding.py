"""Finding: what a search for leaks came upon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdtrue.domain import Json


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Columns that give the label away, or may do so.

    Attributes:
        columns: their names.
        kind: what they do, to be read after "The label is given away: " or "Suspect: ".
        is_sure: no honest column does this; else only the team knows.
        evidence: the figures behind it.
    """

    columns: tuple[str, ...]
    kind: str
    is_sure: bool = True
    evidence: Mapping[str, Json] = field(default_factory=dict)
