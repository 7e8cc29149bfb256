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
    """The git commit that a project's folder stood at, and in what its files differed from that.

    Attributes:
        commit: 40 hex digits.
        is_dirty: whether a file that git knows was another than in the commit.
        patch: digest of the text of the differences; None without any, or where none was kept.
        withheld: changed files whose differences are not kept, since secrets may stand in them.
        untracked: source files that git does not know.
    """

    commit: str
    is_dirty: bool
    patch: str | None = None
    withheld: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What was installed where a run was done: the lock of its environment.

    Attributes:
        python: version, such as "3.12.4".
        platform: system, its version and the processor, such as "Linux-6.8-x86_64".
        distributions: version of each distribution, by its name.
    """

    python: str
    platform: str
    distributions: Mapping[str, str] = field(default_factory=dict)
