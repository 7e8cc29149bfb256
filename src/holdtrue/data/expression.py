"""Expression: a polars expression over one row, read into a formula; what looks at other rows is refused."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence

import polars as pl

from holdtrue.data.files import name_nearest
from holdtrue.domain import MOMENT, Json, Past, digest_of
from holdtrue.errors import DeclarationError

KNOWN = (
    "columns, constants, + - * / **, comparisons, & | ~, when/then/otherwise, is_null, is_not_null, fill_null, is_nan,"
    " fill_nan, coalesce, is_between, is_in of a list, clip, abs, log, log1p, exp, sqrt, floor, ceil, cast to Float64,"
    " Int64 or Boolean, str.contains(literal=True), str.starts_with, str.ends_with, str.len_chars,"
    " dt.convert_time_zone, dt.year, quarter, month, week, day, weekday, ordinal_day, hour and minute"
)
_BINARY = {
    "Plus": "+",
    "Minus": "-",
    "Multiply": "*",
    "TrueDivide": "/",
    "Lt": "<",
    "LtEq": "<=",
    "Gt": ">",
    "GtEq": ">=",
    "Eq": "==",
    "NotEq": "!=",
    "And": "and",
    "Or": "or",
    "LogicalAnd": "and",
    "LogicalOr": "or",
}
_FUNCTIONS = {
    "Abs": "abs",
    "Negate": "neg",
    "Log1p": "log1p",
    "Exp": "exp",
    "Floor": "floor",
    "Ceil": "ceil",
    "Log": "log",
    "FillNull": "coalesce",
    "Coalesce": "coalesce",
    "Boolean.IsNull": "is_null",
    "Boolean.IsNan": "is_nan",
    "Boolean.Not": "not",
    "Pow.Sqrt": "sqrt",
    "Pow.Generic": "**",
    "StringExpr.StartsWith": "starts_with",
    "StringExpr.EndsWith": "ends_with",
    "StringExpr.LenChars": "len_chars",
}
_NEGATED = {"Boolean.IsNotNull": "is_null", "Boolean.IsNotNan": "is_nan"}
_PARTS = {
    "Year": "year",
    "Quarter": "quarter",
    "Month": "month",
    "Week": "week",
    "Day": "day",
    "WeekDay": "weekday",
    "OrdinalDay": "ordinal_day",
    "Hour": "hour",
    "Minute": "minute",
}
_CASTS = {"Float64": "float", "Int64": "int", "Boolean": "bool"}
_ENDS = {"Both": (">=", "<="), "Left": (">=", "<"), "Right": (">", "<="), "None": (">", "<")}


def read_expression(name: str, expression: pl.Expr, *, columns: Collection[str], time: str) -> Json:
    """Return the formula (as a tree, see `holdtrue.domain.formula`) of the feature `name`.

    Args:
        name: of the feature, for what is said of it.
        expression: over one row.
        columns: the names that it may read beside the time.
        time: the name of the column that says when the prediction is made.

    Raises:
        DeclarationError: it reads another column, looks at other rows, calls Python, or is beyond what can be served.
    """
    try:
        plain = json.loads(expression.meta.serialize(format="json"))
    except (pl.exceptions.PolarsError, ValueError, TypeError) as error:
        raise DeclarationError(f"the feature {name!r} cannot be read ({error})", expected=KNOWN) from error
    return _Reader(name, columns, time).read(plain)


def print_features(declared: Mapping[str, object]) -> dict[str, str]:
    """Return the fingerprint of each declared feature that is no function, by "feature NAME"."""
    said = {
        name: each.meta.serialize(format="json") if isinstance(each, pl.Expr) else each
        for name, each in declared.items()
        if isinstance(each, pl.Expr | Past)
    }
    return {f"feature {name}": digest_of(each) for name, each in said.items()}


class _Reader:
    """Reads the plain form of an expression."""

    def __init__(self, name: str, columns: Collection[str], time: str) -> None:
        self._name = name
        self._columns = columns
        self._time = time

    def read(self, node: Json) -> Json:
        """Return the tree of a node."""
        kind, said = _unwrap(node)
        read: Callable[[Json], Json] | None = {
            "Column": self._read_column,
            "Literal": self._read_literal,
            "BinaryExpr": self._read_binary,
            "Ternary": self._read_choice,
            "Cast": self._read_cast,
            "Alias": lambda alias: self.read(alias[0]),
            "Function": self._read_function,
        }.get(kind)
        if read is not None:
            return read(said)
        if kind in _OF_ROWS:
            what = _unwrap(said)[0].lower() if kind == "Agg" else kind.lower()
            raise self._refuse_rows(what)
        if kind == "AnonymousFunction":
            raise self._refuse("calls a Python function, which a server cannot do without the code")
        if kind == "Selector":
            raise self._refuse("selects several columns", "one column at a time: pl.col(name)")
        raise self._refuse(f"uses {kind}")

    def _read_column(self, name: str) -> Json:
        if name != self._time and name not in self._columns:
            raise self._refuse(
                f"reads the column {name!r}, which a request does not carry",
                f"one of {', '.join(sorted(self._columns)[:12])}, or the time {self._time!r}",
                name_nearest(name, sorted(self._columns)),
            )
        return ["col", MOMENT if name == self._time else name]

    def _read_literal(self, said: Json) -> Json:
        kind, value = _unwrap(said)
        if kind in ("Dyn", "Scalar"):
            kind, value = _unwrap(value)
        if kind == "Null":
            return ["lit", None]
        if isinstance(value, bool | int | float | str) and kind != "Datetime":
            return ["lit", value]
        raise self._refuse(f"has a constant of type {kind}", "a number, a text, true, false or null")

    def _read_binary(self, said: Json) -> Json:
        if said["op"] not in _BINARY:
            raise self._refuse(f"uses the operation {said['op']}")
        return [_BINARY[said["op"]], self.read(said["left"]), self.read(said["right"])]

    def _read_choice(self, said: Json) -> Json:
        return ["when", self.read(said["predicate"]), self.read(said["truthy"]), self.read(said["falsy"])]

    def _read_cast(self, said: Json) -> Json:
        dtype = said["dtype"]
        wanted = dtype.get("Literal") if isinstance(dtype, dict) else dtype
        if not isinstance(wanted, str) or wanted not in _CASTS:
            raise self._refuse(f"casts to {wanted}", "a cast to Float64, Int64 or Boolean")
        return [_CASTS[wanted], self.read(said["expr"])]

    def _read_function(self, said: Json) -> Json:
        kind, options = _unwrap(said["function"])
        if kind in ("Boolean", "Pow", "StringExpr", "TemporalExpr") and options is not None:
            inner, options = _unwrap(options)
            kind = f"{kind}.{inner}"
        given: Sequence[Json] = said["input"]
        if kind in _FUNCTIONS:
            return [_FUNCTIONS[kind], *(self.read(each) for each in given)]
        if kind in _NEGATED:
            return ["not", [_NEGATED[kind], self.read(given[0])]]
        if kind.startswith("TemporalExpr."):
            return self._read_part(kind.partition(".")[2], given[0], options)
        if kind == "Boolean.IsBetween":
            part, low, high = (self.read(each) for each in given)
            above, below = _ENDS[options["closed"]]
            return ["and", [above, part, low], [below, part, high]]
        if kind == "Boolean.IsIn":
            return ["in", self.read(given[0]), self._read_members(given[1])]
        if kind == "Clip":
            return self._read_clip(given, options)
        if kind == "StringExpr.Contains":
            if not options.get("literal"):
                raise self._refuse("matches a pattern", "str.contains(..., literal=True)")
            return ["contains", *(self.read(each) for each in given)]
        raise self._refuse_rows(kind) if kind in _LOOK_AROUND else self._refuse(f"uses {kind}")

    def _read_part(self, part: str, given: Json, options: Json) -> Json:
        """Read a part of a moment, with the zone in which it is asked for."""
        if part not in _PARTS:
            raise self._refuse(f"uses dt.{part}")
        zone, inner = "UTC", given
        while "Function" in inner:
            kind, said = _unwrap(inner["Function"]["function"])
            change = said.get("ConvertTimeZone") if kind == "TemporalExpr" and isinstance(said, dict) else None
            if change is None:
                raise self._refuse("takes a part of something that is no time")
            zone = change["inner"] if zone == "UTC" and inner is given else zone
            inner = inner["Function"]["input"][0]
        return [_PARTS[part], self.read(inner), zone]

    def _read_members(self, node: Json) -> Json:
        kind, said = _unwrap(node)
        inner = _unwrap(said)[1] if kind == "Literal" else None
        listed = inner.get("List") if isinstance(inner, dict) else None
        if listed is None:
            raise self._refuse("asks whether a value is in another column", "is_in([...]) with the values themselves")
        values = pl.read_ipc_stream(bytes(listed)).to_series().to_list()
        values = values[0] if values and isinstance(values[0], list) else values
        if not all(isinstance(each, bool | int | float | str) for each in values):
            raise self._refuse("asks for membership of odd values", "numbers or texts")
        return values

    def _read_clip(self, given: Sequence[Json], options: Mapping[str, bool]) -> Json:
        part, *ends = (self.read(each) for each in given)
        if any(end[0] != "lit" for end in ends):
            raise self._refuse("clips at another column", "clip() at numbers")
        bounds = iter(end[1] for end in ends)
        low = next(bounds) if options["has_min"] else None
        return ["clip", part, low, next(bounds) if options["has_max"] else None]

    def _refuse(self, found: str, expected: str = "", remedy: str = "") -> DeclarationError:
        return DeclarationError(
            f"the feature {self._name!r} {found}",
            expected=expected or KNOWN,
            remedy=remedy or "say it with these, or make a column of it in the table and in what sends requests",
        )

    def _refuse_rows(self, what: str) -> DeclarationError:
        return self._refuse(
            f"looks at other rows ({what}): online there is one row, and it would come out otherwise",
            "an expression over one row",
            'for what was known of past rows declare holdtrue.history("7d", by=..., of=...).mean()',
        )


_OF_ROWS = frozenset(
    {"Agg", "Over", "Window", "Rolling", "Filter", "Sort", "SortBy", "Gather", "Slice", "Len", "Explode"}
)
_LOOK_AROUND = frozenset(
    {
        "Shift", "ShiftAndFill", "Rank", "Diff", "PctChange", "CumCount", "CumSum", "CumProd", "CumMin", "CumMax",
        "Interpolate", "ForwardFill", "BackwardFill", "FillNullWithStrategy", "Reverse", "Unique", "RollingExpr",
        "Hist", "Mode", "Skew", "Kurtosis", "Cut", "QCut", "EwmMean", "EwmStd", "EwmVar", "Quantile", "ValueCounts",
    }
)  # fmt: skip


def _unwrap(node: Json) -> tuple[str, Json]:
    """Return the name of a node and what it says: {"Name": said}, or "Name" alone."""
    if isinstance(node, dict) and len(node) == 1:
        ((name, said),) = node.items()
        return str(name), said
    return str(node), None
