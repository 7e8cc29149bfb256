"""Spans of time in words."""

from datetime import timedelta


def format_span(span: timedelta) -> str:
    """Say a span in the largest unit that keeps it readable.

    >>> format_span(timedelta(minutes=90)), format_span(timedelta(days=3, hours=2))
    ('1.5 hours', '3.1 days')
    """
    seconds = span.total_seconds()
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if abs(seconds) >= size:
            amount = f"{seconds / size:.1f}".removesuffix(".0")
            return f"{amount} {unit.removesuffix('s') if amount == '1' else unit}"
    return f"{seconds:.0f} seconds"
