"""Rules: the expressions of a schema as polars reads them, and whether requests can be held to them too."""

import polars as pl

from holdtrue.domain import Kind, Rule, Schema, make_predicate
from holdtrue.errors import DeclarationError

# A panic of the engine is no PolarsError, and no reason to end: the text is a user's.
ENGINE_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


def read_rule(rule: Rule) -> pl.Expr:
    """Return a rule as an expression that is true where a row keeps it.

    Raises:
        DeclarationError: the text is no SQL expression over columns.
    """
    found = f"the rule {rule.name!r} ({rule.text})"
    try:
        expression = pl.sql_expr(rule.text)
    except ENGINE_ERRORS as error:
        raise DeclarationError(
            f"{found} cannot be read: {tell_engine_error(error)}",
            expected='an SQL expression over columns, such as "arrives >= departs AND distance > 0"',
            remedy="put a column's name into double quotes if SQL keeps the word for itself: \"user\" = 'x'",
        ) from error
    if not expression.meta.root_names():
        raise DeclarationError(f"{found} names no column", expected="an expression over columns")
    if expression.meta.undo_aliases().meta.ne(expression):
        raise DeclarationError(f"{found} gives its result a name", expected="a condition alone: check its spelling")
    return expression


def check_rules(rules: tuple[Rule, ...]) -> None:
    """Refuse rules that cannot be read, or of the same name; see `read_rule`."""
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(f"two rules are called {name!r}", expected="a name of its own for each rule")
    for rule in rules:
        read_rule(rule)


def name_rule_columns(schema: Schema) -> tuple[str, ...]:
    """Return the names of the columns that the rules read, each once."""
    return tuple(dict.fromkeys(name for rule in schema.rules for name in read_rule(rule).meta.root_names()))


def find_table_rules(schema: Schema) -> tuple[Rule, ...]:
    """Return the rules that are checked on tables alone.

    Requests are not held to them: they say more than a predicate can, or read a column that the model is not fed.
    """
    kinds: dict[str, Kind] = {column.name: column.kind for column in schema.columns}
    return tuple(rule for rule in schema.rules if make_predicate(rule.text, kinds) is None)


def tell_engine_error(error: BaseException) -> str:
    """Return the first line of what the engine says; the others speak of its plan."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
