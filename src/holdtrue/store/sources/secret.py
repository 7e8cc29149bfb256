"""Secrets: a URL and a text as they may be told: without user, password, or any part of one."""

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote

HIDDEN = "***"
# Shorter ones are parts of too many words: they are hidden where they stand alone.
_SHORTEST = 4
_PARAMETER = re.compile(r"([?&][^=&]*(?:pass|pwd|secret|token|key)[^=&]*=)([^&]*)", re.IGNORECASE)
# The last @ ends what is secret, although a password should spell its own otherwise.
_SECRET = re.compile(r"(?<=://)(.*)@", re.DOTALL)


def hide_secrets(text: str, url: str) -> str:
    """Return a text, such as a driver's message, without what is secret in the URL that it is about.

    >>> hide_secrets("no route to postgresql://ann:pw/9@host/db, said pw/9", "postgresql://ann:pw/9@host/db")
    'no route to postgresql://***@host/db, said ***'
    """
    told = re.sub(r"://[^\s\"']*@", f"://{HIDDEN}@", text)
    host = re.split(r"[/:?]", url.rpartition("@")[2])[0] if "@" in url else ""
    if host:
        told = re.sub(rf"[^\s\"'(,/]*@{re.escape(host)}", f"{HIDDEN}@{host}", told)
    for secret in sorted(set(_find_secrets(url)), key=len, reverse=True):
        found = re.escape(secret)
        told = re.sub(found if len(secret) >= _SHORTEST else rf"(?<!\w){found}(?!\w)", HIDDEN, told)
    return told


def hide_userinfo(url: str) -> str:
    """Return a URL without user and password, for messages and records; variables of other parts stay named.

    >>> hide_userinfo("postgresql://ann:pw@host/db?sslpassword=x")
    'postgresql://***@host/db?sslpassword=***'
    """
    if url.startswith("sqlite"):  # a file's name may hold an @, and has no secrets
        return url
    return _PARAMETER.sub(rf"\1{HIDDEN}", _SECRET.sub(f"{HIDDEN}@", url))


def _find_secrets(url: str) -> Iterator[str]:
    if url.startswith("sqlite"):
        return
    found = _SECRET.search(url)
    spelled = [] if found is None else [found[1].partition(":")[2]]
    spelled += [value for _, value in _PARAMETER.findall(url)]
    for each in (*spelled, *(os.path.expandvars(one) for one in spelled)):
        # One that is not quoted as it should be is torn by whoever reads the URL, and its parts are told.
        for secret in (each, *re.split(r"[@/:?#]", each)):
            yield from (one for one in (secret, unquote(secret)) if one and not one.startswith("$"))
