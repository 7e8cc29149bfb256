"""State: what classes, modules and instances consist of, for the fingerprint."""

import functools
import gc
import inspect
import logging
import re
import weakref
from collections.abc import Callable, Iterator
from pathlib import PurePath
from types import (
    CodeType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)

from holdtrue.codebase.pickled import holds_functions, read_pickled

_ADDRESS = re.compile(r"(, handle [0-9a-f]+)? at 0x[0-9a-fA-F]+")
_ABOUT_THE_CLASS = {
    "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__",
    "__abstractmethods__", "_abc_impl", "__slotnames__", "__annotate__", "__annotate_func__", "__annotations_cache__",
}  # fmt: skip
# What pydantic builds of fields and validators, with ids and whole namespaces in it, some of it when first used.
_BUILT_BY_PYDANTIC = {
    "__pydantic_core_schema__", "__pydantic_validator__", "__pydantic_serializer__", "__pydantic_complete__",
    "__pydantic_setattr_handlers__", "__pydantic_parent_namespace__", "__signature__", "core_schema", "validator",
    "serializer", "_parent_depth", "pydantic_complete", "ns_resolver", "module", "_module_name", "qualname",
    "__return_pydantic_validator__",
}  # fmt: skip
_REDUCERS = ("__reduce_ex__", "__reduce__", "__getstate__")
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement
MISSING = "(there is no such name)"
_COPIED = set(functools.WRAPPER_ASSIGNMENTS)  # of what is wrapped
_REMEMBERING = type(functools.lru_cache(lambda: None))  # it holds what was returned
_CACHES = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)


def read_class(kind: type) -> Iterator[tuple[str, object]]:
    """Return the attributes of a class itself, in the order of their names, without what describes its source."""
    is_pydantic = "__pydantic_fields__" in vars(kind)
    for name in sorted(vars(kind)):
        value = vars(kind)[name]
        if name in _ABOUT_THE_CLASS or isinstance(value, GetSetDescriptorType):
            continue
        if is_pydantic and name.startswith("__") and name in _BUILT_BY_PYDANTIC:
            continue
        yield name, _list_decorators(value) if name == "__pydantic_decorators__" else value
    for name in ("__struct_fields__", "__struct_defaults__"):  # msgspec keeps these outside of the class's dictionary
        yield name, getattr(kind, name, None)


def _list_decorators(infos: object) -> list[object]:
    """Return what pydantic's decorators say; the functions themselves stand in the class, under their names."""
    return [
        (kind, name, getattr(decorator, "info", None))
        for kind, decorators in (read_attributes(infos) or {}).items()
        if isinstance(decorators, dict)
        for name, decorator in decorators.items()
    ]


