"""Places: the JSON path of a row or a field in the body that it came in; spelt out only when something is wrong."""

from dataclasses import dataclass
from typing import Protocol


class Place(Protocol):
    """Names the places of one row in the body that it came in."""

    @property
    def row(self) -> str:
        """Return the path of the row."""
        ...

    def field(self, name: str) -> str:
        """Return the path of a field of the row."""
        ...


def join_path(path: str, name: str) -> str:
    """Return the path of a member of an object.

    >>> join_path("$.rows[0]", "dep delay")
    '$.rows[0]["dep delay"]'
    """
    if name.isidentifier():
        return f"{path}.{name}"
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'{path}["{quoted}"]'


@dataclass(frozen=True, slots=True)
class RowPlace:
    """A row of the native form: an object in a list."""

    index: int
    name: str = "rows"

    @property
    def row(self) -> str:
        """Return the path of the row."""
        return f"$.{self.name}[{self.index}]"

    def field(self, name: str) -> str:
        """Return the path of a field of the row."""
        return join_path(self.row, name)
