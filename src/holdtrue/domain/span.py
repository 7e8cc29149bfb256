"""Spans of time as users write them: "6h", "30m", "7d", "1 day"."""

import re
from datetime import timedelta

from holdtrue.errors import DeclarationError

_SIZES = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FORM = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(?:([smhdw])|(second|minute|hour|day|week)s?)\s*$")


def parse_span(text: str | timedelta) -> timedelta:
    """Read a span such as "6h", "30m", "1.5d", "2w" or "1 day"; a timedelta passes through.

    Raises:
        DeclarationError: the text is not a number and one of s, m, h, d, w or their words; or the span is negative.

    >>> parse_span("6h")
    datetime.timedelta(seconds=21600)
    >>> parse_span("2 days").days
    2
    """
    if isinstance(text, timedelta):
        if text < timedelta(0):
            raise DeclarationError(f"the span {text} is negative", expected="zero or more")
        return text
    given: object = text
    match = _FORM.match(given) if isinstance(given, str) else None
    expected = 'a number and a unit, such as "6h" or "7d"'
    if match is None:
        raise DeclarationError(f"the span {text!r} cannot be read", expected=expected)
    unit = match.group(2) or match.group(3)[0]
    try:
        return timedelta(seconds=float(match.group(1)) * _SIZES[unit])
    except OverflowError as problem:
        raise DeclarationError(f"the span {text!r} is longer than any calendar", expected=expected) from problem
