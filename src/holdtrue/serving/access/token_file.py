"""Token file: the tokens of a project, in its `.holdtrue` folder; running workers see each change at once."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from holdtrue.errors import DeclarationError, NotFound, StateConflict, StoreFailed
from holdtrue.serving.access.token import Token, TokenRole, digest_secret, make_secret
from holdtrue.store.file import write_file

TOKEN_FILE = "tokens.json"
_LOCK_FILE = "tokens.lock"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class _TokenFile:
    tokens: tuple[Token, ...]


def list_tokens(folder: Path) -> tuple[Token, ...]:
    """Return the tokens of a project, in the order in which they were made; none without a file.

    Args:
        folder: the `.holdtrue` folder.

    Raises:
        StoreFailed: the file cannot be read, or it holds no tokens.
    """
    path = folder / TOKEN_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=_TokenFile).tokens
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreFailed(
            f"{path} cannot be read ({error})",
            expected="the file that `holdtrue token` writes",
            remedy="put it back, or remove it and make the tokens anew",
        ) from error


def create_token(folder: Path, *, name: str, role: TokenRole) -> str:
    """Make a token and return its secret, which is not kept and cannot be shown again.

    Args:
        folder: the `.holdtrue` folder.
        name: says whose it is; to revoke it by.
        role: what its holder may do.

    Raises:
        DeclarationError: the name is none.
        StateConflict: there is a token of that name.
        StoreFailed: the disk refused; no token was made.
    """
    if not _NAME.fullmatch(name):
        raise DeclarationError(
            f"{name[:80]!r} is no name for a token", expected="1 to 64 letters, digits, dots, dashes or underscores"
        )
    secret = make_secret()
    with _changing(folder) as tokens:
        if any(token.name == name for token in tokens):
            raise StateConflict(f"there is a token named {name!r} already", remedy=f"holdtrue token revoke {name}")
        tokens.append(Token(name=name, role=role, sha256=digest_secret(secret), created_at=datetime.now(UTC)))
    return secret


def revoke_token(folder: Path, name: str) -> Token:
    """Take a token away and return what was kept of it. Running workers refuse it within half a second.

    Raises:
        NotFound: there is no token of that name.
        StoreFailed: the disk refused; the token still counts.
    """
    with _changing(folder) as tokens:
        for place, token in enumerate(tokens):
            if token.name == name:
                return tokens.pop(place)
        there = ", ".join(token.name for token in tokens) or "no token at all"
        raise NotFound(f"there is no token named {name[:80]!r}", expected=there)


@contextmanager
def _changing(folder: Path) -> Iterator[list[Token]]:
    """Yield the tokens to be changed, and replace the file afterwards; one process at a time does."""
    handle = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        tokens = list(list_tokens(folder))
        yield tokens
        try:
            write_file(folder / TOKEN_FILE, msgspec.json.encode(_TokenFile(tuple(tokens))), mode=0o600)
        except OSError as error:
            raise StoreFailed(
                f"{folder / TOKEN_FILE} cannot be written ({error.strerror}); it stays as it was",
                expected="a disk with free space that this user may write to",
            ) from error
    finally:
        os.close(handle)
