"""Moment: a moment as an option of a command says it."""

from datetime import datetime

from holdtrue.errors import DeclarationError


def read_moment(text: str, option: str) -> datetime:
    """Read a moment that an option says: ISO 8601 with a zone, or a day, which begins at midnight UTC."""
    try:
        moment = datetime.fromisoformat(text if len(text) > len("2024-01-01") else f"{text}T00:00:00Z")
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise DeclarationError(f"{option} is {text!r}", expected="such as 2024-01-31, or 2024-01-31T06:00:00Z")
    return moment
