"""Wording: how counts and figures are written in a sentence, the same in every room."""

# From here on the digits of a number say less than how many there are.
_HUGE = 1e15


def format_count(count: int, noun: str, plural: str | None = None) -> str:
    """Say how many of something there are; the plural takes an s unless it is given.

    >>> format_count(1, "pair"), format_count(8412, "pair"), format_count(2, "entry", "entries")
    ('1 pair', '8,412 pairs', '2 entries')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"


def format_clause(count: int, noun: str, *, one: str, many: str) -> str:
    """Say how many of something there are and what they do: the verb agrees with their number.

    >>> format_clause(1, "row", one="was", many="were"), format_clause(2, "row", one="was", many="were")
    ('1 row was', '2 rows were')
    """
    return f"{format_count(count, noun)} {one if count == 1 else many}"


def format_figure(value: float) -> str:
    """Say a figure that others are held against: with four digits, and whole from 1,000 on.

    >>> format_figure(0.65593), format_figure(12345.6), format_figure(8.0077e298), format_figure(0.00004321)
    ('0.6559', '12,346', '8.008e+298', '4.321e-05')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < _HUGE else f"{value:.4g}"
