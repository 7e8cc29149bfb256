"""Tables: rows by name, rows in the schema's order and columns, as the forms of other servers write them, as records.

These forms have no place for the error of a row, so the first thing that is no row refuses the request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdtrue.serving.request.body import Record
from holdtrue.serving.request.field import describe_value, name_some, shorten
from holdtrue.serving.request.place import RowPlace, join_path
from holdtrue.serving.request.refusal import Code, Refused

_SPLIT_MEMBERS = ("columns", "data", "index")


@dataclass(frozen=True, slots=True)
class CellPlace:
    """A row that is a list of values: a field is a position in it."""

    path: str
    index: int
    positions: Mapping[str, int]

    @property
    def row(self) -> str:
        """Return the path of the row."""
        return f"{self.path}[{self.index}]"

    def field(self, name: str) -> str:
        """Return the path of a field of the row; the row's own where it has no such field."""
        position = self.positions.get(name)
        return self.row if position is None else f"{self.row}[{position}]"


@dataclass(frozen=True, slots=True)
class ColumnPlace:
    """A row of columns: the same position in each of them."""

    path: str
    index: int
    names: Sequence[str]

    @property
    def row(self) -> str:
        """Return the path of the columns; a row has none of its own."""
        return self.path

    def field(self, name: str) -> str:
        """Return the path of a field of the row; the columns' own where there is no such column."""
        return f"{join_path(self.path, name)}[{self.index}]" if name in self.names else self.path


def read_rows(rows: object, name: str, features: Sequence[str]) -> list[Record]:
    """Read a list of rows, each an object, or a list of values in the order of the features.

    Args:
        rows: the list.
        name: the member of the body that it is.
        features: the names of the features; of a single one the rows may be plain values.
    """
    path = join_path("$", name)
    checked = _check_list(rows, path, "a list of rows")
    positions = {feature: i for i, feature in enumerate(features)}
    records = []
    for i, row in enumerate(checked):
        if isinstance(row, dict):
            records.append(Record(row, RowPlace(i, name)))
            continue
        values = [row] if len(features) == 1 and not isinstance(row, list) else row
        if not isinstance(values, list):
            found, expected = f"the row is {describe_value(row)}", "an object, or a list of the features"
            raise Refused(Code.WRONG_FORM, found, path=f"{path}[{i}]", expected=expected)
        if len(values) != len(features):
            found, expected = f"the row has {len(values)} values", f"{len(features)}: {name_some(features)}"
            raise Refused(Code.WRONG_FORM, found, path=f"{path}[{i}]", expected=expected)
        records.append(Record(dict(zip(features, values, strict=True)), CellPlace(path, i, positions)))
    return records


def read_columns(columns: object, name: str) -> list[Record]:
    """Read an object of columns, each a list with a value for each row; a value may be a list of one."""
    path = join_path("$", name)
    if not isinstance(columns, dict):
        found = f"{name!r} is {describe_value(columns)}"
        raise Refused(Code.WRONG_FORM, found, path=path, expected="an object of columns")
    if not columns:
        raise Refused(Code.EMPTY, f"{name!r} is empty", path=path, expected="at least one column")
    lists: dict[str, Sequence[object]] = {}
    n_rows = -1
    for column, values in columns.items():
        lists[column] = _check_list(values, join_path(path, column), "a list of values")
        n_rows = len(lists[column]) if n_rows < 0 else n_rows
        if len(lists[column]) != n_rows:
            found, expected = f"the column has {len(lists[column])} values", f"{n_rows}, as the first one has"
            raise Refused(Code.WRONG_FORM, found, path=join_path(path, column), expected=expected)
    names = tuple(lists)
    plain = {column: [_unpack(value) for value in values] for column, values in lists.items()}
    rows = zip(*plain.values(), strict=True)
    return [Record(dict(zip(names, row, strict=True)), ColumnPlace(path, i, names)) for i, row in enumerate(rows)]


def read_split(split: object, name: str) -> list[Record]:
    """Read a table as pandas splits it: {"columns": [names], "data": [[values], ...]}; an index is let be."""
    path = join_path("$", name)
    if not isinstance(split, dict):
        found, expected = f"{name!r} is {describe_value(split)}", '{"columns": [...], "data": [[...], ...]}'
        raise Refused(Code.WRONG_FORM, found, path=path, expected=expected)
    for member in split:
        if member not in _SPLIT_MEMBERS:
            found, expected = f"the member {shorten(member)!r} is not known", f"one of {', '.join(_SPLIT_MEMBERS)}"
            raise Refused(Code.UNKNOWN_FIELD, found, path=join_path(path, shorten(member)), expected=expected)
    names = check_names(split.get("columns"), f"{path}.columns")
    return read_cells(split.get("data"), f"{path}.data", names)


def read_cells(rows: object, path: str, names: Sequence[str]) -> list[Record]:
    """Read a list of rows, each a list with a value for each of the names."""
    positions = {name: i for i, name in enumerate(names)}
    records = []
    for i, row in enumerate(_check_list(rows, path, "a list of rows")):
        if not isinstance(row, list) or len(row) != len(names):
            found = f"the row has {len(row)} values" if isinstance(row, list) else f"the row is {describe_value(row)}"
            expected = f"a value for each of the {len(names)} columns"
            raise Refused(Code.WRONG_FORM, found, path=f"{path}[{i}]", expected=expected)
        records.append(Record(dict(zip(names, row, strict=True)), CellPlace(path, i, positions)))
    return records


def check_names(names: object, path: str) -> list[str]:
    """Return the names of columns; refuse what is no text, and a name that stands twice."""
    checked: list[str] = []
    seen: set[str] = set()
    for i, name in enumerate(_check_list(names, path, "a list of names")):
        if not isinstance(name, str):
            found = f"the name is {describe_value(name)}"
            raise Refused(Code.WRONG_TYPE, found, path=f"{path}[{i}]", expected="text")
        if name in seen:
            found = f"two columns are called {shorten(name)!r}"
            raise Refused(Code.DUPLICATE_KEY, found, path=f"{path}[{i}]", expected="each name once")
        seen.add(name)
        checked.append(name)
    return checked


def _check_list(values: object, path: str, expected: str) -> list[object]:
    if not isinstance(values, list):
        found = "it is missing" if values is None else f"it is {describe_value(values)}"
        raise Refused(Code.WRONG_FORM, found, path=path, expected=expected)
    if not values:
        raise Refused(Code.EMPTY, "the list is empty", path=path, expected=expected)
    return values


def _unpack(value: object) -> object:
    """Return the value of a column that numpy wrote with a second dimension of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
