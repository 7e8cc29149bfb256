"""Delimited: a body of comma-separated values, read as records; a cell's text is what its column's kind makes of it."""

import csv
import io
import math
from collections.abc import Mapping, Sequence

from holdtrue.domain import Kind
from holdtrue.serving.request.body import Record
from holdtrue.serving.request.field import describe_value
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.table import check_names, read_cells

CSV_TYPE = "text/csv"
_BOOLEANS = {"true": True, "false": False}


def read_csv(body: bytes, *, kinds: Mapping[str, Kind], features: Sequence[str] | None = None) -> list[Record]:
    """Read a body of comma-separated values into records.

    Places are spelt as if it were a list of rows: `$[0][2]` is the third cell of the first row after the header. An
    empty cell is null.

    Args:
        body: the bytes, in UTF-8.
        kinds: what the cells of a column hold; those of others are text.
        features: the names of the columns when the first line is no header; else None.
    """
    lines = _split_lines(body)
    if features is None:
        if not lines:
            raise Refused(Code.EMPTY, "the body is empty", expected="a header with the names of the columns, and rows")
        header = lines.pop(0)
        if "" in header:
            found, remedy = "a column has no name", "write the table without its index"
            raise Refused(Code.WRONG_FORM, found, expected="a name for each column", remedy=remedy)
        features = check_names(header, "$")
    records = read_cells(lines, "$", features)
    return [Record(_convert(record, kinds), record.place) for record in records]


def has_header(content_type: str) -> bool:
    """Say whether the first line names the columns, as it does unless the content type says `header=absent`."""
    parameters = [part.strip().lower() for part in content_type.split(";")[1:]]
    return "header=absent" not in parameters


def _split_lines(body: bytes) -> list[list[object]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(
            Code.MALFORMED, f"the body is not UTF-8 at byte {error.start}", expected="comma-separated values in UTF-8"
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return [list[object](line) for line in reader if line]
    except csv.Error as error:
        found = f"line {reader.line_num} cannot be read ({error})"
        raise Refused(Code.MALFORMED, found, expected="comma-separated values") from None


def _convert(record: Record, kinds: Mapping[str, Kind]) -> dict[str, object]:
    return {
        name: _convert_cell(str(cell), kinds.get(name, Kind.TEXT), record.place.field(name))
        for name, cell in record.fields.items()
    }


def _convert_cell(cell: str, kind: Kind, path: str) -> object:
    """Return the value of a cell; what its column's kind cannot be stays text, which is refused where it is read."""
    if cell == "":
        return None
    if kind is Kind.BOOLEAN:
        return _BOOLEANS.get(cell.lower(), cell)
    if kind is Kind.TEXT or "_" in cell:  # Python would read 1_000 as a number
        return cell
    try:
        return int(cell) if kind is Kind.INTEGER else _read_finite(cell, path)
    except ValueError:
        pass
    try:
        return _read_finite(cell, path)  # 5.0 for 5, which a table with gaps writes
    except ValueError:
        return cell


def _read_finite(cell: str, path: str) -> float:
    number = float(cell)
    if not math.isfinite(number):
        found, remedy = f"the number is {describe_value(cell)}", "leave the cell of a missing value empty"
        raise Refused(Code.NOT_FINITE, found, path=path, expected="a finite number", remedy=remedy)
    return number
