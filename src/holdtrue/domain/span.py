"""Spans of time as users write them: "6h", "30m", "7d"."""

import re
from datetime import timedelta

from holdtrue.errors import DeclarationError

_SIZES = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FORM = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*$")


def parse_span(text: str | timedelta) -> timedelta:
    """Read a span such as "6h", "30m", "1.5d" or "2w"; a timedelta passes through.

    Raises:
        DeclarationError: the text is not a number and one of s, m, h, d, w; or the span is negative.

    >>> parse_span("6h")
    datetime.timedelta(seconds=21600)
    """
    if isinstance(text, timedelta):
        if text < timedelta(0):
            raise DeclarationError(f"the span {text} is negative", expected="zero or more")
        return text
    match = _FORM.match(text)
    if match is None:
        raise DeclarationError(
            f"the span {text!r} cannot be read", expected='a number and a unit, such as "6h" or "7d"'
        )
    return timedelta(seconds=float(match.group(1)) * _SIZES[match.group(2)])
