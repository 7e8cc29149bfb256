"""Provenance: what a run was made with, so that two runs can be compared and one can be made again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdtrue.domain.digest import Json


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What went into the models of a run beside the rows.

    Attributes:
        codes: transitive fingerprint of each of the user's steps, by its name.
        parameters: what the loop declares for them.
        libraries: name and version of each library that the code names, and of Python.
    """

    codes: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Json] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """The git commit that a project's folder stood at, and whether files in it differed from that."""

    commit: str
    is_dirty: bool