def read_module(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Return what a module holds, in the order of the names, without what describes its source."""
    if "__getattr__" in vars(module):  # it finds more by asking; what it found it may keep
        for name in dir(module):
            read_attribute(module, name)
    for name in sorted({*vars(module), *(dir(module) if "__getattr__" in vars(module) else ())}):
        if not (name.startswith("__") and name.endswith("__")):
            yield name, read_attribute(module, name)


def read_attribute(module: ModuleType, name: str) -> object:
    """Return what a module gives for a name, which a `__getattr__` of its own may find or import; MISSING for none."""
    if name in vars(module):
        return vars(module)[name]
    try:
        return getattr(module, name)
    except Exception:  # as the function itself would find out
        return MISSING


def read_state(thing: object, *, is_own: Callable[[FunctionType | type], bool]) -> object:
    """Return what tells an instance from others of its class, made of things that can be traced.

    It is what the object itself says for copying (`__reduce_ex__`), which numpy, polars, scikit-learn and the standard
    library all answer well; nothing is ever rebuilt from it. Of an instance of the project's classes such an answer
    may leave something out, so all attributes count too. Objects without an answer count by their attributes, their
    repr without addresses and the functions of the project in them.

    `is_own` says whether a function or class is none of a library's.
    """
    match thing:
        case PurePath():
            return thing.as_posix()
        case memoryview():
            return ("memory", thing.format, thing.shape, thing.tobytes())
        case logging.Logger():
            return "logger"
        case _ if isinstance(thing, _CACHES):
            return "what others hold"
        case weakref.ReferenceType():
            return ("refers to", thing())
        case GeneratorType():
            frame = thing.gi_frame
            return ("generator", thing.gi_code, None if frame is None else (frame.f_lasti, dict(frame.f_locals)))
    wrapped = _find_wrapped(thing)
    if wrapped is not None:
        held = [] if isinstance(thing, _REMEMBERING) else _find_held(thing, is_own)
        return ("wraps", wrapped, _read_beside(thing, is_own), held)
    hidden = read_attributes(thing) if _answers_itself(type(thing), is_own) else None
    try:
        reduced = thing.__reduce_ex__(4)
    except Exception:
        return ("repr", read_attributes(thing), _ADDRESS.sub("", repr(thing)), _find_held(thing, is_own))
    if isinstance(reduced, str):
        return ("name", reduced, hidden)
    make, arguments, *rest = reduced
    state, items, pairs = [*rest, None, None, None][:3]
    return (make, arguments, _leave_built(type(thing), state), list(items or ()), list(pairs or ()), hidden)


def _find_wrapped(thing: object) -> object:
    wrapped = inspect.getattr_static(thing, "__wrapped__", None)  # not asked of what answers to any name
    if isinstance(wrapped, GetSetDescriptorType | MemberDescriptorType | property):
        wrapped = getattr(thing, "__wrapped__", None)
    return wrapped


def _read_beside(thing: object, is_own: Callable[[FunctionType | type], bool]) -> dict[str, object]:
    """Return the attributes beside what is wrapped; of a library's wrapper, which may hold a cache, functions only."""
    found = {name: value for name, value in (read_attributes(thing) or {}).items() if name not in _COPIED}
    if is_own(type(thing)):
        return found
    return {name: value for name, value in found.items() if isinstance(value, FunctionType | MethodType)}


def _answers_itself(kind: type, is_own: Callable[[FunctionType | type], bool]) -> bool:
    """Say whether a class of the project, or a library's that it is made of, says itself what is copied."""
    bases = kind.__mro__[:-1]
    return any(name in vars(each) for each in bases for name in _REDUCERS) and is_own(kind)


def read_attributes(thing: object) -> dict[str, object] | None:
    """Return the attributes of an instance, in its dictionary and in slots."""
    found = dict(getattr(thing, "__dict__", None) or {})
    for kind in type(thing).__mro__:
        for name, slot in vars(kind).items():
            if isinstance(slot, MemberDescriptorType) and kind.__flags__ & _HEAP_TYPE:
                try:
                    found[name] = slot.__get__(thing)
                except AttributeError:
                    continue
    return {name: found[name] for name in sorted(found) if name != "__wrapped__"} or None


def _leave_built(kind: type, state: object) -> object:
    if holds_functions(state):
        return read_pickled(state)
    if kind.__module__.partition(".")[0] != "pydantic":
        return state
    parts = state if isinstance(state, tuple) else (state,)  # attributes, and those in slots
    return [_leave_named(part) if isinstance(part, dict) else part for part in parts]


def _leave_named(attributes: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in attributes.items() if name not in _BUILT_BY_PYDANTIC}


def _find_held(thing: object, is_own: Callable[[FunctionType | type], bool]) -> list[object]:
    """Return the functions and classes of the project that an object of native code holds, as numpy's `frompyfunc`."""
    held = [each for each in gc.get_referents(thing) if each is not type(thing)]
    held = [part for each in held for part in (each if isinstance(each, tuple) else (each,))]
    return [
        each
        for each in held
        if isinstance(each, MethodType | CodeType | GeneratorType)
        or (isinstance(each, FunctionType | type) and is_own(each))
    ]
