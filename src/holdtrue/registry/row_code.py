"""RowCode: the functions that compute a version's features; code is run only where this project has signed for it.

For a release that another believed key has signed the installed code is taken, if it is the same. Else there is none.
"""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from holdtrue.codebase import Namespace, keep_source, read_source, trace_code
from holdtrue.domain import RowFunction, Signature, Version, digest_of
from holdtrue.errors import FormatRefused, HoldtrueError, NotFound
from holdtrue.registry.keyring import Keyring
from holdtrue.registry.release import open_release

if TYPE_CHECKING:  # serving workers load functions, and speak no SQL
    from holdtrue.store import Artifacts, Store, Transaction


def has_own_release(store: "Store", tx: "Transaction", version: Version, keyring: Keyring) -> bool:
    """Say whether this project's own key has signed a release of a version, with the very functions that it names.

    What the database says of a version is signed by nobody.
    """
    row = tx.versions.read_release(version.loop, version.number)
    if row is None:
        return False
    document = store.artifacts.get(row.artifact)
    if not keyring.has_signed(document, row.signature_hex):
        return False
    signed = open_release(document, row.signature_hex, keyring).version
    return digest_of(signed.signature.functions) == digest_of(version.signature.functions)


def load_functions(signature: Signature, artifacts: "Artifacts", *, is_own: bool) -> dict[str, Callable[..., Any]]:
    """Return the functions of a version, by `RowFunction.key`.

    `is_own` says that this project's own key has signed the release, see `Keyring.has_signed`. Then the source that the
    version carries is run.

    Raises:
        FormatRefused: the code may not be run, or does not run here; says what to deploy.
        NotFound: the source is missing.
        StoreFailed: the source is damaged.
    """
    load = _load_kept if is_own else _find_installed
    return {function.key: load(function, artifacts) for function in signature.functions}


def _load_kept(function: RowFunction, artifacts: "Artifacts") -> Callable[..., Any]:
    source = read_source(artifacts.get(function.source))
    try:
        return Namespace(source).find_function(function.module, function.function)
    except NotFound:
        raise
    except (Exception, SystemExit) as error:
        raise FormatRefused(
            f"the code of the features of {function.name!r} does not run here ({type(error).__name__}: {error})",
            expected="the libraries that it imports",
            remedy="install them where it is served",
        ) from error


def _find_installed(function: RowFunction, _: "Artifacts") -> Callable[..., Any]:
    """Return the installed function, if it is the one that the release was made with."""
    found = _import(function)
    if found is not None:
        try:
            is_same = keep_source(found).digest == function.source or trace_code(found).digest == function.code
        except HoldtrueError:
            is_same = False
        if is_same:
            return found
    name = f"{function.module}.{function.function}"
    said = "is not installed here" if found is None else "is another here than the one that it was trained with"
    raise FormatRefused(
        f"the release was signed elsewhere, so its own code is not run, and {name} {said}",
        expected=f"the same code, with the fingerprint {function.code[:12]}",
        remedy=f"deploy the package of {function.module} from which the version was trained",
    )


def _import(function: RowFunction) -> Callable[..., Any] | None:
    try:
        found = getattr(importlib.import_module(function.module), function.function, None)
    except Exception:  # whatever an import raises: there is no such function here
        return None
    return found if callable(found) else None
