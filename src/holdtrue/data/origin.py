"""Origin: the version of an immutable source that rows were read from, by which they can be read again."""

from dataclasses import dataclass

import polars as pl

from holdtrue.domain import Table


@dataclass(frozen=True, kw_only=True)
class SourceVersion:
    """One version of a table of Delta Lake, or one snapshot of a table of Iceberg: its rows never change.

    Attributes:
        place: what stays its name wherever the project stands: the absolute folder, or the URL in its catalog.
        number: of the version or the snapshot.
    """

    place: str
    number: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """Where a history began.

    Attributes:
        version: what was read.
        table: as it was declared.
        frame: the rows as they were read, before anything was added or left out.
    """

    version: SourceVersion
    table: Table
    frame: pl.DataFrame
