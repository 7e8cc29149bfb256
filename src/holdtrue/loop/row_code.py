"""RowCode: the functions that a loop declares, with the source that its versions carry of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from types import FunctionType
from typing import Any

from holdtrue.codebase import KeptSource, Namespace, keep_source, move_clocks, name_module, trace_code, trace_kept
from holdtrue.data import DeclaredFunction, History, derive_history
from holdtrue.domain import Loop, RowFunctionFailed, Version
from holdtrue.environments import format_traceback
from holdtrue.errors import DeclarationError, TrainingFailed
from holdtrue.registry import Keyring, has_own_release, load_functions
from holdtrue.store import Artifacts, Store

_ALONE = "a function that needs constants, functions, classes and modules alone, each made when its module is imported"


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedFunction:
    """A declared function, the source that versions carry of it, and the libraries that count in its fingerprint."""

    declared: DeclaredFunction
    source: KeptSource
    libraries: tuple[str, ...]


def derive_rows(history: History, loop: Loop) -> History:
    """Return a history with the columns that its loop computes; see `derive_history`.

    Raises:
        DeclarationError: a feature cannot be meant, or would not come out the same in a server.
        TrainingFailed: a function of the project raised, or returned what it may not; the traceback is the user's.
    """
    functions = {name: packed.declared for name, packed in pack_functions(loop).items()}
    try:
        return derive_history(history, loop, functions)
    except RowFunctionFailed as failure:
        cause = failure.__cause__
        raise TrainingFailed(
            failure.found,
            traceback_text="" if cause is None else format_traceback(cause),
            expected=failure.expected or "columns for every row, whatever is missing in it",
            remedy=failure.remedy,
        ) from failure


def pack_functions(loop: Loop) -> dict[str, PackedFunction]:
    """Return the functions among a loop's features, by name.

    Raises:
        DeclarationError: one cannot be kept with a version.
        TrainingFailed: its source raised when it was run by itself.
    """
    return {name: _pack(said) for name, said in loop.declared_features.items() if isinstance(said, FunctionType)}


def keep_functions(loop: Loop, artifacts: Artifacts) -> None:
    """Keep the source of a loop's functions, for the versions whose signature names it."""
    for packed in pack_functions(loop).values():
        artifacts.put(packed.source.data)


def hold_functions(known: History, store: Store, *versions: Version | None) -> History:
    """Return a history that computes the features of these versions too, as its own loop may not any more.

    Raises:
        FormatRefused: a version's functions may not be run here.
    """
    calls: dict[str, Callable[..., Any]] = dict(known.calls)
    keyring = Keyring.open(store.folder / "keys")
    for version in versions:
        if version is None or all(function.key in calls for function in version.signature.functions):
            continue
        with store.reading() as tx:
            is_own = has_own_release(store, tx, version, keyring)
        calls |= load_functions(version.signature, store.artifacts, is_own=is_own)
    return replace(known, calls=calls)


# Once for each function: what it remembers of rows later on is no part of it.
@lru_cache(maxsize=32)
def _pack(function: FunctionType) -> PackedFunction:
    module, name, traced = name_module(function), function.__name__, trace_code(function)
    source = keep_source(function)
    kept = Namespace(source)
    ask = _run(kept, module, name)
    if (found := trace_kept(ask, kept)).digest != traced.digest:
        code = function.__code__
        raise DeclarationError(
            f"{name} ({code.co_filename.rpartition('/')[2]}, line {code.co_firstlineno}) is another function when its"
            " source is run by itself",
            expected=_ALONE,
            remedy="if the file was edited meanwhile, run this again; else make what it needs by plain statements at"
            " the top of its modules",
        )
    declared = DeclaredFunction(
        module=module,
        code=traced.digest,
        source=source.digest,
        ask=function,
        kept=ask,
        moved=_run(Namespace(source, substitutes=move_clocks()), module, name),
    )
    return PackedFunction(declared=declared, source=source, libraries=found.libraries)


def _run(namespace: Namespace, module: str, name: str) -> Callable[..., Any]:
    try:
        return namespace.find_function(module, name)
    except (Exception, SystemExit) as error:
        raise TrainingFailed(
            f"the source of {name} does not run by itself ({type(error).__name__}: {error})",
            traceback_text=format_traceback(error),
            expected=_ALONE,
            remedy="files that it reads belong into a module as constants, or into the table",
        ) from error
