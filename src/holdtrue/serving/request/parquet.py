"""Parquet: a file of columns, read in a child process: a file that lies about itself can kill whoever reads it.

Of 20,000 mutants of good files six killed the reading process, by asking for more memory than there was; and one
kilobyte can honestly hold a billion values. So a worker has a child with a limit read it, and never imports polars.
"""

import base64
import io
import math
import resource
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from holdtrue.domain import Json
from holdtrue.serving.request.body import Record
from holdtrue.serving.request.field import shorten
from holdtrue.serving.request.place import join_path
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.table import ColumnPlace

if TYPE_CHECKING:
    import polars

PARQUET_TYPES = ("application/vnd.apache.parquet", "application/x-parquet")
MOST_ROWS = 10_000
MEMORY_BYTES = 512 << 20
_MOST_TEXT_BYTES = 16 << 20
_PLAIN = ("Boolean", "String", "Null", "Categorical", "Enum")


def read_columns_in_child(payload: Json) -> Json:
    """Read a file and return its columns, or why it is refused. This process keeps the limit on its memory for good.

    Args:
        payload: {"data": the file in base64, "memory_bytes": the limit}.

    Returns:
        {"columns": {name: values}}, or {"refused": the arguments of a refusal}.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = int(payload["memory_bytes"])
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        frame = _decode(base64.b64decode(payload["data"]))
        return {"columns": {column.name: _list_values(column) for column in frame.get_columns()}}
    except Refused as refused:
        told = {"found": refused.found, "path": refused.path, "expected": refused.expected, "remedy": refused.remedy}
        return {"refused": {"code": refused.code.value, **told}}


def make_records(told: Mapping[str, Json]) -> list[Record]:
    """Make records of what the child returned; raise the refusal that it named."""
    refused = told.get("refused")
    if refused is not None:
        words = {name: str(refused[name]) for name in ("path", "expected", "remedy")}
        raise Refused(Code(refused["code"]), refused["found"], **words)
    columns = told["columns"]
    names = tuple(columns)
    rows = zip(*columns.values(), strict=True)
    return [Record(dict(zip(names, row, strict=True)), ColumnPlace("$", i, names)) for i, row in enumerate(rows)]


def refuse_file(reason: str) -> Refused:
    """Return the refusal of a file that cannot be read."""
    return Refused(Code.MALFORMED, f"the body is no Parquet file that can be read ({shorten(reason)})")


def _decode(data: bytes) -> "polars.DataFrame":
    import polars

    try:
        frame = polars.scan_parquet(io.BytesIO(data), use_statistics=False).head(MOST_ROWS + 1).collect()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # polars panics on some files, which is no Exception
        raise refuse_file(type(error).__name__) from None
    if not frame.height or not frame.width:
        raise Refused(Code.EMPTY, "the table is empty", expected="at least one row and column")
    if frame.height > MOST_ROWS:
        raise _refuse_size("the table has more rows", f"at most {MOST_ROWS}")
    texts = frame.select(polars.col(polars.String).str.len_bytes().sum())
    n_bytes = sum(int(size or 0) for size in (texts.row(0) if texts.height else ()))
    if n_bytes > _MOST_TEXT_BYTES:
        raise _refuse_size(f"the texts of the table take {n_bytes} bytes", f"at most {_MOST_TEXT_BYTES}")
    return frame


def _list_values(column: "polars.Series") -> list[Json]:
    """Return the values of a column as JSON has them."""
    kind, path = column.dtype, join_path("$", column.name)
    if not (kind.is_numeric() or kind.is_temporal() or str(kind).partition("(")[0] in _PLAIN):
        found, expected = f"the column {shorten(column.name)!r} is of type {kind}", "numbers, booleans, texts, moments"
        raise Refused(Code.WRONG_TYPE, found, path=path, expected=expected)
    values = [_spell(value) for value in column.to_list()]
    for i, value in enumerate(values):
        if isinstance(value, float) and not math.isfinite(value):
            remedy = "write null for a value that is missing"
            found, place = "NaN or Infinity", f"{path}[{i}]"
            raise Refused(Code.NOT_FINITE, found, path=place, expected="a finite number", remedy=remedy)
    return values


def _spell(value: object) -> Json:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if isinstance(value, date | datetime) else float(str(value))  # else it is a decimal


def _refuse_size(found: str, expected: str) -> Refused:
    return Refused(Code.TOO_LARGE, found, expected=expected, remedy="send fewer rows at once")
