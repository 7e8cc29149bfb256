"""TypedExpression: a formula as a polars expression whose whole numbers have 64 bits, with the kind of its values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from holdtrue.domain import Json, Kind
from holdtrue.errors import DeclarationError

TIME_SORT = "time"
Sort = Kind | str | None  # of values; None where there is nothing but null

_ARITHMETIC = frozenset({"+", "-", "*"})
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_REAL = frozenset({"log1p", "exp", "sqrt"})
_TEXTS = frozenset({"contains", "starts_with", "ends_with"})
_SPELT = {
    Kind.NUMBER: "a number",
    Kind.INTEGER: "a whole number",
    Kind.BOOLEAN: "a boolean",
    Kind.TEXT: "a text",
    TIME_SORT: "a time",
    None: "null",
}
_NUMBERS = (Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN, None)


@dataclass(frozen=True)
class TypedExpression:
    """What a formula is to polars, what its values are, and the formula with the casts that polars makes unasked.

    `tree` is None where a formula says all casts already; `type_formula` always returns one.
    """

    expression: pl.Expr
    sort: Sort
    tree: Json = None


def type_formula(name: str, tree: Json, sorts: Mapping[str, Sort]) -> TypedExpression:
    """Return the formula of the feature `name` over columns of these sorts as an expression of polars.

    Raises:
        DeclarationError: an operation is given what it cannot take, or the whole is a time or always null.
    """
    made = _Typist(name, sorts).type(tree)
    if made.sort is None or made.sort == TIME_SORT:
        raise DeclarationError(
            f"the feature {name!r} is {_SPELT[made.sort]}",
            expected="a number, a boolean or a text",
            remedy="take a part of the time, such as .dt.hour()" if made.sort == TIME_SORT else "",
        )
    return TypedExpression(settle_expression(made), made.sort, made.tree)


def find_names(tree: Json) -> Iterator[str]:
    """Yield the columns that a formula reads."""
    if isinstance(tree, list):
        if tree and tree[0] == "col":
            yield tree[1]
        elif not tree or tree[0] != "lit":
            for each in tree:
                yield from find_names(each)


def settle_expression(made: TypedExpression) -> pl.Expr:
    """Return an expression in which NaN and infinity are missing."""
    if made.sort is not Kind.NUMBER:
        return made.expression
    return pl.when(made.expression.is_finite()).then(made.expression)


class _Typist:
    def __init__(self, name: str, sorts: Mapping[str, Sort]) -> None:
        self._name = name
        self._sorts = sorts

    def type(self, tree: Json) -> TypedExpression:
        operation, operands = tree[0], tree[1:]
        if operation == "col":
            return TypedExpression(pl.col(operands[0]), self._sorts[operands[0]], tree)
        if operation == "lit":
            return replace(_type_literal(operands[0]), tree=tree)
        if operation in ("clip", "in") or isinstance(operands[-1], str):
            one, rest = self.type(operands[0]), operands[1:]
            made = self._type_with_constants(operation, one, rest)
            return made if made.tree is not None else replace(made, tree=[operation, one.tree, *rest])
        parts = [self.type(each) for each in operands]
        made = self._type_operation(operation, parts)
        return made if made.tree is not None else replace(made, tree=[operation, *(part.tree for part in parts)])

    def _type_with_constants(self, operation: str, one: TypedExpression, rest: Sequence[Json]) -> TypedExpression:
        if operation == "clip":
            return self._type_clip(one, rest[0], rest[1])
        if operation == "in":
            return self._type_membership(one, rest[0])
        return self._type_part(operation, one, rest[0])

    def _type_operation(self, operation: str, parts: Sequence[TypedExpression]) -> TypedExpression:
        if operation in ("when", "coalesce"):
            return self._type_choice(operation, parts)
        if len(parts) == 2:
            return self._type_pair(operation, *parts)
        return self._type_single(operation, parts[0])

    def _type_pair(self, operation: str, one: TypedExpression, other: TypedExpression) -> TypedExpression:
        both = (one, other)
        if operation in ("and", "or"):
            self._need(operation, both, (Kind.BOOLEAN, None))
            left, right = (_cast(each, Kind.BOOLEAN) for each in both)
            return TypedExpression(left & right if operation == "and" else left | right, Kind.BOOLEAN)
        if operation in _TEXTS:
            self._need(operation, both, (Kind.TEXT, None))
            left, right = (_cast(each, Kind.TEXT) for each in both)
            found = {
                "contains": lambda: left.str.contains(right, literal=True),
                "starts_with": lambda: left.str.starts_with(right),
                "ends_with": lambda: left.str.ends_with(right),
            }[operation]()
            return TypedExpression(found, Kind.BOOLEAN)
        if operation in _COMPARISONS:
            return self._type_comparison(operation, one, other)
        self._need(operation, both, _NUMBERS)
        if operation in _ARITHMETIC:
            sort = Kind.NUMBER if Kind.NUMBER in (one.sort, other.sort) else Kind.INTEGER
            left, right = _cast(one, sort), _cast(other, sort)
            return TypedExpression({"+": left + right, "-": left - right, "*": left * right}[operation], sort)
        left, right = _cast(one, Kind.NUMBER), _cast(other, Kind.NUMBER)
        if operation == "**":
            return TypedExpression(left.pow(right), Kind.NUMBER)
        if operation == "log":
            return TypedExpression(left.log(right), Kind.NUMBER)
        if any(find_names(one.tree)) and not any(find_names(other.tree)):
            # Polars multiplies a column by 1 / constant, which may differ from the quotient in its last bit.
            spelt = ["*", _spell(one, Kind.NUMBER), ["/", ["lit", 1.0], other.tree]]
            return TypedExpression(left * (pl.lit(1.0, dtype=pl.Float64) / right), Kind.NUMBER, spelt)
        return TypedExpression(left / right, Kind.NUMBER)

    def _type_comparison(self, operation: str, one: TypedExpression, other: TypedExpression) -> TypedExpression:
        shared = self._share(operation, (one, other))
        if shared == TIME_SORT:
            raise self._refuse(operation, (one, other))
        left, right = _cast(one, shared), _cast(other, shared)
        compared = {
            "<": left < right,
            "<=": left <= right,
            ">": left > right,
            ">=": left >= right,
            "==": left == right,
            "!=": left != right,
        }[operation]
        return TypedExpression(compared, Kind.BOOLEAN, [operation, _spell(one, shared), _spell(other, shared)])

    def _type_single(self, operation: str, one: TypedExpression) -> TypedExpression:
        if operation == "is_null":
            return TypedExpression(one.expression.is_null(), Kind.BOOLEAN)
        if operation == "not":
            self._need(operation, (one,), (Kind.BOOLEAN, None))
            return TypedExpression(~_cast(one, Kind.BOOLEAN), Kind.BOOLEAN)
        if operation == "len_chars":
            self._need(operation, (one,), (Kind.TEXT, None))
            return TypedExpression(_cast(one, Kind.TEXT).str.len_chars().cast(pl.Int64), Kind.INTEGER)
        self._need(operation, (one,), _NUMBERS)
        if operation in ("float", "int", "bool"):
            return _type_cast(operation, one)
        if operation == "is_nan":
            return TypedExpression(_cast(one, Kind.NUMBER).is_nan(), Kind.BOOLEAN)
        sort = Kind.NUMBER if operation in _REAL or one.sort is Kind.NUMBER else Kind.INTEGER
        value = _cast(one, sort)
        if operation in ("floor", "ceil") and sort is Kind.INTEGER:
            return TypedExpression(value, sort)
        work = {
            "neg": value.neg,
            "abs": value.abs,
            "log1p": value.log1p,
            "exp": value.exp,
            "sqrt": value.sqrt,
            "floor": value.floor,
            "ceil": value.ceil,
        }[operation]
        return TypedExpression(work(), sort)

    def _type_choice(self, operation: str, parts: Sequence[TypedExpression]) -> TypedExpression:
        shared = self._share(operation, parts[1:] if operation == "when" else parts)
        if operation == "coalesce":
            spelt = ["coalesce", *(_spell(part, shared) for part in parts)]
            return TypedExpression(pl.coalesce([_cast(part, shared) for part in parts]), shared, spelt)
        test, first, second = parts
        self._need("when", (test,), (Kind.BOOLEAN, None))
        chosen = pl.when(_cast(test, Kind.BOOLEAN)).then(_cast(first, shared)).otherwise(_cast(second, shared))
        return TypedExpression(chosen, shared, ["when", test.tree, _spell(first, shared), _spell(second, shared)])

    def _type_clip(self, one: TypedExpression, low: Json, high: Json) -> TypedExpression:
        self._need("clip", (one,), _NUMBERS)
        # Polars casts the ends to the sort of the column: a whole number is clipped at whole numbers.
        is_real = one.sort is Kind.NUMBER
        sort = Kind.NUMBER if is_real else Kind.INTEGER
        if not is_real and any(end is not None and not -(2**63) <= end < 2**63 for end in (low, high)):
            raise self._refuse("clip() at ends beyond 64 bits", (one,))
        low, high = (None if end is None else float(end) if is_real else int(end) for end in (low, high))
        dtype = pl.Float64 if is_real else pl.Int64
        bounds = [None if end is None else pl.lit(end, dtype=dtype) for end in (low, high)]
        clipped = _cast(one, sort).clip(bounds[0], bounds[1])
        return TypedExpression(clipped, sort, ["clip", _spell(one, sort), low, high])

    def _type_membership(self, one: TypedExpression, members: Sequence[Json]) -> TypedExpression:
        are_texts = all(isinstance(member, str) for member in members)
        self._need("is_in", (one,), (Kind.TEXT,) if are_texts else _NUMBERS)
        if are_texts:
            return TypedExpression(_cast(one, Kind.TEXT).is_in(list(members)), Kind.BOOLEAN)
        is_real = one.sort is Kind.NUMBER or any(isinstance(member, float) for member in members)
        sort = Kind.NUMBER if is_real else Kind.INTEGER
        listed = [float(member) if is_real else int(member) for member in members]
        return TypedExpression(_cast(one, sort).is_in(listed), Kind.BOOLEAN, ["in", _spell(one, sort), listed])

    def _type_part(self, operation: str, moment: TypedExpression, zone: str) -> TypedExpression:
        if moment.sort != TIME_SORT:
            raise self._refuse(f"dt.{operation}", (moment,))
        at = moment.expression.dt.convert_time_zone(zone)
        return TypedExpression(getattr(at.dt, operation)().cast(pl.Int64), Kind.INTEGER)

    def _share(self, operation: str, parts: Sequence[TypedExpression]) -> Sort:
        """Return the one sort that holds the values of all parts."""
        sorts = {part.sort for part in parts} - {None}
        if len(sorts) <= 1:
            return next(iter(sorts), None)
        if not sorts <= set(_NUMBERS):
            raise self._refuse(operation, parts)
        return Kind.NUMBER if Kind.NUMBER in sorts else Kind.INTEGER

    def _need(self, operation: str, parts: Sequence[TypedExpression], allowed: Sequence[Sort]) -> None:
        if any(part.sort not in allowed for part in parts):
            raise self._refuse(operation, parts)

    def _refuse(self, operation: str, parts: Sequence[TypedExpression]) -> DeclarationError:
        given = " and ".join(_SPELT[part.sort] for part in parts)
        return DeclarationError(
            f"the feature {self._name!r} gives {operation} {given}",
            expected="values that it can take",
            remedy="cast or fill them in the expression; the columns' kinds are what `holdtrue check` shows",
        )


def _type_literal(value: Json) -> TypedExpression:
    if value is None:
        return TypedExpression(pl.lit(None), None)
    if isinstance(value, bool):
        return TypedExpression(pl.lit(value), Kind.BOOLEAN)
    if isinstance(value, int):
        return TypedExpression(pl.lit(value, dtype=pl.Int64), Kind.INTEGER)
    if isinstance(value, float):
        return TypedExpression(pl.lit(value, dtype=pl.Float64), Kind.NUMBER)
    return TypedExpression(pl.lit(value, dtype=pl.String), Kind.TEXT)


def _type_cast(operation: str, one: TypedExpression) -> TypedExpression:
    if operation == "float":
        return TypedExpression(_cast(one, Kind.NUMBER), Kind.NUMBER)
    if operation == "int":
        return TypedExpression(one.expression.cast(pl.Int64, strict=False), Kind.INTEGER)
    return TypedExpression(one.expression.cast(pl.Boolean), Kind.BOOLEAN)


def _cast(one: TypedExpression, sort: Sort) -> pl.Expr:
    if one.sort == sort or sort is None:
        return one.expression
    assert isinstance(sort, Kind), "nothing is cast to a time"
    plain = {Kind.NUMBER: pl.Float64, Kind.INTEGER: pl.Int64, Kind.BOOLEAN: pl.Boolean, Kind.TEXT: pl.String}
    return one.expression.cast(plain[sort])


def _spell(one: TypedExpression, sort: Sort) -> Json:
    """Return the formula of values as those of a sort: whole numbers among floats are floats, and do not wrap."""
    is_whole = one.sort in (Kind.INTEGER, Kind.BOOLEAN)
    return ["float", one.tree] if sort is Kind.NUMBER and is_whole else one.tree
