"""Gate: lets a caller through to a route, or says which token is missing."""

import time
from collections.abc import Callable
from enum import Enum
from hmac import compare_digest
from pathlib import Path
from typing import TypeVar

from holdtrue.errors import DeclarationError, StoreFailed
from holdtrue.serving.access.token import TokenRole, digest_secret
from holdtrue.serving.access.token_file import TOKEN_FILE, list_tokens
from holdtrue.serving.request.refusal import Code, Refused

_REREAD_SECONDS = 0.25
_SCHEME = "bearer"
_MARK = "permission"
_Handle = TypeVar("_Handle", bound=Callable[..., object])


class Free(Enum):
    """What a route declares that anyone may call: the health routes, which probes without a token must reach."""

    FREE = "free"


Permission = TokenRole | Free


def needs(permission: Permission) -> Callable[[_Handle], _Handle]:
    """Declare which role a route needs."""

    def mark(handle: _Handle) -> _Handle:
        setattr(handle, _MARK, permission)
        return handle

    return mark


def find_permission(handle: Callable[..., object]) -> Permission:
    """Return which role a route needs.

    Raises:
        DeclarationError: the route declares none, so that nobody can say who may call it.
    """
    permission = getattr(handle, _MARK, None)
    if isinstance(permission, TokenRole | Free):
        return permission
    raise DeclarationError(
        f"the route {getattr(handle, '__qualname__', repr(handle))} declares no permission",
        expected=f"@needs(...) with one of {', '.join(TokenRole)}, or Free.FREE",
    )


class Gate:
    """Knows the tokens of a project as its token file holds them at this moment.

    On loopback, as long as no token was made, everyone who can reach the server may call it. From the first token on,
    also when all were revoked, and beyond loopback always, each route that is not free needs one. To open the server
    again, the token file is removed by hand.

    Args:
        folder: the `.holdtrue` folder.
        is_exposed: whether the server can be reached from beyond this machine.
    """

    def __init__(self, folder: Path, *, is_exposed: bool = False) -> None:
        self._folder = folder
        self._is_exposed = is_exposed
        self._stamp: tuple[int, ...] | None = None
        self._reread_at = float("-inf")
        self._tokens: tuple[tuple[bytes, TokenRole], ...] = ()  # the digests that are let in, and as what
        self._problem: StoreFailed | None = None
        self._lets_all = False

    @property
    def is_open(self) -> bool:
        """Say whether calls need no token at this moment."""
        if time.monotonic() >= self._reread_at:
            self._look_again()
        return self._lets_all

    def admit(self, authorization: str | None, permission: Permission) -> None:
        """Let a caller through.

        Args:
            authorization: the header of that name, "Bearer ht_...".
            permission: what the route declares.

        Raises:
            Refused: the caller has no token that is known, its role may not, or the token file cannot be read.
        """
        if permission is Free.FREE or self.is_open:
            return
        self._ask(authorization, TokenRole(permission), "this route needs")

    def admit_forcing(self, authorization: str | None) -> None:
        """Let a caller choose the version that answers, which needs a token also where nothing else does.

        Raises:
            Refused: the caller has no token of the role `develop` or more.
        """
        wanted = TokenRole.DEVELOP
        told = "forcing a version needs"
        if not authorization:
            found = f"{told} a token of the role {wanted.value!r}, and the request has none"
            raise Refused(Code.NOT_ALLOWED, found, remedy=_say_how(wanted))
        self._ask(authorization, wanted, told)

    def lets(self, authorization: str | None, permission: Permission) -> bool:
        """Say whether a caller would be let through."""
        if self.is_open:
            return True
        try:
            self.admit(authorization, permission)
        except Refused:
            return False
        return True

    def may_force(self, authorization: str | None) -> bool:
        """Say whether a caller may choose the version that answers."""
        try:
            self.admit_forcing(authorization)
        except Refused:
            return False
        return True

    def _ask(self, authorization: str | None, wanted: TokenRole, told: str) -> None:
        self._look_again()
        role = self._find_role(authorization)
        if role is not None and role.covers(wanted):
            return
        told = f"{told} a token of the role {wanted.value!r}"
        if self._problem is not None:
            raise Refused(Code.NOT_READY, "the server's tokens cannot be read, so nobody is let through")
        if _take_secret(authorization) is None:
            found = "the header Authorization carries no bearer token" if authorization else "the request has no token"
            expected = "the header Authorization: Bearer TOKEN"
            raise Refused(Code.NO_TOKEN, f"{told}; {found}", expected=expected, remedy=_say_how(wanted))
        if role is None:
            raise Refused(Code.NO_TOKEN, f"{told}; the token is not known", remedy=_say_how(wanted))
        found = f"{told}, and this one has the role {role.value!r}"
        raise Refused(Code.NOT_ALLOWED, found, remedy=_say_how(wanted))

    def _find_role(self, authorization: str | None) -> TokenRole | None:
        """Return the role of a caller. Every kept digest is compared whole, so that the time taken tells nothing."""
        secret = _take_secret(authorization)
        if secret is None:
            return None
        digest, found = digest_secret(secret).encode(), None
        for kept, role in self._tokens:
            if compare_digest(kept, digest):
                found = role
        return found

    def _look_again(self) -> None:
        now = time.monotonic()
        if now < self._reread_at:
            return
        self._reread_at = now + _REREAD_SECONDS
        stamp = _stamp_file(self._folder / TOKEN_FILE)
        if stamp == self._stamp and self._problem is None:
            return
        self._stamp = stamp
        try:
            known = list_tokens(self._folder)
            self._tokens, self._problem = tuple((each.sha256.encode(), each.role) for each in known), None
        except StoreFailed as problem:
            self._tokens, self._problem = (), problem
        # A token file from which all tokens were revoked lets nobody in.
        was_made = stamp != ()
        self._lets_all = not self._is_exposed and not was_made and self._problem is None


def _take_secret(authorization: str | None) -> str | None:
    """Return the secret of a header "Bearer SECRET"; None when it is no such header."""
    scheme, _, secret = (authorization or "").partition(" ")
    return secret.strip() or None if scheme.lower() == _SCHEME else None


def _say_how(role: TokenRole) -> str:
    return f"make one with `holdtrue token create --role {role.value} --name NAME`"


def _stamp_file(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
